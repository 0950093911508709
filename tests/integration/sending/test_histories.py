"""Whatever happens in whatever order, whoever stops, and whatever repeats itself: Meta gets no message outside of its
window and none twice, what waits goes out in order, and every message has an end that is shown.

Two customers write; callers ask for messages with every policy, ask again, and take them back; Meta refuses, answers
late or not at all, and repeats its webhooks; stream, outbox and schedule come round when they do; a process dies at any
of its effects, or is overtaken there; the clock goes on, and back. In the end everything is let come to rest.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import product
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from casement.domain.life import LEASE_MS
from casement.domain.message_key import MessageKey
from local.simulator import LOCAL_NUMBER, Sent
from local.simulator.contacts import mint_user_id
from tests.support.crashes import Asked, Stage, Trouble, template, text
from tests.support.deployment import ALICE, BOB, DAY, HOUR, MARGIN, Json, deployed
from tests.support.effort import examples
from tests.support.memory import memory
from tests.support.promises import RE_ENGAGEMENT, check_answers, check_api, ledger, reached, said, sends

pytestmark = pytest.mark.exhaustive

SECOND, MINUTE = 1_000, 60_000  # milliseconds
ALICE_ID, BOB_ID = mint_user_id(ALICE), mint_user_id(BOB)
NUDGE = "please answer"

POLICIES: dict[str, Callable[[str], Any]] = {
    "reject": lambda _: "reject",
    "template": lambda label: {"template": template(label)},
    "purpose": lambda label: {"purpose": "re_engage", "parameters": {"1": label}},
    "hold": lambda _: "hold",
    "handoff": lambda _: {"handoff": {"note": "call them"}},
}

# How Meta takes the next call: not at all, or with an error of that code and HTTP status.
MISHAPS = ("timeout_before", "timeout_after", "drop_after", "5xx_before", "5xx_after", "rate_limit", "connect")
REFUSALS = {RE_ENGAGEMENT: 400, 131056: 429, 80007: 429, 131026: 400, 131042: 400, 131048: 400}
STOPS = {190: 401, 131031: 403}
LATE = (RE_ENGAGEMENT, RE_ENGAGEMENT, 131026, 131050)  # codes of the next message that Meta accepts first

customers = st.sampled_from([ALICE, BOB])
addresses = st.sampled_from([ALICE, ALICE, ALICE_ID, BOB, BOB_ID])
policies = st.sampled_from(sorted(POLICIES))
shown = st.sampled_from(["both ids", "phone", "BSUID"])
skips = st.integers(0, 2)
ages = st.sampled_from([0, 0, 0, HOUR, DAY - 2 * MARGIN, DAY - MARGIN, DAY, 2 * DAY])
periods = st.integers(-3 * SECOND, 3 * SECOND) | st.sampled_from(
    [30 * SECOND, MINUTE, LEASE_MS, 10 * MINUTE, HOUR, 12 * HOUR, DAY - 2 * MARGIN, DAY - MARGIN, DAY, 3 * DAY]
)


def all_goes_on(stage: Stage, *, repeats: bool = False) -> None:
    """Everybody learns what there is to know, and does what follows."""
    stage.deliver()
    stage.react(times=3 if repeats else 1)
    stage.work_off(contrary=repeats)


def alice_writes(stage: Stage) -> None:
    stage.wrote(ALICE)
    all_goes_on(stage)


GOES_ON: dict[str, Callable[[Stage], object]] = {
    "all": all_goes_on,
    "all, and repeats itself": lambda stage: all_goes_on(stage, repeats=True),
    "a delivery": Stage.deliver,
    "the stream": Stage.react,
    "the outbox": Stage.work_off,
    "the outbox, and repeats itself": lambda stage: stage.work_off(contrary=True),
    "the schedule": Stage.sweep,
}
BESIDE = GOES_ON | {"Alice writes, and all goes on": alice_writes, "callers ask again": Stage.ask_again}

# What happens at an effect, the how manyth from now on: trouble, or somebody who comes in between.
Disturbance = tuple[int, Trouble | str] | None
disturbances = st.none() | st.tuples(st.integers(0, 25), st.sampled_from([*Trouble, *BESIDE]))


class History(RuleBasedStateMachine):
    """Rules are what people, Meta and processes do."""

    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        self.casement = self.open.enter_context(deployed(memory(), [LOCAL_NUMBER]))
        self.casement.sync()
        self.casement.set_number(purposes={"re_engage": ["seasonal_offer", "we_are_here"]}, most_holds=5)
        self.stage = Stage(self.casement)
        self.began: dict[str, int] = {}  # by label: when it was asked for, as the number of effects before
        self.over: dict[str, int] = {}  # the same for when that was over: its caller was told, or will not ask again
        self.told: dict[str, int] = {}  # by label: how much Meta had taken when its caller was told that it was taken
        self.replaces: dict[str, str] = {}  # by label: the key under which it replaces older ones
        self.all_told: set[int] = set()  # how much Meta had taken whenever there was nothing that it had yet to tell
        self.went_back = 0  # by how much the clock was put back, in milliseconds
        self.key_reused: list[Asked] = []
        self._meet()
        self.open.enter_context(self.stage.watched())

    def _meet(self) -> None:
        """Both customers wrote long ago, but of Bob Casement was not told: it has yet to learn that his two ids are of
        one person."""
        self.casement.wrote(ALICE, ago=2 * DAY)
        self.casement.simulator.inbound("Hi", sender=BOB, ago=2 * DAY / 1000)
        self.casement.simulator.webhooks.clear()
        self.casement.catch_up()

    @initialize(
        open_for=st.just(set()) | st.sets(customers),
        write_in_the_end=st.sets(customers),
        meta_stops_the_number=st.booleans(),
    )
    def begins(self, open_for: set[str], write_in_the_end: set[str], meta_stops_the_number: bool) -> None:
        for who in sorted(open_for):
            self.stage.wrote(who)
        self.stage.settle()
        self.write_in_the_end = write_in_the_end
        # What a stopped number refused may be asked for again with the same key, and is another message then.
        self.may_stop, self.may_key = meta_stops_the_number, not meta_stops_the_number

    # --- callers ------------------------------------------------------------------------------------

    @rule(target=requests, to=addresses, policy=policies, keyed=st.booleans(), disturbed=disturbances)
    def asks(self, to: str, policy: str, keyed: bool, disturbed: Disturbance) -> Asked:
        self._disturb(disturbed)
        label = self._new_label()
        return self._ask(label, to, text(label), POLICIES[policy](label), keyed)

    @rule(
        target=requests,
        to=addresses,
        expires_in=st.sampled_from([1, 3600, 7 * 86_400, 30 * 86_400]),
        supersede=st.sampled_from([None, None, "order", "visit"]),
        nudge=st.booleans(),
        keyed=st.booleans(),
        disturbed=disturbances,
    )
    def asks_to_hold(
        self, to: str, expires_in: int, supersede: str | None, nudge: bool, keyed: bool, disturbed: Disturbance
    ) -> Asked:
        self._disturb(disturbed)
        if supersede is None:
            return self._hold(to, {"expires_in": expires_in}, nudge, keyed)
        self.replaces[self._new_label()] = supersede
        return self._hold(to, {"expires_in": expires_in, "supersede": supersede}, nudge, keyed)

    @rule(target=requests, to=customers, keyed=st.booleans())
    def asks_to_hold_for_long(self, to: str, keyed: bool) -> Asked:
        return self._hold(to, {"expires_in": 30 * 86_400}, False, keyed)

    @rule(target=requests, to=addresses, marketing=st.booleans(), keyed=st.booleans())
    def asks_for_a_template(self, to: str, marketing: bool, keyed: bool) -> Asked:
        label = self._new_label()
        named = template(label) | ({"name": "seasonal_offer"} if marketing else {})
        return self._ask(label, to, {"type": "template", "template": named}, None, keyed)

    @rule(asked=requests, disturbed=disturbances)
    def asks_again(self, asked: Asked, disturbed: Disturbance) -> None:
        self._disturb(disturbed)
        if asked.idempotency_key and self.casement.now - asked.at < DAY - LEASE_MS:
            self._request(asked)

    @rule(asked=requests, to=addresses)
    def uses_the_key_for_something_else(self, asked: Asked, to: str) -> None:
        if asked.idempotency_key:
            label = self._new_label()
            other = Asked(label, self._body(to, text(label), "hold"), asked.idempotency_key, self.casement.now)
            self.key_reused.append(other)
            self._request(other)

    @rule(asked=requests)
    def takes_back(self, asked: Asked) -> None:
        self.stage.cancel(asked)

    @precondition(lambda self: not self.stage.effects.still_planned)
    @rule(to=addresses, policy=policies)
    def asks_what_would_happen(self, to: str, policy: str) -> None:
        before = len(self.stage.effects.seen)
        body = self._body(to, text("nothing"), POLICIES[policy]("nothing"))
        body["casement"]["dry_run"] = True

        answer = self.casement.post(body)

        assert answer.status == 200
        assert [effect for effect in self.stage.effects.seen[before:] if effect.changes] == []

    # --- customers and Meta -------------------------------------------------------------------------

    @rule(
        who=customers,
        says=st.sampled_from(["Hi", "Hi", "Hi", "Hi", "STOP", "START"]),
        ago=ages,
        shows=shown,
    )
    def writes(self, who: str, says: str, ago: int, shows: str) -> None:
        sender = None if shows == "BSUID" else who
        user_id = None if shows == "phone" else mint_user_id(who)
        self.casement.simulator.inbound(says, sender=sender, user_id=user_id, ago=ago / 1000)

    @rule(who=customers, shows=shown, disturbed=disturbances)
    def writes_and_all_goes_on(self, who: str, shows: str, disturbed: Disturbance) -> None:
        self.writes(who, "Hi", 0, shows)
        self.stage.deliver()
        self.stage.react()
        self._disturb(disturbed)
        self.stage.work_off()

    @rule(how=st.sampled_from(MISHAPS), skip=skips)
    def meta_will_not_answer(self, how: str, skip: int) -> None:
        self.casement.simulator.fail_next(how, match="/messages$", skip=skip)

    @rule(code=st.sampled_from([*REFUSALS, *STOPS]), skip=skips)
    def meta_will_refuse(self, code: int, skip: int) -> None:
        if code in REFUSALS or self.may_stop:
            status = (REFUSALS | STOPS)[code]
            self.casement.simulator.fail_next("error", code=code, http_status=status, match="/messages$", skip=skip)

    @rule(code=st.sampled_from(LATE), skip=skips)
    def meta_will_refuse_afterwards(self, code: int, skip: int) -> None:
        self.casement.simulator.fail_next("late", code=code, skip=skip)

    @rule(how=st.sampled_from(["duplicate", "shuffle", "batch", "one value", "what was taken"]))
    def meta_repeats_itself(self, how: str) -> None:
        webhooks = self.casement.simulator.webhooks
        match how:
            case "duplicate":
                webhooks.duplicate()
            case "shuffle":
                webhooks.shuffle()
            case "batch":
                webhooks.batch(3)
            case "one value":
                webhooks.batch(3, one_value=True)
            case "what was taken":
                for taken in list(reversed(webhooks.finished)):
                    with self.stage.process():
                        self.casement.request("POST", "/webhook", headers=taken.headers, body=taken.body)

    # --- processes and time -------------------------------------------------------------------------

    @rule(what=st.sampled_from(["all", *GOES_ON]), disturbed=disturbances)
    def goes_on(self, what: str, disturbed: Disturbance) -> None:
        self._disturb(disturbed)
        GOES_ON[what](self.stage)

    @rule(milliseconds=periods)
    def time_passes(self, milliseconds: int) -> None:
        self.casement.now += milliseconds
        self.went_back += max(0, -milliseconds)

    @invariant()
    def meta_may_have_told_all(self) -> None:
        if not self.casement.simulator.pending:
            self.all_told.add(len(self.casement.simulator.sent))

    def teardown(self) -> None:
        """Everything comes to rest, and must then be as promised."""
        with self.open:
            self.stage.effects.forget()
            self.stage.run_dry(writes=sorted(self.write_in_the_end))
            check_window_and_once(self.stage)
            check_api(self.stage)
            for asked in (*self.stage.asked, *self.key_reused):
                check_answers(asked, self.casement)
            check_what_waited(self)
            check_verdicts(self)

    # --- what it takes ----------------------------------------------------------------------------------

    def _disturb(self, disturbed: Disturbance) -> None:
        if disturbed:
            after, what = disturbed
            at = len(self.stage.effects.seen) + after
            trouble = what if isinstance(what, Trouble) else None
            self.stage.effects.plan(at, trouble, None if trouble else lambda: BESIDE[what](self.stage))

    def _new_label(self) -> str:
        return f"message {len(self.stage.asked) + len(self.key_reused) + 1}"

    def _hold(self, to: str, hold: Json, nudge: bool, keyed: bool) -> Asked:
        label = self._new_label()
        nudged = {"nudge": {"template": template(f"{NUDGE} {label}")}} if nudge else {}
        return self._ask(label, to, text(label), {"hold": hold | nudged}, keyed)

    def _ask(self, label: str, to: str, message: Mapping[str, Any], when_closed: Any, keyed: bool) -> Asked:
        key = f"key of {label}" if keyed and self.may_key else None
        asked = Asked(label, self._body(to, message, when_closed), key, self.casement.now)
        self.stage.asked.append(asked)
        self._request(asked)
        return asked

    def _request(self, asked: Asked) -> None:
        self.began.setdefault(asked.label, len(self.stage.effects.seen))
        self.stage.ask(asked)
        if asked.ids:
            self.told.setdefault(asked.label, len(self.casement.simulator.sent))
        if asked.ids or not asked.idempotency_key:
            self.over.setdefault(asked.label, len(self.stage.effects.seen))

    def came_before(self, label: str, other: str) -> bool:
        """Whether one was asked for, and that was over, before another was."""
        return label in self.over and other in self.began and self.over[label] <= self.began[other]

    @staticmethod
    def _body(to: str, message: Mapping[str, Any], when_closed: Any) -> Json:
        named = {"to": to} if to.isdigit() else {"recipient": to}
        policy = {"when_closed": when_closed} if when_closed is not None else {}
        return {"messaging_product": "whatsapp", **named, **message, "casement": policy}


def check_window_and_once(stage: Stage) -> None:
    """Nothing free-form outside of the window; nothing twice, unless Meta has refused it for the window before."""
    sent = stage.casement.simulator.sent
    assert [said(one.body) for one in sent if one.kind == "free_form" and not one.window_open] == []
    for label, times in ledger(stage.casement).items():
        if not label.startswith(NUDGE):  # of which every closed window may have one
            assert all(earlier.failed == RE_ENGAGEMENT for earlier in times[:-1]), f"sent {len(times)} times: {label}"
    keys = [one.body["biz_opaque_callback_data"] for one in sent]
    assert len(keys) == len(set(keys))


def check_what_waited(history: History) -> None:
    """Of what was held when it was asked for: in order, not after its time, not once it was taken back or replaced."""
    stage, casement = history.stage, history.casement
    views = sends(casement)
    for view in views.values():
        for waiting in waited(view):
            assert waiting["state"] == "released" or waiting["why"], f"ended without a reason: {view}"
    assert stage.cancelled.isdisjoint(reached(casement))

    asked = {said(view): view["casement"] for view in views.values() if "of" not in view["casement"]}
    held = {said(view): view["casement"] for view in views.values() if was_held(view)}
    first = taken_first(casement.simulator.sent)
    for label in held.keys() & first.keys():
        at = casement.simulator.sent[first[label]].at
        assert at < held[label]["waiting"]["expires_at"] + 2, f"{label} went out after its time"
    for older, newer in product(held, asked):
        if not history.came_before(older, newer) or not is_older(held[older], asked[newer]):
            continue
        if older in first and newer in first and newer in held:
            assert first[older] < first[newer], f"{newer} went out before {older}"
        if older in first and newer in history.told and history.replaces.get(newer, "") == history.replaces.get(older):
            assert first[older] < history.told[newer], f"{older} went out after {newer}, which replaced it"


def waited(view: Json) -> Iterator[Json]:
    """How a message waited, and every try of it that had to wait again."""
    if "waiting" in view["casement"]:
        yield view["casement"]["waiting"]
    for attempt in view["casement"].get("attempts", ()):
        yield from waited(attempt)


def was_held(view: Json) -> bool:
    """Whether a message was held at once, and not a try, or refused before."""
    ours = view["casement"]
    return "of" not in ours and "waiting" in ours and ours.get("decision", {}).get("action") == "hold"


def check_verdicts(history: History) -> None:
    """Once Meta has told that it refused a message to Alice for the window, nothing free-form goes to her before she
    has written again. Where the clock was put back, what she wrote before can be of a later time."""
    sent = history.casement.simulator.sent
    wrote = [
        int(message["timestamp"]) * 1000
        for webhook in history.casement.simulator.webhooks.finished
        for update in webhook.updates
        for message in update.value.get("messages", ())
        if {ALICE, ALICE_ID} & {message.get("from"), message.get("from_user_id")}
    ]
    for place, refused in enumerate(sent):
        if refused.user_id != ALICE_ID or refused.failed != RE_ENGAGEMENT:
            continue
        key = MessageKey.parse(refused.body["biz_opaque_callback_data"])
        told = min((length for length in history.all_told if length > place), default=len(sent))
        for later in sent[told:]:
            if later.user_id == ALICE_ID and later.kind == "free_form":
                until = later.at * 1000 + history.went_back
                assert key and any(key.at < at <= until for at in wrote), f"sent though refused: {later}"


def is_older(one: Json, other: Json) -> bool:
    """Whether Casement's clock says so too, of two messages of what it took for one conversation."""
    mine, its = MessageKey.parse(one["id"]), MessageKey.parse(other["id"])
    assert mine is not None and its is not None
    return mine.contact == its.contact and mine.ulid < its.ulid


def taken_first(sent: list[Sent]) -> dict[str, int]:
    """When Meta took a message first as itself, with no template in its place: its place on the ledger. Another time
    means that Meta refused it."""
    return {said(one.body): place for place, one in reversed(list(enumerate(sent))) if one.kind == "free_form"}


def test_any_history_keeps_every_promise():
    run_state_machine_as_test(History, settings=settings(max_examples=examples(500), stateful_step_count=60))
