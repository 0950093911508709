"""Which of many templates suits best what somebody looks for: a ranking, and the few that it puts first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from casement.domain.consent import plain
from casement.domain.template_shape import Shape, shape_of
from casement.domain.templates import Template

_CATEGORIES = ("UTILITY", "AUTHENTICATION", "MARKETING")  # the one that costs least and is wanted most comes first
_QUALITIES = ("GREEN", "UNKNOWN", "YELLOW", "RED")

Rank = tuple[int | str, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. `words` are plain ones, `names` are a purpose's templates and `languages` those to look for,
    both the best first."""

    words: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


def words_of(text: str) -> tuple[str, ...]:
    """The words to look for in what somebody typed: case and accents don't count."""
    return tuple(plain(text).split())


def match(template: Template, words: Sequence[str]) -> int | None:
    """How well the template matches all of the words, 0 the best; None if it does not.

    Its name is better than what it says, and all of the name better than a part of it.
    """
    name = plain(template.name)
    if not words or " ".join(words) == name:
        return 0
    if all(word in name for word in words):
        return 1
    said = f"{name} {plain(' '.join(_texts(shape_of(template.definition))))}"
    return 2 if all(word in said for word in words) else None


def _texts(shape: Shape | None) -> Iterator[str]:
    """Everything that a template says."""
    if shape is None:
        return
    texts = (shape.header_text, shape.body_text, (shape.footer or {}).get("text"))
    labels = (button.get("text") for button in shape.buttons)
    yield from (text for text in (*texts, *labels) if isinstance(text, str))
    for card in shape.cards or ():
        yield from _texts(card)


def rank(template: Template, wanted: Wanted, matched: int) -> Rank:
    """Where a template stands among others, the lowest first: by its place in the purpose, by its language, by how well
    it matches, by category and by quality, and at last by name, so that the order is always the same."""
    return (
        _place(template.name, wanted.names),
        _place(template.language, wanted.languages),
        matched,
        _place(template.category, _CATEGORIES),
        _place(template.quality or "UNKNOWN", _QUALITIES),
        template.name,
        template.language,
    )


def _place(value: str, order: Sequence[str]) -> int:
    return order.index(value) if value in order else len(order)


class Best(Generic[T]):
    """The first few of any number of things, by rank. No more than twice as many are ever kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[tuple[Rank, T]] = []
        self.seen = 0

    def add(self, rank: Rank, thing: T) -> None:
        """One more."""
        self.seen += 1
        self._kept.append((rank, thing))
        if len(self._kept) > 2 * self._most:
            self._kept = self._sorted()

    def __iter__(self) -> Iterator[T]:
        return (thing for _, thing in self._sorted())

    def _sorted(self) -> list[tuple[Rank, T]]:
        return sorted(self._kept, key=lambda each: each[0])[: self._most]
