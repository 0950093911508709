"""Why a message can't go now, and what can go instead."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from casement.domain.errors import StoreUnavailable, WindowClosed
from casement.domain.template_choice import Passed
from casement.domain.window import Window
from casement.usecases.engine import Engine
from casement.usecases.views import passed_view, window_view

MOST_REMEDIES = 10
_LOOKED_AT_FOR_REMEDIES = 100


def window_closed(why: str, window: Window, now: int, engine: Engine, passed: tuple[Passed, ...] = ()) -> WindowClosed:
    """The refusal, with the window, since when, and what can be done instead."""
    view = window_view(window, now)
    details = {"window": view, "expired_at": view["expires_at"], "remedies": _remedies(engine)}
    if passed:
        details["candidates"] = passed_view(passed)
    return WindowClosed(why, details)


def without_remedies(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A refusal as it is kept, where nobody can ask for it again: the remedies were for that moment, and are long."""
    details = body["error"]["error_data"].get("casement")
    if not details:
        return body
    about = {name: value for name, value in details.items() if name != "remedies"}
    return {"error": {**body["error"], "error_data": {**body["error"]["error_data"], "casement": about}}}


def _remedies(engine: Engine) -> list[dict[str, str]]:
    """Templates that could go now; none if the table does not say, since the refusal is what matters."""
    try:
        stored = list(islice(engine.templates.first(engine.waba_id), _LOOKED_AT_FOR_REMEDIES))
    except StoreUnavailable:
        return []
    usable = (held.template for held in stored if held.template.sendable)
    return [
        {"type": "template", "name": each.name, "language": each.language, "category": each.category}
        for each in islice(usable, MOST_REMEDIES)
    ]
