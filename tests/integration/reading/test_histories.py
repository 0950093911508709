"""Random histories against a model that says, in a few lines, what the API must show and what a send must do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from local.simulator import Simulator
from tests.support.deployment import NOON, NUMBER, Deployment, Json, deployed

DAY = 86_400  # seconds, here
PEOPLE = ("16505550101", "551187654321", "5215512345678", "5491123456789")  # as Meta spells them
OPENING = ("text", "image", "button", "call")
AGES = (0, 1, 60, 3_600, 22 * 3_600 - 1, 22 * 3_600, DAY - 61, DAY - 60, DAY - 59, DAY - 1, DAY, DAY + 1, 30 * 3_600)


@dataclass(frozen=True)
class Event:
    """Something that happened `age` seconds ago; `known_by` says which of a person's names the webhook gave."""

    kind: str
    person: str
    age: int
    known_by: str


events = st.builds(
    Event,
    st.sampled_from([*OPENING, "reaction", "echo", "refusal"]),
    st.sampled_from(PEOPLE),
    st.sampled_from(AGES) | st.integers(0, 2 * DAY),
    st.sampled_from(["both", "phone", "user id"]),
)


def happen(casement: Deployment, event: Event, user_ids: Mapping[str, str]) -> None:
    simulator, person = casement.simulator, event.person
    names: dict[str, str | None] = {"sender": person, "user_id": user_ids[person]}
    if event.known_by == "phone":
        names["user_id"] = None
    if event.known_by == "user id":
        names["sender"] = None
    match event.kind:
        case "call":
            simulator.call(**names, ago=event.age)
        case "refusal":
            tell(simulator, "messages", statuses=[refused(person, event.age)])
        case "echo":
            at = str(NOON // 1000 - event.age)
            echo = {
                "to": person,
                "id": f"wamid.{person}.{event.age}",
                "timestamp": at,
                "type": "text",
                "text": {"body": "x"},
            }
            tell(simulator, "smb_message_echoes", message_echoes=[echo])
        case kind:
            content = {"type": kind, kind: {"text": "x"}}
            simulator.inbound(message=content, **names, ago=event.age)


def tell(simulator: Simulator, field: str, **elements: Any) -> None:
    metadata = {"display_phone_number": "15550001000", "phone_number_id": NUMBER}
    simulator.webhook(field, {"messaging_product": "whatsapp", "metadata": metadata, **elements})


def refused(person: str, age: int) -> Json:
    """The status of a message that somebody else sent and Meta refused."""
    return {
        "id": f"wamid.elsewhere.{person}.{age}",
        "status": "failed",
        "timestamp": str(NOON // 1000 - age),
        "recipient_id": person,
        "errors": [{"code": 131047}],
    }


def model(history: Iterable[Event], person: str) -> tuple[str, int | None, int | None]:
    """State, end of the window and last activity of a person's conversation, in epoch seconds."""
    now = NOON // 1000
    mine = [event for event in history if event.person == person]
    opened = [now - event.age for event in mine if event.kind in OPENING]
    refusals = [now - event.age for event in mine if event.kind == "refusal"]
    active = [now - event.age for event in mine if event.kind != "refusal"]
    if not opened:
        return ("closed" if refusals else "never_opened"), None, max(active, default=None)
    expires = max(opened) + DAY
    if refusals and max(refusals) >= max(opened):
        return "closed", min(expires, max(refusals)), max(active)
    state = "closed" if now >= expires else "closing" if now >= expires - 7_200 else "open"
    return state, expires, max(active)


@settings(max_examples=10, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking would take minutes
@given(st.lists(events, max_size=14), st.randoms(), st.integers(1, 4))
def test_any_history_is_shown_as_it_was_and_decides_every_send(dynamodb, history, random, limit):
    with deployed(dynamodb) as casement:
        user_ids = {person: f"US.{person}" for person in PEOPLE}
        met = [Event("text", person, 3 * DAY, "both") for person in PEOPLE]  # which teaches us that both are one
        for event in (*met, *history):
            happen(casement, event, user_ids)
        casement.simulator.webhooks.shuffle()
        casement.simulator.webhooks.batch(random.randint(1, 30), one_value=random.random() < 0.5)
        casement.deliver()
        history = [*met, *history]
        expected = {person: model(history, person) for person in PEOPLE}

        newest = [one for page in casement.pages("conversations", limit=limit) for one in page]
        closing = [one for page in casement.pages("conversations", limit=limit, sort="closing") for one in page]

        assert sorted(each["phone_number"] for each in newest) == sorted(PEOPLE)
        for each in newest:
            state, expires, active = expected[each["phone_number"]]
            window = each["casement"]["window"]
            assert (window["state"], window["expires_at"], each["last_active_at"]) == (state, expires, active)
        times = [each["last_active_at"] for each in newest]
        assert times == sorted(times, reverse=True)
        still_open = {person for person in PEOPLE if expected[person][0] in ("open", "closing")}
        assert sorted(each["phone_number"] for each in closing) == sorted(still_open)
        ends = [each["casement"]["window"]["expires_at"] for each in closing]
        assert ends == sorted(ends)
        for person in PEOPLE:
            state, expires, _ = expected[person]
            may_go = state in ("open", "closing") and expires is not None and expires - 60 > NOON // 1000
            assert casement.send(person).status == (200 if may_go else 400)
