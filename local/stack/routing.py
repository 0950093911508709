"""Which route of the HTTP API a request takes. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

from local.stack.template import HttpRoute

T = TypeVar("T")


@dataclass(frozen=True)
class Match(Generic[T]):
    route: HttpRoute
    target: T
    path_parameters: Mapping[str, str]  # decoded


class Router(Generic[T]):
    """Picks the most specific route, as API Gateway does for HTTP APIs.

    A full match comes first, then paths with variables, then greedy ones; for one path the method's own route
    comes before `ANY`; `$default` takes the rest.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
    """

    def __init__(self, routes: Iterable[tuple[HttpRoute, T]]) -> None:
        self._default: tuple[HttpRoute, T] | None = None
        self._routes: list[tuple[HttpRoute, tuple[str, ...], T]] = []
        for route, target in routes:
            if route.path == "$default":
                self._default = (route, target)
            else:
                self._routes.append((route, tuple(route.path.split("/")[1:]), target))
        self._routes.sort(key=lambda item: _rank(item[0].method, item[1]))

    def match(self, method: str, raw_path: str) -> Match[T] | None:
        """The route for a request; `raw_path` is as it came, not decoded."""
        segments = raw_path.split("/")[1:]
        for route, wanted, target in self._routes:
            if route.method not in (method, "ANY"):
                continue
            found = _variables(wanted, segments)
            if found is not None:
                return Match(route, target, found)
        return Match(*self._default, path_parameters={}) if self._default else None


def _rank(method: str, segments: tuple[str, ...]) -> tuple[tuple[int, ...], bool]:
    """Sorts the most specific first, segment by segment: literal text, a variable, a greedy variable."""
    return tuple(map(_vagueness, segments)), method == "ANY"


def _vagueness(segment: str) -> int:
    if not segment.startswith("{"):
        return 0
    return 2 if segment.endswith("+}") else 1


def _variables(wanted: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    """The path's variables, or None if it is another path."""
    found: dict[str, str] = {}
    for index, want in enumerate(wanted):
        match _vagueness(want):
            case 2:
                rest = "/".join(segments[index:])
                return {**found, want[1:-2]: unquote(rest)} if rest else None
            case 1 if index < len(segments) and segments[index]:
                found[want[1:-1]] = unquote(segments[index])
            case 0 if index < len(segments) and segments[index] == want:
                pass
            case _:
                return None
    return found if len(wanted) == len(segments) else None
