"""A business phone number: what its owner set, and whether it can send at all."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from casement.domain.consent import RESUME_WORDS, STOP_WORDS, Words
from casement.domain.errors import InvalidRequest
from casement.domain.meta_errors import is_of_the_token
from casement.domain.policy import (
    LONGEST_WORD,
    WhenDearer,
    WhenLimited,
    policy_from,
    when_dearer_from,
    when_limited_from,
)
from casement.domain.starter import STARTER_PURPOSES
from casement.domain.untrusted import is_text
from casement.domain.window import WindowRules

MOST_HOLDS = 20  # of one conversation, unless the owner says otherwise
MOST_HOLDS_EVER = 100
LONGEST_LEAD_S = 86_400
DEFAULT_LANGUAGES = ("en_US", "en")
_MOST_LISTED = 50
# The fields of a contact, and the answers of a Flow that they are taken from unless the owner says otherwise.
FLOW_FIELDS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "full_name"),
    "email": ("email",),
    "phone": ("phone", "phone_number"),
    "service": ("service",),
    "date": ("date",),
}
_FIRST_RETRY_MS, _LAST_RETRY_MS = 15 * 60_000, 6 * 3_600_000


@dataclass(frozen=True, slots=True)
class PurposeTemplate:
    """A template that serves a purpose. `category` is what it was when the owner chose it, None for any."""

    name: str
    category: str | None = None


PRESET_PURPOSES = "preset_purposes"
PRESETS = {
    purpose: tuple(PurposeTemplate(name, category) for name, category in templates)
    for purpose, templates in STARTER_PURPOSES.items()
}


@dataclass(frozen=True, slots=True)
class NumberSettings:
    """What the owner of a number may set. `when_closed` is a policy as JSON says it."""

    when_closed: Any = None
    purposes: Mapping[str, tuple[PurposeTemplate, ...]] = field(default_factory=dict)
    languages: tuple[str, ...] = DEFAULT_LANGUAGES  # tried in order when there is no template in the contact's
    stop_words: Words = field(default_factory=lambda: STOP_WORDS)
    resume_words: Words = field(default_factory=lambda: RESUME_WORDS)
    most_holds: int = MOST_HOLDS
    when_limited: WhenLimited = WhenLimited.REFUSE
    when_dearer: WhenDearer = WhenDearer.SEND
    flow_fields: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: FLOW_FIELDS)  # answers, by field
    closing_lead_s: int | None = None  # before its end, from when on a window is closing; None as the stack has it

    def rules(self, stack: WindowRules) -> WindowRules:
        """When windows of this number count as closing, and when sends stop, given what holds for the whole stack."""
        return stack if self.closing_lead_s is None else replace(stack, closing_lead_ms=self.closing_lead_s * 1000)

    @property
    def serving(self) -> Mapping[str, tuple[PurposeTemplate, ...]]:
        """The templates of every purpose: as the owner set them, else those of the starter library."""
        return {**PRESETS, **self.purposes}


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a number can send. Times are epoch milliseconds.

    `stopped_by` is the error code with which Meta stopped it, `token` a digest of the token that it refused: another
    token is worth a try, unless none is named. `retry_at` is when the same may be tried again, 0 for not by time:
    whether a token works can be asked, whether an account is blocked only a message shows. `paused_until` is when
    Meta's rate limit may be over.
    """

    stopped_by: int | None = None
    stopped_at: int | None = None
    token: str | None = None
    paused_until: int = 0
    pauses: int = 0  # in a row
    retry_at: int = 0
    times_stopped: int = 0  # in a row

    @property
    def is_well(self) -> bool:
        """Whether nothing is known against the number."""
        return self.stopped_by is None and not self.pauses

    def stops(self, token: str, now: int) -> bool:
        """Whether there is no point in sending with this token (its digest) now."""
        return self.stopped_by is not None and self.token in (None, token) and not 0 < self.retry_at <= now

    def stopped(self, code: int, token: str | None, now: int) -> "Health":
        """The same, stopped once more; `token` is None where it is not known which one was refused."""
        times = self.times_stopped + 1
        wait_ms = min(_FIRST_RETRY_MS << min(times - 1, 10), _LAST_RETRY_MS)
        retry_at = 0 if is_of_the_token(code) else now + wait_ms
        return Health(code, now, token, retry_at=retry_at, times_stopped=times)


@dataclass(frozen=True, slots=True)
class NumberState:
    """Both, as kept."""

    settings: NumberSettings
    health: Health


def token_digest(token: str) -> str:
    """Sixteen hex digits that tell tokens apart and say nothing of them."""
    return hashlib.sha256(b"casement token " + token.encode(errors="surrogatepass")).hexdigest()[:16]


def settings_from(given: object) -> NumberSettings:
    """Read settings as an owner writes them, a JSON object. Raises `InvalidRequest`, which names what is wrong."""
    if not isinstance(given, dict):
        raise InvalidRequest("The settings must be a JSON object.")
    for name in given:
        if name not in NumberSettings.__slots__:
            raise InvalidRequest(f"{name} is not a setting of a number.", parameter=str(name))
    read: dict[str, Any] = {}
    if given.get("when_closed") is not None:
        policy_from(given["when_closed"])
        read["when_closed"] = given["when_closed"]
    if given.get("purposes") is not None:
        read["purposes"] = _purposes(given["purposes"])
    if given.get("languages") is not None:
        read["languages"] = _texts(given["languages"], "languages")
    for name in ("stop_words", "resume_words"):
        if given.get(name) is not None:
            read[name] = _words(given[name], name)
    if given.get("most_holds") is not None:
        read["most_holds"] = _most_holds(given["most_holds"])
    if given.get("when_limited") is not None:
        read["when_limited"] = when_limited_from(given["when_limited"])
    if given.get("when_dearer") is not None:
        read["when_dearer"] = when_dearer_from(given["when_dearer"])
    if given.get("flow_fields") is not None:
        read["flow_fields"] = _flow_fields(given["flow_fields"])
    if given.get("closing_lead_s") is not None:
        read["closing_lead_s"] = _closing_lead(given["closing_lead_s"])
    return NumberSettings(**read)


def settings_view(settings: NumberSettings) -> dict[str, Any]:
    """The settings as an owner writes them."""
    return {
        "when_closed": settings.when_closed,
        "purposes": {name: _purpose_view(templates) for name, templates in settings.purposes.items()},
        "languages": list(settings.languages),
        "stop_words": {language: list(words) for language, words in settings.stop_words.items()},
        "resume_words": {language: list(words) for language, words in settings.resume_words.items()},
        "most_holds": settings.most_holds,
        "when_limited": settings.when_limited.value,
        "when_dearer": settings.when_dearer.value,
        "flow_fields": {name: list(answers) for name, answers in settings.flow_fields.items()},
        "closing_lead_s": settings.closing_lead_s,
    }


def preset_view(settings: NumberSettings) -> dict[str, Any]:
    """The purposes that are as the starter library has them, in the same words: nobody has set others."""
    presets = {name: templates for name, templates in PRESETS.items() if name not in settings.purposes}
    return {name: _purpose_view(templates) for name, templates in presets.items()}


def _purpose_view(templates: Iterable[PurposeTemplate]) -> list[dict[str, Any]]:
    return [
        {"name": template.name} | ({"category": template.category} if template.category else {})
        for template in templates
    ]


def _purposes(given: object) -> dict[str, tuple[PurposeTemplate, ...]]:
    if not isinstance(given, dict) or len(given) > _MOST_LISTED:
        raise InvalidRequest("purposes must be an object of lists.", parameter="purposes")
    return {_name(name, "purposes"): _templates(templates, f"purposes.{name}") for name, templates in given.items()}


def _templates(given: object, where: str) -> tuple[PurposeTemplate, ...]:
    if not isinstance(given, list) or len(given) > _MOST_LISTED:
        raise InvalidRequest(f"{where} must be a list of templates, best first.", parameter=where)
    return tuple(_template(one, where) for one in given)


def _template(given: object, where: str) -> PurposeTemplate:
    if isinstance(given, str):
        return PurposeTemplate(_name(given, where))
    if not isinstance(given, dict) or given.keys() - {"name", "category"}:
        raise InvalidRequest(f"{where} must hold names, or objects with name and category.", parameter=where)
    category = given.get("category")
    if category is not None and not isinstance(category, str):
        raise InvalidRequest(f"{where}: category must be a string.", parameter=where)
    return PurposeTemplate(_name(given.get("name"), where), category.upper() if category else None)


def _words(given: object, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, dict) or len(given) > _MOST_LISTED:
        raise InvalidRequest(f"{where} must be an object of lists, one a language.", parameter=where)
    return {_name(language, where): _texts(words, f"{where}.{language}") for language, words in given.items()}


def _flow_fields(given: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, dict):
        raise InvalidRequest("flow_fields must be an object of lists, one a field.", parameter="flow_fields")
    for name in given:
        if name not in FLOW_FIELDS:
            why = f"flow_fields.{name} is not one of: {', '.join(FLOW_FIELDS)}."
            raise InvalidRequest(why, parameter=f"flow_fields.{name}")
    return {name: _texts(answers, f"flow_fields.{name}") for name, answers in given.items()}


def _texts(given: object, where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or len(given) > _MOST_LISTED:
        raise InvalidRequest(f"{where} must be a list of strings.", parameter=where)
    return tuple(_name(one, where) for one in given)


def _name(given: Any, where: str) -> str:
    if not is_text(given, LONGEST_WORD):
        raise InvalidRequest(f"{where} must hold strings of 1 to {LONGEST_WORD} characters.", parameter=where)
    name: str = given
    return name


def _closing_lead(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= LONGEST_LEAD_S:
        why = f"closing_lead_s must be a number of seconds from 0 to {LONGEST_LEAD_S}."
        raise InvalidRequest(why, parameter="closing_lead_s")
    return given


def _most_holds(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 0 < given <= MOST_HOLDS_EVER:
        raise InvalidRequest(f"most_holds must be a number from 1 to {MOST_HOLDS_EVER}.", parameter="most_holds")
    return given
