"""Webhooks at random, for property tests: valid ones, odd ones, and every way to cut, shuffle and repeat them.

A body is built as Python objects; `encode` writes it as Meta does (ASCII, escaped slashes), so that text may hold NUL,
lone surrogates and anything else that JSON can carry.
"""

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

from casement.domain.message_key import MessageKey

Json = dict[str, Any]

NUMBERS = ("100000000000001", "100000000000002")
WABAS = ("200000000000001", 200000000000002)
NOON = 1_795_000_000  # epoch seconds

# People, as phone (in each way that Meta or a caller may write it), BSUID, parent BSUID.
PEOPLE: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("16505550101",), "US.10000000000000000101", "US.ENT.1010"),
    (("551187654321", "5511987654321"), "BR.10000000000000000202", ""),
    (("5215512345678", "525512345678"), "MX.10000000000000000303", "MX.ENT.3030"),
    (("5491123456789", "541123456789"), "AR.10000000000000000404", ""),
)

LISTS = (
    *("messages", "statuses", "calls", "message_echoes", "history", "user_preferences"),
    *("state_sync", "user_id_update", "errors", "groups", "user_actions"),
)
BESIDE = frozenset({"messaging_product", "metadata", "contacts"})

MESSAGE_TYPES = (
    *("text", "image", "video", "audio", "voice", "document", "sticker", "location", "contacts", "interactive"),
    *("button", "reaction", "order", "request_welcome", "edit", "revoke", "unsupported", "unknown", "hologram"),
)
STATUS_NAMES = ("sent", "delivered", "read", "played", "failed", "deleted", "warning", "teleported")
CODES: tuple[Any, ...] = (131047, 470, 131026, 131049, "131047", None, {}, ["131047"])

any_text = st.text(st.characters(exclude_categories=()), max_size=12)  # lone surrogates and NUL too
odd_text = st.sampled_from(["", "\x00", "\ud83d", "\udc00x", "😀", "a#b", "~", "-", "x" * 300, "é", "group:", " "])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text
    | odd_text
)
any_json = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(any_text | st.sampled_from(["id", "type"]), inner, max_size=3)
    ),
    max_leaves=6,
)
moments = st.integers(NOON - 90_000, NOON + 100)
timestamps = moments.map(str) | moments | st.sampled_from([None, "", "soon", -1, 0, 10**13, 1.5, True, "9" * 30])
usual_timestamps = moments.map(str)


@st.composite
def wamids(draw: st.DrawFn) -> Any:
    """Ids from a small pool, so that the same one turns up with other contents."""
    return draw(
        st.sampled_from([f"wamid.{number}" for number in range(12)]) | st.sampled_from(["", None, 7, "a#b", "\ud83d"])
    )


@st.composite
def contacts_for(draw: st.DrawFn, people: Sequence[int]) -> Json:
    """An entry of `contacts` for one of `people`: known by phone, by BSUID, or by both."""
    phones, user_id, parent = PEOPLE[draw(st.sampled_from(people))]
    entry: Json = {"profile": {"name": draw(any_text)}}
    how = draw(st.sampled_from(["phone", "user_id", "both"]))
    if how != "user_id":
        entry["wa_id"] = draw(st.sampled_from(phones))
    if how != "phone":
        entry["user_id"] = user_id
        if parent and draw(st.booleans()):
            entry["parent_user_id"] = parent
    return entry


@st.composite
def names(draw: st.DrawFn, phone: str, user_id: str, parent: str) -> Json:
    """Fields that name a person in an element, under the given field names: any mix, now and then an odd one."""
    phones, bsuid, parent_bsuid = draw(st.sampled_from(PEOPLE))
    how = draw(st.sampled_from(["phone", "user_id", "both", "both", "swapped", "nobody", "odd"]))
    named: Json = {}
    if how in ("phone", "both"):
        named[phone] = draw(st.sampled_from(phones))
    if how in ("user_id", "both"):
        named[user_id] = bsuid
        if parent_bsuid and draw(st.booleans()):
            named[parent] = parent_bsuid
    if how == "swapped":  # seen in the wild: a BSUID where the phone belongs
        named[phone] = bsuid
    if how == "odd":
        named |= {key: draw(scalars) for key in draw(st.lists(st.sampled_from([phone, user_id, parent]), max_size=3))}
    return named


@st.composite
def messages(draw: st.DrawFn) -> Json:
    """A `messages[]` element."""
    kind = draw(st.sampled_from(MESSAGE_TYPES))
    message: Json = {
        **draw(names("from", "from_user_id", "from_parent_user_id")),
        "id": draw(wamids()),
        "timestamp": draw(usual_timestamps | timestamps),
        "type": kind,
        kind: draw(st.fixed_dictionaries({"body": any_text}) | any_json),
    }
    message |= draw(
        st.sampled_from(
            [{}, {}, {}, {"group_id": "Z3JvdXA6MQ"}, {"referral": {"source_type": "ad"}}, {"type": ["text"]}]
        )
    )
    return message


@st.composite
def system_messages(draw: st.DrawFn) -> Json:
    """A `messages[]` element that says that somebody's number or id changed."""
    return {
        **draw(names("from", "from_user_id", "from_parent_user_id")),
        "id": draw(wamids()),
        "timestamp": draw(usual_timestamps),
        "type": "system",
        "system": {
            "type": draw(st.sampled_from(["user_changed_number", "user_changed_user_id", "customer_identity_changed"])),
            **draw(names("wa_id", "user_id", "parent_user_id")),
            **draw(names("new_wa_id", "previous_user_id", "previous_parent_user_id")),
        },
    }


@st.composite
def callback_data(draw: st.DrawFn) -> Any:
    """A key of ours, or what other apps may have sent."""
    phones, user_id, _ = draw(st.sampled_from(PEOPLE))
    ours = MessageKey.new(draw(st.sampled_from([*phones, user_id])), draw(moments) * 1000, draw(st.integers(0, 7)))
    return draw(st.sampled_from([str(ours), str(ours), "order-42", "csm1.", "csm1..", f"{ours}x"]) | any_json)


@st.composite
def statuses(draw: st.DrawFn) -> Json:
    """A `statuses[]` element, of ours or of somebody else's message, or of a call."""
    status: Json = {
        "id": draw(wamids()),
        "status": draw(st.sampled_from(STATUS_NAMES) | scalars),
        "timestamp": draw(usual_timestamps | timestamps),
        **draw(names("recipient_id", "recipient_user_id", "recipient_parent_user_id")),
    }
    if draw(st.booleans()):
        status["biz_opaque_callback_data"] = draw(callback_data())
    if status["status"] == "failed":
        status["errors"] = draw(
            st.lists(st.builds(lambda code: {"code": code}, st.sampled_from(CODES)), max_size=2) | any_json
        )
    status |= draw(
        st.sampled_from(
            [
                {},
                {},
                {"type": "call", "status": "ACCEPTED"},
                {"recipient_type": "group", "recipient_id": "Z3JvdXA6MQ", "recipient_participant_id": "16505550101"},
            ]
        )
    )
    return status


@st.composite
def calls(draw: st.DrawFn) -> Json:
    """A `calls[]` element."""
    return {
        **draw(names("from", "from_user_id", "from_parent_user_id")),
        **draw(names("to", "to_user_id", "to_parent_user_id")),
        "id": f"wacid.{draw(st.integers(0, 5))}",
        "event": draw(st.sampled_from(["connect", "terminate", "call_created"]) | scalars),
        "direction": draw(st.sampled_from(["USER_INITIATED", "BUSINESS_INITIATED"]) | scalars),
        "timestamp": draw(usual_timestamps),
    }


@st.composite
def echoes(draw: st.DrawFn) -> Json:
    """A `message_echoes[]` element."""
    named = draw(names("to", "to_user_id", "to_parent_user_id"))
    return {"from": "15550001000", **named, "id": draw(wamids()), "timestamp": draw(usual_timestamps), "type": "text"}


@st.composite
def history_chunks(draw: st.DrawFn) -> Json:
    """A `history[]` element: threads of messages, and now and then what should not be there."""

    def thread() -> Json:
        messages_ = draw(st.lists(echoes() | messages() | scalars, max_size=3) | scalars)
        return {**draw(names("id", "context", "more")), "messages": messages_}

    threads = [thread() for _ in range(draw(st.integers(0, 2)))]
    return {"metadata": {"phase": draw(st.integers(0, 2))}, "threads": draw(st.just(threads) | scalars)}


@st.composite
def about_people(draw: st.DrawFn) -> Json:
    """An element of `user_preferences`, `state_sync` or `user_id_update`, with the fields of all three."""
    return {
        **draw(names("wa_id", "user_id", "parent_user_id")),
        "contact": draw(names("phone_number", "user_id", "parent_user_id") | scalars),
        "value": draw(st.sampled_from(["stop", "resume"])),
        "metadata": draw(st.builds(lambda at: {"timestamp": at}, timestamps) | scalars),
        "timestamp": draw(timestamps),
    }


_ELEMENTS = {
    "messages": messages() | messages() | system_messages(),
    "statuses": statuses(),
    "calls": calls(),
    "message_echoes": echoes(),
    "history": history_chunks(),
    "user_preferences": about_people(),
    "state_sync": about_people(),
    "user_id_update": about_people(),
    "errors": st.builds(lambda code: {"code": code}, scalars),
    "groups": st.builds(lambda at: {"group_id": "Z3JvdXA6MQ", "timestamp": at}, timestamps),
    "user_actions": st.builds(lambda at: {"action_type": "click", "timestamp": at}, timestamps),
}
_CONVERSATION_FIELDS = (
    *("messages", "messages", "messages", "calls", "history", "smb_message_echoes", "user_preferences"),
    *("standby", "group_status_update", "brand_new_field"),
)


@st.composite
def conversation_changes(draw: st.DrawFn, odd: bool = True) -> Json:
    """A change of a field about conversations."""
    people = draw(st.lists(st.integers(0, len(PEOPLE) - 1), min_size=1, max_size=2))
    value: Json = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "+1 555-000-1000", "phone_number_id": draw(st.sampled_from(NUMBERS))},
    }
    if draw(st.booleans()):
        value["contacts"] = draw(st.lists(contacts_for(people), max_size=2))
    for name in draw(st.lists(st.sampled_from(LISTS), min_size=1, max_size=2, unique=True)):
        element = _ELEMENTS[name] | scalars if odd else _ELEMENTS[name]
        value[name] = draw(st.lists(element, min_size=1, max_size=4))
    if odd and draw(st.integers(0, 4)) == 0:
        value |= draw(st.dictionaries(st.sampled_from(["new_things", "messages", "contacts"]), any_json, max_size=2))
    return {"field": draw(st.sampled_from(_CONVERSATION_FIELDS)), "value": value}


@st.composite
def account_changes(draw: st.DrawFn) -> Json:
    """A change of a field about templates or accounts."""
    field = draw(
        st.sampled_from(["message_template_status_update", "template_category_update", "account_update", "flows"])
    )
    value = {"event": draw(st.sampled_from(["APPROVED", "PAUSED"])), "message_template_id": draw(st.integers(1, 3))}
    return {"field": field, "value": draw(st.just(value) | st.dictionaries(any_text, any_json, max_size=3))}


@st.composite
def webhooks(draw: st.DrawFn, odd: bool = True) -> Json:
    """A whole body. `odd` lets in what Meta should not send: garbage, unknown things, missing parts."""
    change = conversation_changes(odd) | account_changes()
    entries: list[Any] = []
    for _ in range(draw(st.integers(1, 2))):
        entry: Json = {"id": draw(st.sampled_from(WABAS))}
        if draw(st.booleans()):
            entry["time"] = draw(moments)
        entry["changes"] = draw(st.lists(change | scalars if odd else change, min_size=1, max_size=3))
        entries.append(entry)
    if odd and draw(st.integers(0, 7)) == 0:
        entries.append(draw(any_json))
    return {"object": "whatsapp_business_account", "entry": entries}


def encode(body: Any) -> bytes:
    """`body` in the bytes that Meta would send: ASCII, with slashes escaped."""
    return json.dumps(body).replace("/", "\\/").encode()


def updates(body: Json) -> Iterator[Json]:
    """`body` cut into bodies of one update each, with everything that stood around it."""
    for entry in body["entry"]:
        if not isinstance(entry, dict) or not isinstance(entry.get("changes"), list) or not entry["changes"]:
            yield {**body, "entry": [entry]}
            continue
        for change in entry["changes"]:
            for single in _single(change):
                yield {**body, "entry": [{**entry, "changes": [single]}]}


def _single(change: Any) -> Iterator[Any]:
    value = change.get("value") if isinstance(change, dict) else None
    if not isinstance(value, dict) or value.get("metadata") is None:
        yield change
        return
    beside = {key: value[key] for key in value if key in BESIDE}
    lists = [key for key in LISTS if isinstance(value.get(key), list) and value[key]]
    rest = {key: value[key] for key in value if key not in BESIDE and key not in lists}
    if rest or not lists:
        yield {**change, "value": {**beside, **rest}}
    for key in lists:
        for element in value[key]:
            yield {**change, "value": {**beside, key: [element]}}


def put_together(parts: Sequence[Json]) -> Json:
    """One body of many. Neighbours of the same entry become one entry, as they may have come."""
    entries: list[Any] = []
    for part in parts:
        (entry,) = part["entry"]
        last: Any = entries[-1] if entries else None
        if _around(entry) is not None and _around(entry) == _around(last):
            entries[-1] = {**last, "changes": [*last["changes"], *entry["changes"]]}
        else:
            entries.append(entry)
    return {"object": "whatsapp_business_account", "entry": entries}


def _around(entry: Any) -> Json | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("changes"), list):
        return None
    return {key: entry[key] for key in entry if key != "changes"}


def shuffled_and_repeated(bodies: Sequence[Json], random: Random) -> list[Json]:
    """The same updates in any order and in other bodies, some of them more than once."""
    parts = [part for body in bodies for part in updates(body)]
    parts += [random.choice(parts) for _ in range(random.randint(0, len(parts)))]
    random.shuffle(parts)
    made = []
    while parts:
        size = random.randint(1, len(parts))
        made.append(put_together(parts[:size]))
        del parts[:size]
    return made


def said_in(body: Json) -> Iterator[Any]:
    """Everything in a body that must be found again: elements, unknown values, history's messages, odd changes."""
    for part in updates(body):
        (entry,) = part["entry"]
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if not isinstance(changes, list) or not changes:
            yield entry
            continue
        (change,) = changes
        value = change.get("value") if isinstance(change, dict) else None
        if not isinstance(value, dict):
            yield change
        elif value.get("metadata") is None:
            yield value
        else:
            for key in value.keys() - BESIDE:
                elements = value[key] if key in LISTS and isinstance(value[key], list) else [value[key]]
                for element in elements:
                    yield from _said_in_history(element) if key == "history" else (element,)


def _said_in_history(chunk: Any) -> Iterator[Any]:
    threads = chunk.get("threads") if isinstance(chunk, dict) else None
    if not isinstance(threads, list):
        yield chunk
        return
    yield from (chunk[key] for key in chunk if key != "threads")
    for thread in threads:
        messages_ = thread.get("messages") if isinstance(thread, dict) else None
        if not isinstance(messages_, list):
            yield thread
            continue
        yield from messages_
        yield from (thread[key] for key in thread if key not in ("messages", "id"))


def everything_in(document: Any) -> Iterator[str]:
    """Every part of a JSON document, down to the leaves, each in one canonical spelling."""
    yield canonical(document)
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    for part in inner:
        yield from everything_in(part)


def canonical(document: Any) -> str:
    """The one spelling of a JSON document that two equal ones share."""
    return json.dumps(document, sort_keys=True)
