"""What a customer will see of a template message: the words as they will stand there, and what each button does.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components; of Meta's own
words in templates for one-time codes, …/templates/authentication-templates/authentication-templates.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from casement.domain.template_filling import OFFER_ENDS, card_count, parameters_in, second_of, slots_of, text_of
from casement.domain.template_shape import Component, Shape, hydrated, shape_of, type_of, variables

_FROM_RIGHT = frozenset(("ar", "he", "iw", "fa", "prs", "ps", "ur", "sd", "ug", "yi", "dv", "ckb"))
_CODE_BODY = "{{1}} is your verification code."
_SAFETY = "For your security, do not share this code."
_CODE_FOOTER = "This code expires in {} minutes."

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RenderedHeader:
    """`text` of a text header, else `content`: the medium, the place or the product, None where none is given."""

    format: str
    text: str | None = None
    content: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RenderedButton:
    """A button as it is labelled, None where WhatsApp labels it, and what it carries: `url`, `phone_number`, `code`,
    `payload`, `action`."""

    type: str
    text: str | None
    carries: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RenderedOffer:
    """A limited-time offer. `ends_at` is in epoch seconds, None where it does not end or where no end is given."""

    text: str | None
    ends_at: int | float | None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as its recipient sees it, or one card of it. Variables without a value stand as the template has them.

    `by_meta` names the parts whose words are Meta's own: they are shown in English where Meta did not tell them, and
    stand in the message in the template's language. `direction` is "rtl" where it is written from right to left.
    """

    header: RenderedHeader | None
    body: str | None
    footer: str | None
    buttons: tuple[RenderedButton, ...]
    cards: "tuple[Rendered, ...]" = ()
    offer: RenderedOffer | None = None
    direction: str = "ltr"
    by_meta: tuple[str, ...] = ()


def render(definition: Mapping[str, Any], components: Any) -> Rendered:
    """What a send of this template with these components shows."""
    return rendered_with(definition, parameters_in(definition, components))


def rendered_with(definition: Mapping[str, Any], parameters: Values) -> Rendered:
    """What a send of this template with these values, by the keys of `filled`, shows. They need not be complete."""
    shape = shape_of(definition) or Shape()
    placed = ((slot, slot.key_in(parameters)) for slot in slots_of(definition, parameters))
    values = {slot.key: parameters[key] for slot, key in placed if key is not None}
    cards = tuple(_part(shape.card(index), values, f"card.{index}.") for index in range(card_count(shape, parameters)))
    rendered = _part(shape, values, "")
    return replace(rendered, cards=cards, direction=_direction(definition, rendered))


def _part(shape: Shape, values: Values, prefix: str) -> Rendered:
    body, footer = _body(shape), _footer(shape)
    by_meta = (("body",) if shape.has_untold_body else ()) + (("footer",) if footer and not _told(shape.footer) else ())
    return Rendered(
        _header(shape, values, prefix),
        body and hydrated(body, _from(values, prefix)),
        footer,
        tuple(_button(shape, index, button, values, prefix) for index, button in enumerate(shape.buttons)),
        offer=_offer(shape, values),
        by_meta=by_meta,
    )


def _from(values: Values, *prefixes: str) -> Callable[[str], str | None]:
    def value_of(name: str) -> str | None:
        found = (values[prefix + name] for prefix in prefixes if prefix + name in values)
        return text_of(next(found, None))

    return value_of


def _header(shape: Shape, values: Values, prefix: str) -> RenderedHeader | None:
    if shape.header_format is None:
        return None
    if (text := shape.header_text) is not None:
        return RenderedHeader("TEXT", hydrated(text, _from(values, f"{prefix}header.")))
    content = values.get(f"{prefix}header")
    return RenderedHeader(shape.header_format, content=content if isinstance(content, dict) else None)


def _body(shape: Shape) -> str | None:
    if not shape.has_untold_body:
        return shape.body_text
    is_safe = shape.body is not None and bool(shape.body.get("add_security_recommendation"))
    return f"{_CODE_BODY} {_SAFETY}" if is_safe else _CODE_BODY


def _footer(shape: Shape) -> str | None:
    if told := _told(shape.footer):
        return told
    minutes = shape.footer.get("code_expiration_minutes") if shape.footer else None
    return _CODE_FOOTER.format(minutes) if isinstance(minutes, int) and not isinstance(minutes, bool) else None


def _told(component: Component | None) -> str | None:
    text = component.get("text") if component else None
    return text if isinstance(text, str) else None


def _offer(shape: Shape, values: Values) -> RenderedOffer | None:
    terms = shape.offer.get("limited_time_offer") if shape.offer else None
    if not isinstance(terms, dict):
        return None
    return RenderedOffer(_told(terms), second_of(values.get(OFFER_ENDS)))


def _button(shape: Shape, index: int, button: Component, values: Values, prefix: str) -> RenderedButton:
    return RenderedButton(type_of(button), _told(button), _carried(shape, button, values, f"{prefix}button.{index}"))


def _carried(shape: Shape, button: Component, values: Values, key: str) -> Mapping[str, Any]:
    kind, value = type_of(button), values.get(key)
    is_dynamic = bool(variables(button.get("url")))
    match kind:
        case "COPY_CODE" | "OTP":
            return {"code": text_of(value)}
        case "URL" if shape.carries_code and is_dynamic:  # Meta keeps the button that copies a code as one with a URL
            return {"code": text_of(value)}
        case "URL" if isinstance(button.get("url"), str):
            return {"url": hydrated(button["url"], lambda _: text_of(value))}
        case "PHONE_NUMBER":
            return {"phone_number": button.get("phone_number")}
        case "QUICK_REPLY":
            return {"payload": text_of(value)} if value is not None else {}
        case "FLOW" | "CATALOG" | "MPM":
            return {"action": value} if isinstance(value, dict) else {}
    return {}


def _direction(definition: Mapping[str, Any], rendered: Rendered) -> str:
    """As the template's language is written; where no language is named, as its first letter is."""
    language = definition.get("language")
    if isinstance(language, str) and language:
        return "rtl" if language.replace("-", "_").partition("_")[0].lower() in _FROM_RIGHT else "ltr"
    letters = (unicodedata.bidirectional(each) for each in rendered.body or "")
    return "rtl" if next((each for each in letters if each in ("L", "R", "AL")), "L") != "L" else "ltr"
