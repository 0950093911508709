"""What to change in a template in order to hit a rule: a text at its limit, a list one too long, a variable at an edge.

Random changes find what nobody thought of, and hardly ever a limit. An aim is a place and what is to be there.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from tests.support.template_cases import (
    APP,
    Json,
    body,
    buttons,
    coupon,
    flow,
    footer,
    header,
    media,
    offer,
    otp,
    phone,
    reply,
    url,
)

Place = tuple[str | int, ...]
Aim = tuple[Place, Any]

VARIABLE = re.compile(r"\{\{[^{}]*\}\}")
BETWEEN = re.compile(r"(\{\{[^{}]*\}\})[^{}]*(\{\{[^{}]*\}\})")
WORDS = {
    "category": ("MARKETING", "UTILITY", "AUTHENTICATION"),
    "parameter_format": ("POSITIONAL", "NAMED", "MIXED", None),
    "format": ("TEXT", "IMAGE", "VIDEO", "GIF", "DOCUMENT", "LOCATION", "PRODUCT", "HOLOGRAM"),
    "otp_type": ("COPY_CODE", "ONE_TAP", "ZERO_TAP", "NO_BUTTONS", "TWO_TAP"),
    "language": ("en", "fil", "prs_AF", "en-US", "en_US_x", "E", "english"),
}
NUMBERS = {
    "message_send_ttl_seconds": (-1, -2, 29, 30, 900, 901, 43_199, 43_200, 43_201, 2_592_000, 2_592_001, 60.0, True),
    "code_expiration_minutes": (0, 1, 90, 91, 5.0, True),
}
SWITCHES = ("has_expiration", "add_security_recommendation", "zero_tap_terms_accepted")
FLOWS: tuple[Json, ...] = ({}, {"flow_id": 7}, {"flow_id": ""}, {"flow_name": "a", "flow_json": {"a": 1}})
MORE = (
    *(header("Sale"), media(), media("DOCUMENT"), media(example=None), footer(), offer(), body()),
    *(buttons(reply()), buttons(otp()), {"type": "CALL_PERMISSION_REQUEST"}, {"type": "GREETING"}, {"type": "SIDEBAR"}),
    {"type": "CAROUSEL", "cards": [{"components": [media()]}] * 2},
)
BUTTONS = (
    *(reply(), url(), phone(), coupon("SAVE"), otp(), otp("ONE_TAP", supported_apps=[APP])),
    *(flow(flow_id="1"), {"type": "CATALOG", "text": "View"}, {"type": "MPM", "text": "View"}, {"type": "APP"}),
    *({"type": "SPM", "text": "View"}, {"type": "TELEPATHY"}, {"type": "REQUEST_CONTACT_INFO"}),
)


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where in a document there is something, from the outside in."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*place, key)
        yield from places(each, (*place, key))


def at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def aims(template: Json) -> dict[str, list[Aim]]:
    """All of them, by what they aim at."""
    found: dict[str, list[Aim]] = {}
    for place in places(template):
        for kind, value in _aims_at(template, place):
            found.setdefault(kind, []).append((place, value))
    return found


def _aims_at(template: Json, place: Place) -> Iterator[tuple[str, Any]]:
    key, value = place[-1], at(template, place)
    if isinstance(value, str) and (limit := _limit(template, place)):
        yield from ((f"length {limit}", stretched(value, length)) for length in (limit, limit + 1))
        yield from (("odd text", odd) for odd in _odd(value))
        yield from (("variables", odd) for odd in _misplaced(value))
    if key in WORDS:
        yield from (("words", word) for word in WORDS[str(key)])
    if key in NUMBERS:
        yield from (("numbers", number) for number in NUMBERS[str(key)])
    if key in SWITCHES:
        yield from (("switches", switch) for switch in (True, False, None, "true", 1))
    if key == "example":
        yield from (("examples", example) for example in _examples(value))
    if key in LISTS and isinstance(value, list):
        yield from LISTS[str(key)](value)
    if key == "supported_apps":
        yield from (("apps", apps) for apps in _apps())
    if isinstance(value, dict) and value.get("type") == "FLOW":
        yield from (("flows", flow(**chosen)) for chosen in FLOWS)


def _limit(template: Json, place: Place) -> int | None:
    """How long the text at a place may be."""
    if place[-1] in ("url", "phone_number"):
        return 2000 if place[-1] == "url" else 20
    holder = at(template, place[:-1])
    if not isinstance(holder, dict):
        return None
    if place[-1] == "example":
        return 20 if holder.get("type") == "COPY_CODE" else None
    if place[-1] not in ("text", "autofill_text"):
        return None
    if "buttons" in place or "limited_time_offer" in place:
        return 25 if "buttons" in place else 16
    body_limit = 160 if "cards" in place else 600 if "LIMITED_TIME_OFFER" in str(template) else 1024
    return body_limit if holder.get("type") == "BODY" else 60


def stretched(text: str, length: int) -> str:
    """Exactly so long: with more after its first character, or cut."""
    return (text[:1] + "x" * (length - len(text)) + text[1:])[:length]


def _odd(text: str) -> Iterator[str]:
    middle = len(text) // 2 if "{" not in text else 1
    yield from (
        text[:middle] + odd + text[middle:] for odd in ("\n", "\r", "\t", "*", "_", "🎉", "✅", "\ud800", "{1}")
    )
    yield from ("", "  ", text.removeprefix("https:"), "mailto:" + text, text + "{{", "}}" + text, "x://" + text)


def _misplaced(text: str) -> Iterator[str]:
    found = list(dict.fromkeys(VARIABLE.findall(text)))
    yield from (text + " {{1}}", "{{1}} " + text, text + " {{1}} and more of it", text + "{{1}}", text + "{{ 1 }}\n")
    yield from (BETWEEN.sub(rf"\1{between}\2", text, count=1) for between in ("", " ", "\t ", "\n", "-", ", "))
    for few in (len(found) - 1, len(found)):
        yield "w " + " w ".join(found) + " w" + " w" * few
        yield "文 " + " w ".join(found) + " w" + " w" * few
    if found:
        yield from ("文" + "字".join(found) + "文", VARIABLE.sub("", text), text.replace(found[0], found[-1]))
        yield from (
            text.replace(found[0], other) for other in ("{{2}}", "{{01}}", "{{one}}", "{{1st}}", "{{A}}", "{{}}")
        )
        yield from (text.replace(found[-1], found[-1] + "."), text.replace(found[0], found[0] + found[0]))


def _examples(example: Any) -> Iterator[Any]:
    yield from (
        None,
        [],
        {},
        "",
        "one",
        [""],
        ["one"],
        ["one", "two"],
        {"header_handle": []},
        {"header_handle": "4::a"},
    )
    for key, given in example.items() if isinstance(example, dict) else ():
        rows = given[0] if isinstance(given, list) and given and isinstance(given[0], list) else given
        if isinstance(rows, list):
            yield from (
                {key: wrong} for wrong in (rows, [rows], rows[1:], [*rows, "one"], [[*rows[1:], 7]], [*rows[1:], ""])
            )
            yield {key: [*rows[1:], {"param_name": "x", "example": "y"}]}
        yield {key: "one"}


def _buttons(row: list[Any]) -> Iterator[tuple[str, Any]]:
    yield from (("button", [*row, more]) for more in BUTTONS)
    yield from (("button", [more, *row]) for more in BUTTONS)
    yield from (("number of buttons", [reply(), *row, url(), reply()][:number]) for number in (0, 1, 2, 3))
    quick = isinstance(row[0], dict) and row[0].get("type") == "QUICK_REPLY" if row else False
    for number in (10, 11):
        replies = [reply()] * (number - len(row))
        yield "number of buttons", [*replies, *row] if quick else [*row, *replies]
    yield from (("number of buttons", [*row, *map(deepcopy, row)]) for _ in row[:1])
    yield from (("number of buttons", [url()] * number) for number in (2, 3))


def _cards(cards: list[Any]) -> Iterator[tuple[str, Any]]:
    yield from (("number of cards", [deepcopy(cards[0])] * number) for number in (0, 1, 2, 10, 11) if cards)
    yield from (("cards", _all_with(cards, more)) for more in MORE)
    yield from (
        ("cards", _all_with(cards, buttons(*row))) for row in ([reply(), url()], [reply(), url(), phone()], [otp()])
    )
    yield from (
        ("cards", [*cards, {"components": wrong}]) for wrong in ([media()], [media("VIDEO"), body()], [], [body()])
    )


def _all_with(cards: list[Any], more: Json) -> list[Any]:
    """The cards, each with one component more, instead of one of its type if there is one."""
    return [
        {"components": [*(each for each in _components(card) if each.get("type") != more["type"]), more]}
        for card in cards
    ]


def _components(card: Any) -> list[Json]:
    parts = card.get("components") if isinstance(card, dict) else None
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _parts(components: list[Any]) -> Iterator[tuple[str, Any]]:
    yield from (("component", [*components, more]) for more in MORE)
    yield from (("component", components[:index] + components[index + 1 :]) for index in range(len(components)))
    yield from (("component", [*components[::-1]]) for _ in components[:1])


def _apps() -> Iterator[Any]:
    yield from (
        None,
        [],
        [APP] * 5,
        [APP] * 6,
        [APP | {"signature_hash": "K8a/AINcGX"}],
        [APP | {"package_name": "shop"}],
    )
    yield from ([APP | {"package_name": "com." + "a" * length}] for length in (220, 221))
    yield from ([APP | {"package_name": name}] for name in ("com.1shop", "com.shop_1.app", "com..shop", "com.shöp"))


LISTS: Mapping[str, Any] = {"buttons": _buttons, "cards": _cards, "components": _parts}
