"""What every way of sending takes from outside: one number, its table, its clock, and the call to Meta."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from casement.domain.errors import CasementError
from casement.domain.facts import Link
from casement.domain.jobs import Job
from casement.domain.message_key import MessageKey
from casement.domain.messages import Entry, Send
from casement.domain.number import Health, NumberState
from casement.domain.pending import Pending
from casement.domain.sending import Attention, Outcome, Request
from casement.domain.template_health import Ill
from casement.domain.templates import Held, Template
from casement.domain.window import WindowRules
from casement.usecases.find_conversation import ReadAlias


class Templates(Protocol):
    """The stored templates."""

    def find(self, waba_id: str, name: str, language: str) -> Template | None: ...
    def first(self, waba_id: str) -> Iterable[Held]: ...
    def ill(self, waba_id: str, now: int) -> Mapping[str, Ill]: ...
    def all(self, waba_id: str) -> Iterable[Held]: ...


class Sends(Protocol):
    """Where sends are kept."""

    def ask(
        self, number_id: str, key: MessageKey, request: Request, asked_by: str, decided: Mapping[str, Any] | None = None
    ) -> None: ...
    def end(self, number_id: str, key: MessageKey, request: Request, outcome: Outcome) -> None: ...
    def claim(
        self, number_id: str, api_key: str, given: str, body: str, key: MessageKey, *, instead_of: MessageKey | None
    ) -> tuple[str, MessageKey] | None: ...


class Log(Protocol):
    """A number's log."""

    def asked(self, number_id: str, key: MessageKey) -> Entry | None: ...


class Messages(Protocol):
    """What became of sends."""

    def send(self, number_id: str, key: MessageKey, *, consistent: bool = False) -> Send: ...
    def referred_at(self, number_id: str, contacts: Iterable[str], since: int) -> list[int]: ...
    def answered_at(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> int | None: ...


class Pendings(Protocol):
    """Messages that wait."""

    def keep(self, number_id: str, pending: Pending) -> None: ...
    def forget(self, number_id: str, pending: Pending) -> None: ...
    def ended(self, number_id: str, key: MessageKey) -> Pending | None: ...
    def add(self, number_id: str, pending: Pending) -> bool: ...
    def replace(self, number_id: str, old: Pending, new: Pending) -> bool: ...
    def end(self, number_id: str, pending: Pending) -> None: ...
    def find(self, number_id: str, key: MessageKey) -> Pending | None: ...
    def of(self, number_id: str, contacts: Iterable[str]) -> list[Pending]: ...
    def attention(self, number_id: str, contacts: Iterable[str]) -> list[Attention]: ...
    def ask_person(self, number_id: str, wanted: Attention) -> None: ...
    def nudge_once(self, number_id: str, contacts: Iterable[str], opened_at: int, nudge: MessageKey) -> bool: ...
    def is_nudged(self, number_id: str, contacts: Iterable[str], opened_at: int) -> bool: ...


class Numbers(Protocol):
    """What owners set, and how their numbers are."""

    def state(self, number_id: str, now: int) -> NumberState: ...
    def fresh(self, number_id: str, now: int) -> NumberState: ...
    def put_health(self, number_id: str, health: Health) -> None: ...


@dataclass(frozen=True, slots=True)
class Engine:
    """`post` calls Meta with a message's body; `show` says what a caller gets for an error, HTTP status and body;
    `learn` keeps a link; `enqueue` puts a job on the outbox; `clock` tells epoch milliseconds, `randomness` 80 bits;
    `token` is the digest of the number's token; `count` counts a metric; `app_secrets` are Meta's, newest first.
    `call_before` is when Meta must be called at
    the latest (epoch milliseconds), None where nobody waits."""

    number: str
    waba_id: str
    token: str
    read_alias: ReadAlias
    templates: Templates
    sends: Sends
    log: Log
    messages: Messages
    pendings: Pendings
    numbers: Numbers
    language: Callable[[str, str], str | None]
    learn: Callable[[Link], object]
    post: Callable[[Mapping[str, Any]], dict[str, Any]]
    show: Callable[[CasementError], tuple[int, Mapping[str, Any]]]
    enqueue: Callable[[Job], None]
    count: Callable[[str], None]
    rules: WindowRules
    clock: Callable[[], int]
    randomness: Callable[[], int]
    app_secrets: Callable[[], Sequence[str]]
    call_before: int | None = None

    @property
    def is_late(self) -> bool:
        """Whether so much time has gone that Meta must not be called any more: somebody waits for the answer."""
        return self.call_before is not None and self.clock() > self.call_before

    def new_key(self, contact: str, now: int) -> MessageKey:
        """A key for a message to a contact."""
        return MessageKey.new(contact, now, self.randomness())

    def tied(self, body: Mapping[str, Any], send: MessageKey) -> Mapping[str, Any]:
        """The same message; if it opens a Flow and carries no token of the caller's, with one that ties the answers to
        `send`."""
        if body.get("type") not in ("interactive", "template") or not self.app_secrets():
            return body
        from casement.domain.flow_token import with_flow_token  # most environments never need it

        return with_flow_token(body, self.number, send, self.app_secrets()[0], self.clock())
