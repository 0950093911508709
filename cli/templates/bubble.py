"""A rendered template as a telephone shows it, in a terminal."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

_WIDTH = 48
_CARD_WIDTH = 42
_LABELS = {"COPY_CODE": "Copy code", "CATALOG": "View catalog", "VOICE_CALL": "Call on WhatsApp"}
_CARRIED = ("url", "phone_number", "code")


def bubble(rendered: Mapping[str, Any], *, width: int = _WIDTH) -> Panel:
    """All of a preview's `message`, from the right where it is written from there."""
    from_right = rendered.get("direction") == "rtl"
    parts = [*_parts(rendered, from_right), *_cards(rendered)]
    title = "from right to left" if from_right else None
    return Panel(Group(*parts), box=ROUNDED, width=width, padding=(0, 1), title=title, title_align="right")


def _parts(rendered: Mapping[str, Any], from_right: bool) -> Iterator[RenderableType]:
    side: Literal["right", "left"] = "right" if from_right else "left"
    if header := _header(rendered.get("header")):
        yield Text(header, style="bold", justify=side)
    if offer := _offer(rendered.get("offer")):
        yield Text(offer, style="magenta", justify=side)
    if rendered.get("body"):
        yield Text(str(rendered["body"]), justify=side)
    if rendered.get("footer"):
        yield Text(str(rendered["footer"]), style="dim", justify=side)
    for button in _objects(rendered.get("buttons")):
        yield Rule(style="dim")
        yield Text(_button(button), style="cyan", justify="center")
    if isinstance(by_meta := rendered.get("by_meta"), list) and by_meta:
        parts = ", ".join(map(str, by_meta))
        yield Text(f"Meta's own words, in the template's language: {parts}", style="dim italic")


def _cards(rendered: Mapping[str, Any]) -> Iterator[RenderableType]:
    for card in _objects(rendered.get("cards")):
        yield bubble({"direction": rendered.get("direction"), **card}, width=_CARD_WIDTH)


def _header(header: Any) -> str:
    """A text, or what stands in the place of a medium, a place or a product."""
    if not isinstance(header, dict):
        return ""
    if header.get("text"):
        return str(header["text"])
    kind = str(header.get("format", "")).lower()
    content = header.get(kind)
    said = content if isinstance(content, dict) else {}
    named = next((str(said[name]) for name in ("name", "link", "id", "product_retailer_id") if said.get(name)), "")
    return f"[{kind}{': ' if named else ''}{named}]"


def _offer(offer: Any) -> str:
    if not isinstance(offer, dict):
        return ""
    text, ends_at = str(offer.get("text") or ""), offer.get("ends_at")
    return f"{text} until {_time(ends_at)}".strip() if isinstance(ends_at, int | float) else text


def _time(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _button(button: Mapping[str, Any]) -> str:
    kind = str(button.get("type", ""))
    label = str(button.get("text") or _LABELS.get(kind) or kind.replace("_", " ").lower())
    carried = next((str(button[name]) for name in _CARRIED if button.get(name)), "")
    return f"{label}\n{carried}" if carried else label


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in (value if isinstance(value, list | tuple) else ()) if isinstance(each, dict)]
