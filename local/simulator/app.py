"""The simulator: one WSGI callable, and the same controls as methods."""

import base64
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from local.simulator.agenda import Agenda
from local.simulator.authoring import Authoring
from local.simulator.config import (
    APP_SECRET,
    LOCAL_NUMBER,
    VERIFY_TOKEN,
    Ask,
    Deliver,
    Json,
    Number,
    Options,
    Verify,
)
from local.simulator.contacts import Directory, digits_of
from local.simulator.control import Control
from local.simulator.errors import GraphError
from local.simulator.faults import Fault, Faults, Unanswered, raise_in_process
from local.simulator.flow_controls import FlowControls
from local.simulator.flow_keys import FlowKeys
from local.simulator.graph import Graph, route_of
from local.simulator.inbound import AUTO, Customers, Id
from local.simulator.insights import Insights
from local.simulator.media import Media
from local.simulator.messages import Messages, Sent
from local.simulator.reviews import Reviews
from local.simulator.seeds import SEEDS
from local.simulator.seeds import Template as Seed
from local.simulator.taps import COUNTED
from local.simulator.template_controls import TemplateControls
from local.simulator.template_routes import TemplateRoutes
from local.simulator.templates import Templates
from local.simulator.webhooks import Update, Webhook, Webhooks
from local.simulator.windows import Window
from local.simulator.wsgi import Request, Response, read_request


def nobody_listens(_body: bytes, _headers: Mapping[str, str]) -> int:
    """The deliverer of a simulator that was given none: takes everything."""
    return 200


class Simulator(FlowControls, TemplateControls):
    """Meta's side of the WhatsApp Cloud API: stateful, strict where Meta is, with its own windows.

    Mount it (`httpx.WSGITransport(app=simulator)`) or serve it (`python -m local.simulator`); a client
    can't tell. Webhooks are queued; `deliver_pending()` hands them to `deliver`, or a background worker
    does (see `server.py`). Every method may be called from any thread.
    """

    def __init__(
        self,
        *,
        numbers: Iterable[Number] = (LOCAL_NUMBER,),
        app_secret: str = APP_SECRET,
        verify_token: str = VERIFY_TOKEN,
        deliver: Deliver = nobody_listens,
        verify: Verify | None = None,
        ask: Ask | None = None,
        clock: Callable[[], float] = time.time,
        rng: Random | None = None,
        options: Options | None = None,
        seeds: Iterable[Seed] = SEEDS,
        unanswered: Unanswered = raise_in_process,
    ) -> None:
        self.numbers = tuple(numbers)
        self._usual_options = usual = options or Options()
        self._app_secret, self._verify_token = app_secret, verify_token
        self._verify, self._ask, self._unanswered = verify, ask, unanswered
        self._clock, self._rng = clock, rng or Random()  # noqa: S311 - nothing here is a secret
        self._lock = threading.RLock()
        self._directory, self._faults = Directory(), Faults()
        self._known: dict[str, float] = {}  # every wamid there has been, with its time
        self._webhooks = Webhooks(app_secret, deliver, clock, self._rng)
        self._media = Media(clock, self._rng)
        self._flow_keys = FlowKeys()
        self._agenda = Agenda()
        self.templates = Templates(seeds, clock, self._rng)
        self._reviews = Reviews(self.templates, self._webhooks, self._agenda, usual, clock)
        self._authoring = Authoring(self.templates, self._reviews, usual, clock)
        self._customers = Customers(self._directory, self._media, self._webhooks, self._known, clock, self._rng)
        self._messages = Messages(
            self._directory,
            self.templates,
            self._media,
            self._webhooks,
            self._faults,
            self._known,
            usual,
            clock,
            self._rng,
        )
        self._insights = Insights(self._messages, self.templates, usual, clock)
        self._template_routes = TemplateRoutes(self.templates, self._authoring, self._reviews, usual)
        self._graph = Graph(
            self.numbers,
            self._messages,
            self.templates,
            self._media,
            self._webhooks,
            self._insights,
            usual,
            {**self._template_routes.routes, **self._flow_keys.routes},
        )
        self._control = Control(self)
        self.templates.reset(self._graph.waba_ids)

    # --- as a server ------------------------------------------------------------------------------

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        request = read_request(environ)
        if request.path.startswith("/_control"):
            return self._control.handle(request).send(start_response)
        response, silent = self._answer(request)
        if silent is not None:
            self._unanswered(silent)  # outside the lock: it may take its time
        return response.send(start_response)

    def _answer(self, request: Request) -> tuple[Response, str | None]:
        with self._lock:
            self.tick()
            fault = self._faults.for_call(route_of(request))
            if fault is None:
                return self._process(request), None
            if fault.processed:
                accepted = len(self._messages.ledger)
                self._process(request)
                for sent in self._messages.ledger[accepted:]:
                    sent.answered = False
            refusal = fault.page() or self._refuse(fault.refusal(route_of(request)))
            return refusal, fault.silent

    def _process(self, request: Request) -> Response:
        try:
            return self._graph.handle(request)
        except GraphError as error:
            return self._refuse(error)

    def _refuse(self, error: GraphError) -> Response:
        fbtrace_id = "A" + base64.urlsafe_b64encode(self._rng.randbytes(16)).decode().rstrip("=")
        return Response.of(error.as_json(fbtrace_id), error.http_status, error.headers)

    # --- what happened ----------------------------------------------------------------------------

    @property
    def sent(self) -> list[Sent]:
        """The ledger: every accepted message, in order."""
        with self._lock:
            return list(self._messages.ledger)

    @property
    def marked_read(self) -> list[Json]:
        """Every mark-as-read and typing request, as it came."""
        with self._lock:
            return list(self._messages.marked_read)

    def window(self, contact: str, *, phone_number_id: str | None = None) -> Json:
        """The simulator's own window of this contact (any of its ids) or group; times in epoch seconds."""
        with self._lock:
            known = self._directory.find(contact) or self._directory.find_group(contact)
            window = Window() if known is None else known.window(self.number(phone_number_id).phone_number_id)
            return window.as_json(self._clock())

    def number(self, phone_number_id: str | None = None) -> Number:
        """The number with this id; the first one if none is named."""
        if phone_number_id is None:
            return self.numbers[0]
        found = [number for number in self.numbers if number.phone_number_id == phone_number_id]
        if not found:
            raise ValueError(f"there is no number {phone_number_id}")
        return found[0]

    # --- customers --------------------------------------------------------------------------------

    def inbound(
        self,
        text: str | None = None,
        *,
        message: Mapping[str, Any] | None = None,
        sender: Id = AUTO,
        user_id: Id = AUTO,
        name: str | None = None,
        username: str | None = None,
        ago: float = 0.0,
        wamid: str | None = None,
        group_id: str | None = None,
        phone_number_id: str | None = None,
    ) -> str:
        """A customer writes: `text`, or any `message` object (`{"type": "image", "image": {…}}`, `context`,
        `referral` …), `ago` seconds back. Opens the simulator's window from that time and queues the webhook.

        `sender` is a phone number, `user_id` a BSUID; None leaves one out of the webhook, as Meta may.
        With neither given it is one and the same person. Returns the wamid.
        """
        if (text is None) == (message is None):
            raise ValueError("either text or message")
        content = message if message is not None else {"type": "text", "text": {"body": text}}
        with self._lock:
            return self._customers.write(
                self.number(phone_number_id),
                content,
                sender=sender,
                user_id=user_id,
                name=name,
                username=username,
                ago=ago,
                wamid=wamid,
                group_id=group_id,
            )

    def change_number(self, old: str, new: str, *, show_phone: bool = True, phone_number_id: str | None = None) -> str:
        """The customer moves to another phone number. `old` is any of its ids."""
        if not digits_of(new):
            raise ValueError("the new number has no digits")
        with self._lock:
            return self._customers.change_number(self.number(phone_number_id), old, new, show_phone=show_phone)

    def call(
        self, *, sender: Id = AUTO, user_id: Id = AUTO, ago: float = 0.0, phone_number_id: str | None = None
    ) -> str:
        """A customer calls, which opens the window too. Returns the call's id."""
        with self._lock:
            return self._customers.call(self.number(phone_number_id), sender=sender, user_id=user_id, ago=ago)

    def prefer(self, contact: str, *, stop: bool, phone_number_id: str | None = None) -> None:
        """The customer stops or resumes marketing messages."""
        with self._lock:
            self._customers.prefer(self.number(phone_number_id), contact, stop=stop)

    def echo(self, to: str, text: str, *, phone_number_id: str | None = None) -> str:
        """The business types to a customer on its phone app. Returns the wamid."""
        with self._lock:
            message = {"type": "text", "text": {"body": text}}
            return self._customers.echo(self.number(phone_number_id), to, message)

    # --- statuses and faults ----------------------------------------------------------------------

    def status(self, wamid: str | None, status: str, *, code: int | None = None, details: str | None = None) -> str:
        """Queue a status of this message on the ledger (None: of the newest); `failed` takes a code.

        Returns the wamid.
        """
        with self._lock:
            sent = self._message(wamid)
            number = self.number(sent.phone_number_id)
            self._messages.status(number, sent.wamid, status, code=code, details=details)
            return sent.wamid

    def _message(self, wamid: str | None) -> Sent:
        sent = self._messages.find(wamid) if wamid else next(reversed(self._messages.ledger), None)
        if sent is None:
            raise ValueError(f"no message {wamid or ''} was accepted here")
        return sent

    def read(self, wamid: str | None = None) -> str:
        """The customer reads this message, or the newest one. Returns its wamid."""
        return self.status(wamid, "read")

    def tap(self, wamid: str | None = None, button: str | None = None, *, sender: Id = AUTO) -> str | None:
        """The customer taps a button (its text; None: the first one) of this template message (None: the newest one).

        A quick reply is a message: returns its wamid. A link is not: Meta counts the tap, and nobody is told (None).
        `sender` is any id of who taps, which only a group needs.
        """
        with self._lock:
            sent = self._message(wamid)
            recipient, tapped, payload = self._messages.tap(sent.wamid, button)
            if tapped.kind == COUNTED:
                return None
            number = self.number(sent.phone_number_id)
            message = {
                "context": {"from": number.digits, "id": sent.wamid},
                "type": "button",
                "button": {"payload": payload, "text": tapped.text},
            }
            who = recipient if sender is AUTO else self._directory.find(str(sender))
            if who is None:
                raise ValueError("a tap in a group needs a known sender")
            shown = None if who.phone_hidden else who.wa_id
            return self._customers.write(
                number, message, sender=shown, user_id=who.user_id or AUTO, group_id=sent.group_id
            )

    def fail_next(
        self,
        how: str,
        n: int = 1,
        *,
        match: str = "",
        skip: int = 0,
        code: int | None = None,
        http_status: int | None = None,
        details: str | None = None,
        retry_after: int | None = None,
        proxy_page: bool = False,
    ) -> None:
        """The next `n` calls fail (see `faults.CALL_FAULTS`), or the next `n` accepted messages
        (`faults.SEND_FAULTS`).

        `match` is a regular expression searched in "POST /<id>/messages"; `skip` matching calls pass first.
        """
        with self._lock:
            self._faults.add(Fault(how, n, skip, match, code, http_status, details, retry_after, proxy_page))

    # --- webhooks ---------------------------------------------------------------------------------

    @property
    def webhooks(self) -> Webhooks:
        """The queue itself: `pending`, `finished`, `hold`, `shuffle`, `duplicate`, `batch`."""
        return self._webhooks

    @property
    def pending(self) -> list[Webhook]:
        return self._webhooks.pending

    def deliver_pending(self) -> list[int]:
        """Try every queued webhook once, in order, and return the statuses. All but 200 stay queued."""
        self.tick()
        return self._webhooks.deliver_pending()

    def webhook(self, field: str, value: Json, *, waba_id: str | None = None, time: int | None = None) -> None:
        """Queue any webhook at all. It changes nothing here: no window, no contact."""
        self._webhooks.add(Update(waba_id or self.numbers[0].waba_id, field, value, time))

    def verify_webhook(self) -> bool:
        """Meta's handshake with the receiver: true if it gave the challenge back."""
        if self._verify is None:
            raise ValueError("this simulator was not told how to reach a receiver")
        challenge = str(self._rng.randrange(10**9, 10**10))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": self._verify_token}
        return self._verify(query) == (200, challenge)

    # --- all of it --------------------------------------------------------------------------------

    @property
    def options(self) -> Options:
        return self._messages.options

    def set_options(self, **changes: Any) -> Options:
        """Other habits from now on, until `clear`."""
        return self._use(replace(self.options, **changes))

    def clear(self) -> None:
        """As new: seeds, no contacts, no messages, no faults, no webhooks, the habits it was made with."""
        with self._lock:
            for part in (
                self._directory,
                self._faults,
                self._media,
                self._messages,
                self._webhooks,
                self._known,
                self._agenda,
                self._reviews.script,
                self._authoring,
                self._insights,
                self._flow_keys,
            ):
                part.clear()
            self._graph.subscribe_all()
            self._use(self._usual_options)
            self.templates.reset(self._graph.waba_ids)

    def _use(self, options: Options) -> Options:
        with self._lock:
            for part in (
                self._messages,
                self._reviews,
                self._authoring,
                self._insights,
                self._template_routes,
                self._graph,
            ):
                part.options = options
            return options
