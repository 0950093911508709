"""A template's stored definition, read: its components, its buttons, its variables, by name or by number.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components. A definition is
Meta's object as it came, so that nothing in it is taken for granted.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MEDIA_FORMATS = frozenset({"IMAGE", "VIDEO", "GIF", "DOCUMENT"})
AUTHENTICATION = "AUTHENTICATION"
MOST_CARDS = 10

_VARIABLE = re.compile(r"\{\{([^{}]+)\}\}")
_PLAIN_NAME = re.compile(r"\w+")
_NUMBER = re.compile(r"[0-9]{1,3}")
_NOTHING: Mapping[str, Any] = {}

Component = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a template consists of, or one card of its carousel. None is for what it does not have.

    `buttons` are in their order, an empty one where Meta stored none that can be read. `named` says that its parameters
    go by name, `carries_code` that it is a template for one-time codes, whose words are Meta's own.
    """

    header: Component | None = None
    body: Component | None = None
    footer: Component | None = None
    buttons: tuple[Component, ...] = ()
    offer: Component | None = None
    cards: "tuple[Shape, ...] | None" = None
    named: bool = False
    carries_code: bool = False

    @property
    def header_format(self) -> str | None:
        """TEXT, IMAGE, VIDEO, GIF, DOCUMENT, LOCATION, PRODUCT, or what Meta may add."""
        if self.header is None:
            return None
        format_ = self.header.get("format")
        return format_.upper() if isinstance(format_, str) else "TEXT"

    @property
    def header_text(self) -> str | None:
        """The text of a text header."""
        text = self.header.get("text") if self.header and self.header_format == "TEXT" else None
        return text if isinstance(text, str) else None

    @property
    def body_text(self) -> str | None:
        """The body's text, None where it is Meta's own and Meta did not tell it."""
        text = self.body.get("text") if self.body else None
        return text if isinstance(text, str) else None

    @property
    def body_variables(self) -> tuple[str, ...]:
        """Those of the body. Meta's own text has one, which is the code."""
        if self.has_untold_body:
            return ("1",)
        return variables(self.body_text)

    @property
    def has_untold_body(self) -> bool:
        """Whether the body is Meta's own text, and Meta did not tell it."""
        return self.carries_code and self.body is not None and self.body.get("text") is None

    @property
    def offer_ends(self) -> bool:
        """Whether it shows a limited-time offer with the time that is left."""
        terms = self.offer.get("limited_time_offer") if self.offer else None
        return isinstance(terms, dict) and bool(terms.get("has_expiration"))

    @property
    def shows_products(self) -> bool:
        """Whether the cards show products: then a send may have more cards or fewer than the template."""
        return bool(self.cards) and all(card.header_format == "PRODUCT" for card in self.cards or ())

    def card(self, index: int) -> "Shape":
        """What the card at that place is like; cards beyond the stored ones are like the last."""
        cards = self.cards or (Shape(),)
        return cards[min(index, len(cards) - 1)]


def shape_of(definition: Mapping[str, Any]) -> Shape | None:
    """What a template consists of, None if it is stored without its components."""
    components = definition.get("components")
    if not isinstance(components, list) or not components:
        return None
    category = definition.get("category")
    carries_code = isinstance(category, str) and category.upper() == AUTHENTICATION
    return _shape(components, is_named(definition), carries_code=carries_code)


def _shape(components: Sequence[Any], named: bool, *, carries_code: bool) -> Shape:
    def first(type_: str) -> Component | None:
        return next(iter(of_type(components, type_)), None)

    carousel = first("CAROUSEL")
    return Shape(
        first("HEADER"),
        first("BODY"),
        first("FOOTER"),
        _buttons(first("BUTTONS")),
        first("LIMITED_TIME_OFFER"),
        None if carousel is None else tuple(_shape(card, named, carries_code=False) for card in _cards(carousel)),
        named,
        carries_code,
    )


def _buttons(component: Component | None) -> tuple[Component, ...]:
    buttons = (component or _NOTHING).get("buttons")
    if not isinstance(buttons, list):
        return ()
    return tuple(button if isinstance(button, dict) else _NOTHING for button in buttons)


def _cards(carousel: Component) -> Iterator[Sequence[Any]]:
    """The components of each card. A card of a card is none, and a template has ten at most."""
    cards = carousel.get("cards")
    for card in cards[:MOST_CARDS] if isinstance(cards, list) else ():
        components = card.get("components") if isinstance(card, dict) else None
        parts = components if isinstance(components, list) else []
        yield [part for part in parts if isinstance(part, dict) and type_of(part) != "CAROUSEL"]


def of_type(components: Sequence[Any], type_: str) -> list[Component]:
    """Those components that are of this type, which is in upper case."""
    return [each for each in components if isinstance(each, dict) and type_of(each) == type_]


def type_of(element: Mapping[str, Any]) -> str:
    """Its type in upper case, as Meta writes it in templates. In sends it is lower, and callers write either."""
    type_ = element.get("type")
    return type_.upper() if isinstance(type_, str) else ""


def place_of(element: Mapping[str, Any], name: str) -> int | None:
    """The `index` of a sent button or the `card_index` of a card: Meta takes a number and a string of digits."""
    place = element.get(name)
    if isinstance(place, str) and _NUMBER.fullmatch(place):
        return int(place)
    return place if isinstance(place, int) and not isinstance(place, bool) else None


def variables(text: Any) -> tuple[str, ...]:
    """The names or numbers of a text's variables, each once: numbers in their order, names as they appear."""
    if not isinstance(text, str):
        return ()
    names = list(dict.fromkeys(found.strip() for found in _VARIABLE.findall(text)))
    return tuple(sorted(names, key=lambda name: (len(name), name)) if _are_numbers(names) else names)


def hydrated(text: str, value_of: Callable[[str], str | None]) -> str:
    """The text with its variables replaced; one without a value stays as it is written."""

    def shown(variable: re.Match[str]) -> str:
        value = value_of(variable[1].strip())
        return variable[0] if value is None else value

    return _VARIABLE.sub(shown, text)


def is_named(definition: Mapping[str, Any]) -> bool:
    """Whether parameters go by name. Where Meta did not say, the variables show it."""
    declared = definition.get("parameter_format")
    if isinstance(declared, str):
        return declared.upper() == "NAMED"
    components = definition.get("components")
    parts = components if isinstance(components, list) else []
    inner = (part for carousel in of_type(parts, "CAROUSEL") for card in _cards(carousel) for part in card)
    texts = [part.get("text") for part in (*parts, *inner) if isinstance(part, dict)]
    return not all(_are_numbers(variables(text)) for text in texts)


def is_plain(names: Sequence[str], *, named: bool) -> bool:
    """Whether the variables are such as Meta approves. Of others we can't say how Meta read them."""
    if named:
        return all(map(_PLAIN_NAME.fullmatch, names))
    return sorted(names) == sorted(str(number) for number in range(1, len(names) + 1))


def _are_numbers(names: Sequence[str]) -> bool:
    return all(name.isascii() and name.isdigit() for name in names)
