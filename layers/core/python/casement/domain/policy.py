"""What becomes of a free-form message while the window is closed, as the caller declares it.

A policy is a word (`reject`, `template`, `hold`, `handoff`) or an object that says more:

    {"template": {…}}                             a Graph `template` object, sent instead
    {"purpose": "re_engage", "parameters": {…}}   the best template of that purpose, sent instead
    {"hold": {"expires_in": 3600, "supersede": "order-42", "nudge": {…}}}
    {"handoff": {"note": "…"}}

`expires_in` is in seconds; `nudge` is one of the first two, sent at once. The word `template` means the purpose
`re_engage`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from casement.domain.errors import InvalidRequest
from casement.domain.untrusted import is_text, loads

DEFAULT_PURPOSE = "re_engage"
DEFAULT_HOLD_S, LONGEST_HOLD_S = 7 * 86_400, 30 * 86_400
LONGEST_WORD = 200  # characters of a supersede key, a purpose's name
LONGEST_NOTE = 1_000


class WhenClosed(StrEnum):
    """The policies by their words."""

    REJECT = "reject"
    TEMPLATE = "template"
    HOLD = "hold"
    HANDOFF = "handoff"


class WhenLimited(StrEnum):
    """What becomes of a message that Meta puts off for a rate limit, or that can't reach Meta: it was not sent."""

    REFUSE = "refuse"  # with Meta's answer
    QUEUE = "queue"  # it takes its turn, and is sent as soon as Meta lets it


class WhenDearer(StrEnum):
    """What becomes of a template that Meta has moved to a category that costs more than the one declared."""

    SEND = "send"
    REFUSE = "refuse"


CATEGORIES = ("AUTHENTICATION", "MARKETING", "UTILITY")


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse, with the reason."""


@dataclass(frozen=True, slots=True)
class NamedTemplate:
    """One template, as a Graph `template` object."""

    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        name: str = self.body["name"]
        return name

    @property
    def language(self) -> str:
        """The code of its language."""
        code: str = self.body["language"]["code"]
        return code


@dataclass(frozen=True, slots=True)
class Purpose:
    """The best template of a purpose. `language` stands before the contact's own."""

    name: str
    parameters: Mapping[str, Any]
    language: str | None = None


TemplateChoice = NamedTemplate | Purpose


@dataclass(frozen=True, slots=True)
class UseTemplate:
    """Send a template instead."""

    choice: TemplateChoice


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep it until the customer writes."""

    expires_in_ms: int = DEFAULT_HOLD_S * 1000
    supersede: str | None = None
    nudge: TemplateChoice | None = None


@dataclass(frozen=True, slots=True)
class Handoff:
    """Give it to a person."""

    note: str | None = None


Policy = Reject | UseTemplate | Hold | Handoff
_OF_WORD: Mapping[WhenClosed, Policy] = {
    WhenClosed.REJECT: Reject(),
    WhenClosed.TEMPLATE: UseTemplate(Purpose(DEFAULT_PURPOSE, {})),
    WhenClosed.HOLD: Hold(),
    WhenClosed.HANDOFF: Handoff(),
}


def policy_from(given: object, where: str = "when_closed") -> Policy:
    """The policy that a JSON value says. Raises `InvalidRequest`, which names the place by `where`."""
    if isinstance(given, str):
        return _of_word(given, where)
    if not isinstance(given, dict) or not given:
        raise InvalidRequest(f"{where} must be a word or an object.", parameter=where)
    if "hold" in given:
        _must_have_only(given, {"hold"}, where)
        return _hold(given["hold"], f"{where}.hold")
    if "handoff" in given:
        _must_have_only(given, {"handoff"}, where)
        return _handoff(given["handoff"], f"{where}.handoff")
    return UseTemplate(_choice(given, where))


def when_limited_from(given: object, where: str = "when_limited") -> WhenLimited:
    """The word that a JSON value is. Raises `InvalidRequest`, which names the place by `where`."""
    if not isinstance(given, str) or given not in set(WhenLimited):
        raise InvalidRequest(f"{where} must be one of: {', '.join(WhenLimited)}.", parameter=where)
    return WhenLimited(given)


def when_dearer_from(given: object, where: str = "when_dearer") -> WhenDearer:
    """The word that a JSON value is. Raises `InvalidRequest`, which names the place by `where`."""
    if not isinstance(given, str) or given not in set(WhenDearer):
        raise InvalidRequest(f"{where} must be one of: {', '.join(WhenDearer)}.", parameter=where)
    return WhenDearer(given)


def category_from(given: object, where: str = "category") -> str:
    """The category that a JSON value names. Raises `InvalidRequest`, which names the place by `where`."""
    if not isinstance(given, str) or given.upper() not in CATEGORIES:
        raise InvalidRequest(f"{where} must be one of: {', '.join(CATEGORIES)}.", parameter=where)
    return given.upper()


def policy_in(text: str, where: str = "when_closed") -> Policy:
    """The policy in a header or a setting: a word, or an object as JSON. Raises `InvalidRequest`."""
    return policy_from(value_in(text, where), where)


def value_in(text: str, where: str = "when_closed") -> object:
    """What `policy_from` takes, from text. Raises `InvalidRequest`."""
    if not text.lstrip().startswith("{"):
        return text.strip()
    try:
        return loads(text)
    except ValueError as error:
        raise InvalidRequest(f"{where} {error}.", parameter=where) from error


def _of_word(word: str, where: str) -> Policy:
    try:
        return _OF_WORD[WhenClosed(word)]
    except ValueError as error:
        raise InvalidRequest(f"{where} must be one of: {', '.join(WhenClosed)}.", parameter=where) from error


def _choice(given: object, where: str) -> TemplateChoice:
    if isinstance(given, dict) and "template" in given:
        _must_have_only(given, {"template"}, where)
        must_be_template(given["template"], f"{where}.template")
        return NamedTemplate(given["template"])
    if isinstance(given, dict) and "purpose" in given:
        _must_have_only(given, {"purpose", "parameters", "language"}, where)
        parameters = given.get("parameters", {})
        if not isinstance(parameters, dict):
            raise InvalidRequest(f"{where}.parameters must be an object.", parameter=f"{where}.parameters")
        language = _text(given, "language", where)
        return Purpose(_text(given, "purpose", where) or DEFAULT_PURPOSE, parameters, language)
    raise InvalidRequest(f"{where} must hold template, purpose, hold or handoff.", parameter=where)


def must_be_template(template: object, where: str = "template") -> tuple[str, str]:
    """Name and language of a Graph `template` object. Raises `InvalidRequest` for what is none."""
    name = template.get("name") if isinstance(template, dict) else None
    language = template.get("language") if isinstance(template, dict) else None
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(name, str) or not name:
        raise InvalidRequest(f"{where}.name must be a string.", parameter=f"{where}.name")
    if not isinstance(code, str) or not code:
        raise InvalidRequest(f"{where}.language.code must be a string.", parameter=f"{where}.language.code")
    return name, code


def _hold(given: object, where: str) -> Hold:
    if not isinstance(given, dict):
        raise InvalidRequest(f"{where} must be an object.", parameter=where)
    _must_have_only(given, {"expires_in", "supersede", "nudge"}, where)
    expires_in = given.get("expires_in", DEFAULT_HOLD_S)
    if not isinstance(expires_in, int) or isinstance(expires_in, bool) or not 0 < expires_in <= LONGEST_HOLD_S:
        raise InvalidRequest(
            f"{where}.expires_in must be a number of seconds from 1 to {LONGEST_HOLD_S}.",
            parameter=f"{where}.expires_in",
        )
    nudge = _choice(given["nudge"], f"{where}.nudge") if "nudge" in given else None
    return Hold(expires_in * 1000, _text(given, "supersede", where), nudge)


def _handoff(given: object, where: str) -> Handoff:
    if not isinstance(given, dict):
        raise InvalidRequest(f"{where} must be an object.", parameter=where)
    _must_have_only(given, {"note"}, where)
    return Handoff(_text(given, "note", where, LONGEST_NOTE))


def _text(given: Mapping[str, Any], name: str, where: str, longest: int = LONGEST_WORD) -> str | None:
    text: str | None = given.get(name)
    if text is not None and not is_text(text, longest):
        raise InvalidRequest(f"{where}.{name} must be 1 to {longest} characters.", parameter=f"{where}.{name}")
    return text


def _must_have_only(given: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in given:
        if name not in known:  # what is not understood must not be taken for granted
            raise InvalidRequest(f"{where}.{name} is not known here.", parameter=f"{where}.{name}")
