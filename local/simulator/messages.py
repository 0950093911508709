"""Sends: judged, put on the ledger, answered, and followed by their statuses."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from local.simulator.config import Json, Number, Options
from local.simulator.contacts import BSUID, Contact, Directory, Group, digits_of, same_line
from local.simulator.errors import WINDOW_CLOSED, GraphError, invalid, required, status_error
from local.simulator.faults import Fault, Faults
from local.simulator.flows import token_in
from local.simulator.inbound import make_wamid, messages_value
from local.simulator.media import Media
from local.simulator.payloads import MEDIA_TYPES, check_message
from local.simulator.pricing import bears_pricing, pricing
from local.simulator.taps import Button, Tap, find, payload
from local.simulator.template_fit import check_fit, needs_phone
from local.simulator.templates import Template, Templates
from local.simulator.webhooks import Update, Webhooks
from local.simulator.windows import Window

REACTION_SECONDS = 30 * 86400
NOT_SENDABLE = {"PAUSED": 132015, "DISABLED": 132016}
STATUSES = ("sent", "delivered", "read", "played", "failed")


@dataclass
class Sent:
    """One accepted message, as the ledger keeps it. A message refused at once is not here; one refused late is, with
    the code in `failed`: no customer has seen it."""

    wamid: str
    at: float
    phone_number_id: str
    waba_id: str
    input: str  # what the client wrote in `to` or `recipient`
    contact: int  # the same for every alias of a person; 0 for a group
    wa_id: str | None
    user_id: str | None
    group_id: str | None
    kind: str  # "template" or "free_form"
    type: str
    window_open: bool
    body: Json  # as it came
    pricing: Json
    failed: int | None = None
    answered: bool = True  # False: processed, but the client never learned (see faults)
    statuses: list[str] = field(default_factory=list)
    told_at: dict[str, float] = field(default_factory=dict)  # status: Meta's time of the first one of its kind
    template_id: str | None = None
    taps: list[Tap] = field(default_factory=list)

    @property
    def text(self) -> str | None:
        """What a text message says."""
        return self.body["text"]["body"] if self.type == "text" else None

    def as_json(self) -> Json:
        return asdict(self)


@dataclass(frozen=True)
class Recipient:
    """Who a request addresses, and by what."""

    input: str
    contact: Contact | None  # None: a group
    group: Group | None
    by_phone: bool
    known: bool  # False: a BSUID that this portfolio has never seen

    def window(self, phone_number_id: str) -> Window:
        holder = self.group or self.contact
        return Window() if holder is None else holder.window(phone_number_id)


class Messages:
    def __init__(
        self,
        directory: Directory,
        templates: Templates,
        media: Media,
        webhooks: Webhooks,
        faults: Faults,
        known: dict[str, float],
        options: Options,
        clock: Callable[[], float],
        rng: Random,
    ) -> None:
        self._directory, self._templates, self._media = directory, templates, media
        self._webhooks, self._faults, self._known = webhooks, faults, known
        self.options, self._clock, self._rng = options, clock, rng
        self.ledger: list[Sent] = []
        self.marked_read: list[Json] = []  # mark-as-read and typing requests, as they came
        self._by_wamid: dict[str, tuple[Sent, Recipient]] = {}
        self._components: dict[str, list[Json]] = {}  # of the template as it was sent, by wamid

    def clear(self) -> None:
        self.ledger.clear()
        self.marked_read.clear()
        self._by_wamid.clear()
        self._components.clear()

    # --- the request ------------------------------------------------------------------------------

    def handle(self, number: Number, body: Json, route: str, *, marketing_only: bool = False) -> Json:
        if body.get("status") is not None:
            return self._mark_read(body)
        return self._send(number, body, route, marketing_only=marketing_only)

    def _mark_read(self, body: Json) -> Json:
        if body.get("messaging_product") != "whatsapp":
            raise required("messaging_product")
        if body["status"] != "read":
            raise invalid("Param status must be one of {READ}.")
        if not body.get("message_id"):
            raise required("message_id")
        if "typing_indicator" in body and body["typing_indicator"] != {"type": "text"}:
            raise invalid("Param typing_indicator['type'] must be one of {TEXT}.")
        if not isinstance(body["message_id"], str) or body["message_id"] not in self._known:
            raise GraphError(131009, details="Param message_id is not a message of this number.")
        self.marked_read.append(dict(body))
        return {"success": True}

    def _send(self, number: Number, body: Json, route: str, *, marketing_only: bool) -> Json:
        kind = check_message(body)
        self._check_media(body, kind)
        recipient = self._recipient(number, body)
        template = self._template(number, body, recipient) if kind == "template" else None
        if marketing_only and (template is None or template.category != "MARKETING"):
            raise GraphError(134100)
        window_open = recipient.window(number.phone_number_id).is_open(self._clock())
        if template is None and not window_open and self.options.window_refusal == "sync":
            raise GraphError(131047, details=WINDOW_CLOSED)
        fault = self._faults.for_send(route)
        failed = self._late_refusal(body, kind, recipient, template, window_open, fault)
        sent = self._accept(number, body, kind, recipient, template, window_open, marketing_only)
        self._follow(number, sent, recipient, failed, held=fault is not None and fault.how == "held")
        return self._answer(sent, recipient, template, fault)

    def _check_media(self, body: Json, kind: str) -> None:
        media_id = body[kind].get("id") if kind in MEDIA_TYPES else None
        if media_id and self._media.get(str(media_id)) is None:
            raise invalid(f"Param {kind}['id'] is not a valid whatsapp business account media attachment ID")

    # --- the recipient ----------------------------------------------------------------------------

    def _recipient(self, number: Number, body: Json) -> Recipient:
        if body.get("recipient_type") == "group":
            if not body.get("to"):
                raise required("to")
            return Recipient(body["to"], None, self._directory.group(body["to"]), by_phone=False, known=True)
        if body.get("to"):  # wins where both are given
            return self._phone_recipient(number, body["to"])
        return self._user_recipient(body["recipient"])

    def _phone_recipient(self, number: Number, to: str) -> Recipient:
        digits = digits_of(to)
        if not 7 <= len(digits) <= 15 or BSUID.fullmatch(to):
            raise GraphError(131009, details="Param to is not a valid phone number.")
        if same_line(digits) == same_line(number.digits):
            raise GraphError(131021)
        allowed = self.options.allowed_recipients
        if allowed and same_line(digits) not in {same_line(digits_of(each)) for each in allowed}:
            raise GraphError(131030, details="Recipient phone number not in allowed list: add it and try again.")
        contact = self._directory.by_phone(digits)
        contact.addressed_at = self._clock()
        return Recipient(to, contact, None, by_phone=True, known=True)

    def _user_recipient(self, user_id: str) -> Recipient:
        if not BSUID.fullmatch(user_id):
            raise GraphError(131009, details="Param recipient is not a valid business-scoped user ID.")
        contact = self._directory.find(user_id)
        return Recipient(
            user_id, contact or Contact(0, user_id=user_id), None, by_phone=False, known=contact is not None
        )

    # --- the template -----------------------------------------------------------------------------

    def _template(self, number: Number, body: Json, recipient: Recipient) -> Template:
        wanted = body["template"]
        name, language = _name_and_language(wanted)
        template = self._templates.find(number.waba_id, name, language)
        if template is not None and template.status in NOT_SENDABLE:
            raise GraphError(NOT_SENDABLE[template.status], details=f"template {name} ({language})")
        if template is None or template.status != "APPROVED":
            raise GraphError(132001, details=f"template name ({name}) does not exist in {language}")
        definition = template.data | {"components": template.components}
        if not recipient.by_phone and recipient.group is None and needs_phone(definition):
            raise GraphError(131062)
        check_fit(definition, wanted.get("components") or [])
        return template

    # --- what becomes of it -----------------------------------------------------------------------

    def _late_refusal(
        self,
        body: Json,
        kind: str,
        recipient: Recipient,
        template: Template | None,
        window_open: bool,
        fault: Fault | None,
    ) -> Json | None:
        """The error with which an accepted message will fail, if it will."""
        if fault is not None and fault.how == "late" and fault.code is not None:
            return status_error(fault.code, fault.details)
        if not recipient.known:
            return status_error(131026)
        if template is None and not window_open:
            return status_error(131047, WINDOW_CLOSED)
        if template is not None and template.category == "MARKETING" and _stopped(recipient):
            return status_error(131050)
        if kind == "reaction" and not self._can_react_to(body["reaction"]["message_id"]):
            return status_error(131009, "The message reacted to is unknown, or older than 30 days.")
        return None

    def _can_react_to(self, wamid: Any) -> bool:
        at = self._known.get(wamid) if isinstance(wamid, str) else None
        return at is not None and self._clock() - at < REACTION_SECONDS

    def _accept(
        self,
        number: Number,
        body: Json,
        kind: str,
        recipient: Recipient,
        template: Template | None,
        window_open: bool,
        marketing_only: bool,
    ) -> Sent:
        now, contact = self._clock(), recipient.contact
        window = recipient.window(number.phone_number_id)
        window.answered(now)
        subject = recipient.input if contact is None else contact.wa_id or contact.user_id or ""
        sent = Sent(
            wamid=make_wamid(subject, self._rng, inbound=False),
            at=now,
            phone_number_id=number.phone_number_id,
            waba_id=number.waba_id,
            input=recipient.input,
            contact=contact.key if contact else 0,
            wa_id=contact.wa_id if contact else None,
            user_id=contact.user_id if contact else None,
            group_id=recipient.group.group_id if recipient.group else None,
            kind="free_form" if template is None else "template",
            type=kind,
            window_open=window_open,
            body=body,
            pricing=pricing(template, window, now, marketing_only=marketing_only, group=recipient.group is not None),
            template_id=template.id if template else None,
        )
        if template is not None:
            self._components[sent.wamid] = template.components
        self.ledger.append(sent)
        self._by_wamid[sent.wamid] = (sent, recipient)
        self._known[sent.wamid] = now
        return sent

    def _answer(self, sent: Sent, recipient: Recipient, template: Template | None, fault: Fault | None) -> Json:
        contact: Json = {"input": recipient.input}
        if recipient.by_phone:
            contact["wa_id"] = sent.wa_id
        elif recipient.group is None:
            contact["user_id"] = recipient.input
        message: Json = {"id": sent.wamid}
        if sent.group_id is not None:
            message["group_id"] = sent.group_id
        if fault is not None and fault.how == "held":
            message["message_status"] = "held_for_quality_assessment"
        elif template is not None:
            message["message_status"] = "accepted"
        return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}

    # --- statuses ---------------------------------------------------------------------------------

    def _follow(self, number: Number, sent: Sent, recipient: Recipient, failed: Json | None, *, held: bool) -> None:
        if failed is not None:
            sent.failed = failed["code"]
            self._tell(number, sent, recipient, "failed", delay=self.options.late_delay, error=failed)
            return
        usual = () if held else self.options.statuses
        for count, status in enumerate(usual[:1] if sent.type == "reaction" else usual, start=1):
            self._tell(number, sent, recipient, status, delay=count * self.options.status_delay)

    def status(
        self, number: Number, wamid: str, status: str, *, code: int | None = None, details: str | None = None
    ) -> None:
        """A status on request, whatever came before it."""
        if status not in STATUSES:
            raise ValueError(f"status is one of {', '.join(STATUSES)}")
        sent, recipient = self._by_wamid[wamid]
        error = None
        if status == "failed":
            error = status_error(code or 131026, details)
            sent.failed = error["code"]
        self._tell(number, sent, recipient, status, error=error)

    def tap(self, wamid: str, text: str | None) -> tuple[Contact | None, Button, str]:
        """A tap on this message's button (None: its first one): whose message it is, which button, its payload."""
        sent, recipient = self._by_wamid[wamid]
        if wamid not in self._components or sent.failed is not None:
            raise ValueError("only a template message that has not failed has buttons to tap")
        button = find(self._components[wamid], text)
        sent.taps.append(Tap(button.kind, button.text, self._clock()))
        return recipient.contact, button, payload(sent.body, button)

    def flow(self, wamid: str | None) -> tuple[Sent, Contact | None, str]:
        """A message that opens a Flow (None: the newest one): whose it is, and the token it carries."""
        for sent in reversed(self.ledger):
            token = token_in(sent.body) if wamid in {None, sent.wamid} else None
            if token is None:
                continue
            if sent.failed is not None:
                raise ValueError("the message failed: no customer has seen its Flow")
            return sent, self._by_wamid[sent.wamid][1].contact, token
        raise ValueError(f"no message {wamid or ''} with a Flow was accepted here")

    def find(self, wamid: str) -> Sent | None:
        found = self._by_wamid.get(wamid)
        return found[0] if found else None

    def _tell(
        self,
        number: Number,
        sent: Sent,
        recipient: Recipient,
        status: str,
        *,
        delay: float = 0.0,
        error: Json | None = None,
    ) -> None:
        base: Json = {"id": sent.wamid, "status": status, "timestamp": str(int(self._clock() + delay))}
        callback_data = sent.body.get("biz_opaque_callback_data")
        base |= {"biz_opaque_callback_data": callback_data} if callback_data is not None else {}
        if error is not None:
            base["errors"] = [error]
        elif bears_pricing(status, sent.statuses):
            base["pricing"] = sent.pricing
        sent.statuses.append(status)
        sent.told_at.setdefault(status, self._clock() + delay)
        value = messages_value(number, **self._addressed(base, sent, recipient, status))
        self._webhooks.add(Update(number.waba_id, "messages", value, None), delay=delay)

    def _addressed(self, base: Json, sent: Sent, recipient: Recipient, status: str) -> Json:
        """The status with its recipient, and the contact card that goes with it."""
        if recipient.group is not None:
            return {"statuses": _group_statuses(base, recipient.group, self._clock())}
        contact = recipient.contact
        kind = {"recipient_type": "individual"}
        if contact is None or status == "failed":  # it names only the id that was addressed, and has no card
            by = {"recipient_id": sent.wa_id} if recipient.by_phone else {"recipient_user_id": recipient.input}
            return {"statuses": [base | by | kind]}
        shown = contact.shown_wa_id(self._clock())
        ids = {"recipient_id": shown} if shown else {}
        ids |= {"recipient_user_id": contact.user_id} if contact.user_id else {}
        profile = contact.profile() if status in ("delivered", "read") else {}  # `sent` knows no names
        card: Json = {"profile": profile} if profile else {}
        card |= {"wa_id": shown} if shown else {}
        card |= {"user_id": contact.user_id} if contact.user_id else {}
        return {"contacts": [card], "statuses": [base | ids | kind]}


def _name_and_language(wanted: Any) -> tuple[str, str]:
    name = wanted.get("name") if isinstance(wanted, dict) else None
    if not isinstance(name, str) or not name:
        raise required("template['name']")
    language = wanted.get("language")
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(code, str) or not code:
        raise required("template['language']['code']")
    return name, code


def _stopped(recipient: Recipient) -> bool:
    return recipient.contact is not None and recipient.contact.stopped_marketing


def _group_statuses(base: Json, group: Group, now: float) -> list[Json]:
    """One object per participant, all with the same id."""
    shared = base | {"recipient_id": group.group_id, "recipient_type": "group"}
    statuses: list[Json] = []
    for member in group.members.values():
        shown = member.shown_wa_id(now)
        ids = {"recipient_participant_id": shown} if shown else {}
        statuses.append(shared | ids | {"recipient_participant_user_id": member.user_id})
    return statuses or [shared]
