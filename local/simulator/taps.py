"""The buttons of a template message, and what a tap on one says.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/button
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.simulator.config import Json

TOLD, COUNTED = "QUICK_REPLY", "URL"
"""A tap on a quick reply is a message; one on a link is not: Meta only counts it. Of all others nobody learns."""


@dataclass(frozen=True)
class Button:
    kind: str
    text: str
    index: int
    card: int | None  # the carousel card on which it is


@dataclass
class Tap:
    """`kind` is TOLD or COUNTED, `at` in epoch seconds."""

    kind: str
    text: str
    at: float


def find(components: list[Json], text: str | None) -> Button:
    """The button with this text, or the first one, of a template."""
    found = [button for button in buttons(components) if text in {None, button.text}]
    if not found:
        raise ValueError("the message has no such button")
    if found[0].kind not in {TOLD, COUNTED}:
        raise ValueError(f"nobody learns of a tap on a button of type {found[0].kind}")
    return found[0]


def payload(body: Json, button: Button) -> str:
    """What the business gave for this button when it sent the message, or the button's text."""
    for component in _sent_components(body, button.card):
        if str(component.get("type")).lower() == "button" and str(component.get("index")) == str(button.index):
            given = [each.get("payload") for each in _objects(component.get("parameters"))]
            return next((str(each) for each in given if each), button.text)
    return button.text


def buttons(components: list[Json], card: int | None = None) -> Iterator[Button]:
    """All of a template, those of its carousel cards too."""
    for component in components:
        for index, button in enumerate(component.get("buttons") or []):
            yield Button(str(button.get("type")).upper(), str(button.get("text", "")), index, card)
        for number, each in enumerate(component.get("cards") or []):
            yield from buttons(each["components"], number)


def _sent_components(body: Json, card: int | None) -> list[Json]:
    components = _objects(body["template"].get("components"))
    if card is None:
        return components
    carousels = [each for each in components if str(each.get("type")).lower() == "carousel"]
    cards = [each for carousel in carousels for each in _objects(carousel.get("cards"))]
    meant = [each for each in cards if str(each.get("card_index")) == str(card)]
    return _objects(meant[0].get("components")) if meant else []


def _objects(value: Any) -> list[Json]:
    """The objects in a list: what is sent twice is not judged, and may be anything."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
