"""A number's automations as owners write them, a JSON object; read with every fault at once, and written back in full.

    {"business_hours": {…}, "language": "es", "budget": 2000, "limit": 5,
     "answer": …, "away": …,
     "rules": [{"id": "prices", "when": {…}, "then": […], "once": "window", "stop": true}]}

`answer` and `away` are short for two rules that come after all others: answer a window's first message, and say outside
business hours when somebody is back. Everything else that is short has a long form, which `document_of` writes.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from casement.domain.automations import (
    DEFAULT_LIMIT,
    Automations,
    CameBy,
    Declared,
    Emit,
    HandOff,
    Kind,
    MarkRead,
    Once,
    Reply,
    Rule,
    SendTemplate,
    ShowTyping,
    Submitted,
    Tag,
    Tapped,
    Untag,
    When,
)
from casement.domain.compact_json import dumps
from casement.domain.errors import AutomationsFaulty
from casement.domain.hours_document import hours_from, hours_view
from casement.domain.keywords import Keyword, Match, is_sayable
from casement.domain.policy import LONGEST_NOTE
from casement.domain.profile import FIELDS, LONGEST_TAG
from casement.domain.reply_texts import DEFAULT, VARIABLE, variables_in
from casement.domain.standard_replies import ANSWER, AWAY
from casement.domain.template_fault import Fault, listed, shown
from casement.domain.untrusted import is_text

MOST_RULES, MOST_ACTIONS, MOST_WORDS = 100, 10, 100
LARGEST_DOCUMENT = 200_000  # bytes as it is kept; an item of the table has 400,000
LARGEST_PART = 60_000  # bytes of a message, a template's parameters or an event's data, as the queue has them: ASCII
MOST_LIMIT, MOST_BUDGET = 60, 100_000_000
LONGEST_PERIOD_S = 366 * 86_400
ANSWER_ID, AWAY_ID = "answer", "away"
_AWAY_AGAIN_S = 12 * 3600  # a conversation can go on for days in one window, and each evening is another absence

_LONGEST_TEXT = 4_096
_LONGEST_WORD = 200
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*", re.ASCII)
_EVENT = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}", re.ASCII)
_TYPES = (
    *("text", "image", "video", "audio", "document", "sticker", "location", "contacts", "order"),
    *("interactive", "button"),
)
_SENT_TYPES = (
    *("text", "image", "video", "audio", "document", "sticker", "location", "contacts", "interactive", "reaction"),
)
_OF_MESSAGES = ("first_message", "message", "keyword", "flow", "button", "referral")
_CONDITIONS = (*_OF_MESSAGES, "outside_hours", "window_closing", "opted_out")
_ACTIONS = ("reply", "template", "mark_read", "typing", "tag", "untag", "handoff", "emit")
_RULE = ("id", "name", "enabled", "when", "then", "once", "stop")
_DOCUMENT = ("business_hours", "language", "budget", "limit", "rules", ANSWER_ID, AWAY_ID)

Tell = Callable[[str, str], None]


def automations_from(given: object) -> Automations:
    """A number's automations. Raises `AutomationsFaulty`, which names every fault and its place."""
    faults: list[Fault] = []
    read = _automations(given, lambda path, why: faults.append(Fault(path, why)))
    if not faults and len(dumps(document_of(read)).encode()) > LARGEST_DOCUMENT:
        faults.append(Fault("", f"All of it is larger than {LARGEST_DOCUMENT} bytes."))
    if faults:
        raise AutomationsFaulty(tuple(faults))
    return read


def _automations(given: object, tell: Tell) -> Automations:
    if not isinstance(given, dict):
        tell("", 'Automations are an object, such as {"answer": true}.')
        return Automations()
    _must_know(given, _DOCUMENT, "", tell)
    hours = None
    if given.get("business_hours") is not None:
        hours = hours_from(given["business_hours"], "business_hours", tell)
    language = given.get("language")
    if language is not None and not _is_language(language):
        tell("language", "This must be the code of a language, such as `es` or `pt_BR`.")
        language = None
    budget = _number(given, "budget", None, 0, MOST_BUDGET, tell)
    limit = _number(given, "limit", DEFAULT_LIMIT, 1, MOST_LIMIT, tell)
    reader = _Rules(has_hours=given.get("business_hours") is not None, language=language or "", tell=tell)
    rules = (*reader.rules(given.get("rules")), *reader.short(given))
    _must_differ(rules, tell)
    return Automations(rules, hours, language, budget, DEFAULT_LIMIT if limit is None else limit)


def _must_differ(rules: Collection[Rule], tell: Tell) -> None:
    ids = [rule.id for rule in rules if rule.id]
    for twice in dict.fromkeys(id_ for id_ in ids if ids.count(id_) > 1):
        tell("rules", f"Two rules have the id `{twice}`.")


class _Rules:
    """Reads rules, telling what is wrong with them."""

    def __init__(self, *, has_hours: bool, language: str, tell: Tell) -> None:
        self._has_hours = has_hours
        self._language = language
        self._tell = tell

    def rules(self, given: object) -> Iterator[Rule]:
        """All that are listed."""
        if given is None:
            return
        if not isinstance(given, list) or len(given) > MOST_RULES:
            self._tell("rules", f"This must be a list of at most {MOST_RULES} rules.")
            return
        for index, one in enumerate(given):
            yield self.rule(one, f"rules[{index}]")

    def short(self, given: Mapping[str, Any]) -> Iterator[Rule]:
        """The rules that `answer` and `away` are short for."""
        if AWAY_ID in given:
            reply = AWAY if given[AWAY_ID] is True else given[AWAY_ID]
            rule = {"id": AWAY_ID, "when": {"outside_hours": True}, "once": {"per_s": _AWAY_AGAIN_S}, "stop": True}
            yield from self._short(AWAY_ID, rule, reply)
        if ANSWER_ID in given:
            reply = ANSWER if given[ANSWER_ID] is True else given[ANSWER_ID]
            yield from self._short(ANSWER_ID, {"id": ANSWER_ID, "when": {"first_message": True}}, reply)

    def _short(self, path: str, rule: Mapping[str, Any], reply: object) -> Iterator[Rule]:
        if reply is None or reply is False:
            return
        if path == AWAY_ID and not self._has_hours:
            self._tell(path, "There are no `business_hours` to be away from.")
            return
        said = Reply(self._messages(reply, path))
        self._variables(reply, path, Kind.MESSAGE)
        self._size(reply, path)
        when = self._when(rule["when"], path)
        yield Rule(rule["id"], when, (said,), once=self._once(rule.get("once"), path), stop=rule.get("stop", False))

    def rule(self, given: object, path: str) -> Rule:
        """One rule."""
        if not isinstance(given, dict):
            self._tell(path, "A rule is an object with `id`, `when` and `then`.")
            return Rule("", When(), ())
        _must_know(given, _RULE, path, self._tell)
        id_ = self._id(given, path)
        name = given.get("name", "")
        if name != "" and not is_text(name, _LONGEST_WORD):
            self._tell(f"{path}.name", f"This must be a text of at most {_LONGEST_WORD} characters.")
        when = self._when(given.get("when"), f"{path}.when")
        return Rule(
            id_,
            when,
            tuple(self._actions(given.get("then"), f"{path}.then", when.kind)),
            str(name),
            self._switch(given, "enabled", path, otherwise=True),
            self._once(given.get("once"), f"{path}.once"),
            self._switch(given, "stop", path, otherwise=False),
        )

    def _id(self, given: Mapping[str, Any], path: str) -> str:
        id_ = given.get("id")
        if not isinstance(id_, str) or not _ID.fullmatch(id_):
            self._tell(
                f"{path}.id", "This must be 1 to 64 small letters, digits, `-` and `_`, none of the last two first."
            )
            return ""
        return id_

    def _switch(self, given: Mapping[str, Any], name: str, path: str, *, otherwise: bool) -> bool:
        value = given.get(name, otherwise)
        if not isinstance(value, bool):
            self._tell(f"{path}.{name}", "This must be true or false.")
        return value is True

    def _once(self, given: object, path: str) -> Once:
        if given in (None, "window"):
            return Once()
        if given == "always":
            return Once(per_window=False)
        per_s = given.get("per_s") if isinstance(given, dict) and given.keys() == {"per_s"} else None
        if not isinstance(per_s, int) or isinstance(per_s, bool) or not 0 < per_s <= LONGEST_PERIOD_S:
            self._tell(
                path, f"This must be `window`, `always`, or `per_s` with a number of seconds to {LONGEST_PERIOD_S}."
            )
            return Once()
        return Once(per_window=False, per_ms=per_s * 1000)

    # --- when ---

    def _when(self, given: object, path: str) -> When:
        conditions = {given: True} if isinstance(given, str) else given
        if not isinstance(conditions, dict) or not conditions:
            self._tell(path, f"This must be one of {listed(_CONDITIONS)}, or an object of such.")
            return When()
        _must_know(conditions, _CONDITIONS, path, self._tell)
        for name in ("first_message", "window_closing", "opted_out"):
            if name in conditions and conditions[name] is not True:
                self._tell(f"{path}.{name}", "This must be true.")
        outside = conditions.get("outside_hours")
        if "outside_hours" in conditions:
            if not isinstance(outside, bool):
                self._tell(f"{path}.outside_hours", "This must be true or false.")
            elif not self._has_hours:
                self._tell(f"{path}.outside_hours", "There are no `business_hours`.")
        return When(
            self._kind(conditions, path),
            "first_message" in conditions,
            self._types(conditions, path),
            self._keyword(conditions, f"{path}.keyword"),
            self._flow(conditions, f"{path}.flow"),
            self._button(conditions, f"{path}.button"),
            outside if isinstance(outside, bool) else None,
            self._referral(conditions, f"{path}.referral"),
        )

    def _kind(self, conditions: Mapping[str, Any], path: str) -> Kind:
        others = [kind for kind in (Kind.WINDOW_CLOSING, Kind.OPTED_OUT) if kind in conditions]
        kind = others[0] if others else Kind.MESSAGE
        beside = [name for name in (*_OF_MESSAGES, *others[1:]) if name in conditions]
        if others and beside:
            self._tell(path, f"`{kind}` cannot hold together with {listed([f'`{name}`' for name in beside])}.")
        return kind

    def _types(self, conditions: Mapping[str, Any], path: str) -> tuple[str, ...]:
        given = conditions.get("message", True)
        if given is True:
            return ()
        types = self._texts(given, "types", f"{path}.message")
        if any(type_ not in _TYPES for type_ in types):
            self._tell(f"{path}.message.types", f"These must be {listed(_TYPES)}.")
        return types

    def _keyword(self, conditions: Mapping[str, Any], path: str) -> Keyword | None:
        if "keyword" not in conditions:
            return None
        given = conditions["keyword"]
        if not isinstance(given, dict):
            given = {"words": given}
        _must_know(given, ("words", "match"), path, self._tell)
        match = given.get("match", Match.WORD)
        if match not in tuple(Match):
            self._tell(f"{path}.match", f"This must be {listed(tuple(Match))}.")
            match = Match.WORD
        words = tuple(self._words(given.get("words"), f"{path}.words"))
        if len(words) > MOST_WORDS:
            self._tell(f"{path}.words", f"There may be {MOST_WORDS} words.")
        return Keyword(words, Match(match))

    def _words(self, given: object, path: str) -> Iterator[tuple[str, str]]:
        by_language = isinstance(given, dict)
        if not isinstance(given, dict):
            given = {self._language: given}
        elif not given:
            self._tell(path, "There is no word.")
        for language, words in given.items():
            where = f"{path}.{shown(str(language))}" if by_language else path
            if by_language and not _is_language(language):
                self._tell(where, "This must be the code of a language, such as `es` or `pt_BR`.")
            for word in self._list(words, where):
                if word and not is_sayable(word):
                    self._tell(where, "A word must have a letter, a digit or an emoji.")
                yield language, word

    def _flow(self, conditions: Mapping[str, Any], path: str) -> Submitted | None:
        given = conditions.get("flow")
        if "flow" not in conditions or given is True:
            return Submitted() if given else None
        if not isinstance(given, dict) or not given:
            self._tell(path, "This must be true, or an object with `flow_ids`, or `answers` that the form must have.")
            return None
        _must_know(given, ("answers", "flow_ids"), path, self._tell)
        ids = self._list(given["flow_ids"], f"{path}.flow_ids") if "flow_ids" in given else ()
        answers = given.get("answers", {})
        if not isinstance(answers, dict):
            self._tell(f"{path}.answers", "This must be an object, by the form's own names.")
            answers = {}
        return Submitted(
            {str(name): self._list(allowed, f"{path}.answers.{shown(str(name))}") for name, allowed in answers.items()},
            ids,
        )

    def _button(self, conditions: Mapping[str, Any], path: str) -> Tapped | None:
        given = conditions.get("button")
        if "button" not in conditions or given is True:
            return Tapped() if given else None
        match = given.get("match", "exact") if isinstance(given, dict) else "exact"
        if match not in ("exact", "starts"):
            self._tell(f"{path}.match", "This must be exact or starts.")
        if isinstance(given, dict):
            given = {name: value for name, value in given.items() if name != "match"}
        return Tapped(self._texts(given, "payload", path), match == "starts")

    def _referral(self, conditions: Mapping[str, Any], path: str) -> CameBy | None:
        given = conditions.get("referral")
        if "referral" not in conditions or given is True:
            return CameBy() if given else None
        return CameBy(self._texts(given, "source_ids", path))

    def _texts(self, given: object, name: str, path: str) -> tuple[str, ...]:
        """A text, a list of texts, or an object that has either under `name`."""
        if not isinstance(given, dict):
            return self._list(given, path)
        _must_know(given, (name,), path, self._tell)
        return self._list(given.get(name), f"{path}.{name}")

    def _list(self, given: object, path: str, longest: int = _LONGEST_WORD) -> tuple[str, ...]:
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not 0 < len(texts) <= MOST_WORDS:
            self._tell(path, f"This must be a text, or a list of at most {MOST_WORDS}.")
            return ()
        if not all(is_text(text, longest) for text in texts):
            self._tell(path, f"Texts here have 1 to {longest} characters.")
        return tuple(text for text in texts if isinstance(text, str))

    # --- then ---

    def _actions(self, given: object, path: str, kind: Kind) -> Iterator[Declared]:
        if isinstance(given, str):
            given = [given]
        steps = [(given, path)] if isinstance(given, dict) else None
        if isinstance(given, list):
            steps = [(step, f"{path}[{index}]") for index, step in enumerate(given)]
        if not steps:
            self._tell(path, f"This must be an object or a list of what is done: {listed(_ACTIONS)}.")
            return
        flat = [(name, value, where) for step, where in steps for name, value in self._named(step, where)]
        if len(flat) > MOST_ACTIONS:
            self._tell(path, f"A rule may do {MOST_ACTIONS} things.")
        for name, value, where in flat:
            action = self._action(name, value, where, kind)
            if action is not None:
                yield action

    def _named(self, step: object, path: str) -> Iterator[tuple[str, Any]]:
        named = {step: True} if isinstance(step, str) else step
        if not isinstance(named, dict) or not named or not named.keys() <= set(_ACTIONS):
            self._tell(path, f"This must be an object with one of {listed(_ACTIONS)}.")
            return
        yield from named.items()

    def _action(self, name: str, given: Any, where: str, kind: Kind) -> Declared | None:
        path = f"{where}.{name}"
        self._variables(given, path, kind)
        self._size(given, path)
        match name:
            case "reply":
                return Reply(self._messages(given, path))
            case "template":
                return self._template(given, path)
            case "tag":
                return Tag(self._list(given, path, LONGEST_TAG))
            case "untag":
                return Untag(self._list(given, path, LONGEST_TAG))
            case "handoff":
                return self._handoff(given, path)
            case "emit":
                return self._emit(given, path)
        if given is not True:
            self._tell(path, "This must be true.")
        if kind is not Kind.MESSAGE:
            self._tell(path, f"With `{kind}` there is no message to show this on.")
        return MarkRead() if name == "mark_read" else ShowTyping()

    def _messages(self, given: object, path: str) -> Mapping[str, Any]:
        if not isinstance(given, dict) or "type" in given:
            return {DEFAULT: self._message(given, path)}
        if not given:
            self._tell(path, "There is nothing to say.")
        for language in given:
            if language != DEFAULT and not _is_language(language):
                self._tell(
                    f"{path}.{shown(str(language))}", f"Texts go by codes of languages, such as `es`, or `{DEFAULT}`."
                )
        return {str(language): self._message(one, f"{path}.{language}") for language, one in given.items()}

    def _message(self, given: object, path: str) -> Any:
        if not isinstance(given, dict):
            if not is_text(given, _LONGEST_TEXT) or not str(given).strip():
                self._tell(path, f"This must be a text of 1 to {_LONGEST_TEXT} characters, or a message with `type`.")
            return given
        kind = given.get("type")
        if kind not in _SENT_TYPES:
            self._tell(f"{path}.type", f"This must be {listed(_SENT_TYPES)}.")
            return given
        _must_know(given, ("type", "context", kind), path, self._tell)
        shape = list if kind == "contacts" else dict
        if not isinstance(given.get(kind), shape) or not given[kind]:
            self._tell(
                f"{path}.{kind}", f"A message of type {kind} needs this {'list' if shape is list else 'object'}."
            )
        elif kind == "text" and not is_text(given["text"].get("body"), _LONGEST_TEXT):
            self._tell(f"{path}.text.body", f"This must be a text of 1 to {_LONGEST_TEXT} characters.")
        return given

    def _template(self, given: object, path: str) -> SendTemplate:
        if not isinstance(given, dict) or ("name" in given) == ("purpose" in given):
            self._tell(path, "This must be an object with `name` or `purpose`, and `parameters`.")
            return SendTemplate()
        _must_know(given, ("name", "purpose", "language", "parameters"), path, self._tell)
        for name in ("name", "purpose"):
            if name in given and not is_text(given[name], _LONGEST_WORD):
                self._tell(f"{path}.{name}", f"This must be a text of 1 to {_LONGEST_WORD} characters.")
        language = given.get("language")
        if language is not None and not _is_language(language):
            self._tell(f"{path}.language", "This must be the code of a language, such as `es` or `pt_BR`.")
        parameters = given.get("parameters", {})
        if not isinstance(parameters, dict):
            self._tell(f"{path}.parameters", "This must be an object.")
            parameters = {}
        for name, default in variables_in(parameters):
            if not (default or "").strip():  # Meta refuses an empty parameter
                self._tell(
                    f"{path}.parameters", f"`{shown_name(name)}` needs a default, as in `{{{{{shown_name(name)}|…}}}}`."
                )
        return SendTemplate(given.get("name"), given.get("purpose"), language, parameters)

    def _handoff(self, given: object, path: str) -> HandOff:
        note = given
        if isinstance(given, dict):
            _must_know(given, ("note",), path, self._tell)
            note = given.get("note", True)
        if note is True:
            return HandOff()
        if not is_text(note, LONGEST_NOTE):
            self._tell(path, f"This must be true, or a note of 1 to {LONGEST_NOTE} characters.")
        return HandOff(str(note))

    def _emit(self, given: object, path: str) -> Emit:
        if not isinstance(given, dict):
            given = {"name": given}
        _must_know(given, ("name", "data"), path, self._tell)
        name, data = given.get("name"), given.get("data", {})
        if not isinstance(name, str) or not _EVENT.fullmatch(name):
            self._tell(f"{path}.name", "This must be 1 to 100 small letters, digits, and `.`, `-`, `_`.")
        if not isinstance(data, dict):
            self._tell(f"{path}.data", "This must be an object.")
            data = {}
        return Emit(str(name), data)

    def _size(self, given: Any, path: str) -> None:
        """Tell of what is larger than Meta or a subscriber would want, and the queue can hold."""
        if len(json.dumps(given)) > LARGEST_PART:
            self._tell(path, f"This is larger than {LARGEST_PART} bytes.")

    def _variables(self, given: Any, path: str, kind: Kind) -> None:
        """Tell of variables that have nothing, ever."""
        for name, _ in variables_in(given):
            space, _, what = name.partition(".")
            known = name in _VARIABLES or (space == "flow" and what)
            if not known:
                self._tell(path, f"`{shown_name(name)}` is no variable.")
            elif space in ("message", "flow") and kind is not Kind.MESSAGE:
                self._tell(path, f"With `{kind}` there is no `{shown_name(name)}`.")
            elif space == "hours" and not self._has_hours:
                self._tell(path, f"There are no `business_hours` for `{name}`.")
        if _has_stray_braces(given):
            self._tell(path, "A variable is written `{{name}}` or `{{name|default}}`.")


_VARIABLES = frozenset(
    {"message.text", "message.id", "hours.next_open", "contact.language", *(f"contact.{name}" for name in FIELDS)}
)
_PRESENTABLE = re.compile(r"[A-Za-z0-9_.]{1,60}", re.ASCII)


def shown_name(name: str) -> str:
    """A variable's name, if it is fit to be shown."""
    return name if _PRESENTABLE.fullmatch(name) else "…"


def _has_stray_braces(value: Any) -> bool:
    if isinstance(value, str):
        left = VARIABLE.sub("", value)
        return "{{" in left or "}}" in left
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(map(_has_stray_braces, inner))


def _is_language(given: object) -> bool:
    return isinstance(given, str) and _LANGUAGE.fullmatch(given) is not None


def _number(
    given: Mapping[str, Any], name: str, otherwise: int | None, least: int, most: int, tell: Tell
) -> int | None:
    value = given.get(name)
    if value is None:
        return otherwise
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        tell(name, f"This must be a number from {least} to {most}.")
        return otherwise
    return value


def _must_know(given: Mapping[str, Any], known: Collection[str], path: str, tell: Tell) -> None:
    for name in given:
        if name not in known:
            tell(f"{path}.{shown(str(name))}".removeprefix("."), "This is not known here.")


# --- written back ----------------------------------------------------------------------------------------------------


def document_of(automations: Automations) -> dict[str, Any]:
    """All of it in its long form: `automations_from` reads the same from it."""
    return {
        "business_hours": hours_view(automations.hours) if automations.hours else None,
        "language": automations.language,
        "budget": automations.budget,
        "limit": automations.limit,
        "rules": [rule_view(rule) for rule in automations.rules],
    }


def rule_view(rule: Rule) -> dict[str, Any]:
    """One rule in its long form."""
    return {
        "id": rule.id,
        "name": rule.name,
        "enabled": rule.enabled,
        "when": when_view(rule.when),
        "then": [action_view(action) for action in rule.then],
        "once": "window" if rule.once.per_window else _period_view(rule.once.per_ms),
        "stop": rule.stop,
    }


def _period_view(per_ms: int | None) -> Any:
    return "always" if per_ms is None else {"per_s": per_ms // 1000}


def when_view(when: When) -> dict[str, Any]:
    """Conditions in their long form."""
    view: dict[str, Any] = {}
    if when.kind is not Kind.MESSAGE:
        view[when.kind.value] = True
    if when.first_message:
        view["first_message"] = True
    if when.types:
        view["message"] = {"types": list(when.types)}
    if when.keyword:
        words: dict[str, list[str]] = {}
        for language, word in when.keyword.words:
            words.setdefault(language, []).append(word)
        view["keyword"] = {
            "words": words.get("", words) if set(words) <= {""} else words,
            "match": when.keyword.match.value,
        }
    if when.flow:
        answers = {name: list(allowed) for name, allowed in when.flow.answers.items()}
        asked = {"flow_ids": list(when.flow.flow_ids), "answers": answers}
        view["flow"] = {name: wanted for name, wanted in asked.items() if wanted} or True
    if when.button:
        match = "starts" if when.button.starts else "exact"
        view["button"] = {"payload": list(when.button.payloads), "match": match} if when.button.payloads else True
    if when.referral:
        view["referral"] = {"source_ids": list(when.referral.source_ids)} if when.referral.source_ids else True
    if when.outside_hours is not None:
        view["outside_hours"] = when.outside_hours
    return view or {"message": True}


def action_view(action: Declared) -> dict[str, Any]:
    """An action as the document has it."""
    match action:
        case Reply(messages):
            return {"reply": messages[DEFAULT] if set(messages) == {DEFAULT} else dict(messages)}
        case SendTemplate(name, purpose, language, parameters):
            named = {"name": name, "purpose": purpose, "language": language}
            return {
                "template": {key: value for key, value in named.items() if value} | {"parameters": dict(parameters)}
            }
        case Tag(tags):
            return {"tag": list(tags)}
        case Untag(tags):
            return {"untag": list(tags)}
        case HandOff(note):
            return {"handoff": {"note": note} if note else True}
        case Emit(name, data):
            return {"emit": {"name": name, "data": dict(data)}}
    return {"mark_read" if isinstance(action, MarkRead) else "typing": True}
