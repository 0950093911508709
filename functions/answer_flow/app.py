"""`POST /flows/{flow_id}`: what WhatsApp asks while a customer is in a Flow, encrypted and signed; and Meta's health
check.

Source: https://developers.facebook.com/docs/whatsapp/flows/guides/implementingyourflowendpoint
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from aws_lambda_powertools import Logger

from casement.domain.compact_json import dumps
from casement.domain.errors import CasementError
from casement.domain.flow_exchange import ACKNOWLEDGED, Answer, Ask, Backend, error_in
from casement.domain.message_key import MessageKey
from casement.domain.untrusted import loads
from casement.meta.flow_encryption import CannotDecrypt, Sealed, opened
from casement.meta.signature import verify
from casement.runtime import wiring
from casement.runtime.http import Request, Response, request_from
from casement.runtime.secret import Secret, SecretSource
from casement.usecases.answer_flow import Answering, answer_flow
from casement.webhooks.post import Caller, NoAnswer
from casement.webhooks.sign import standard_headers

LARGEST_ANSWER = 1_048_576  # bytes; a back end may send pictures in base64
LONGEST_ID = 64  # characters; Meta's ids are digits
SIGNATURE_REFUSED, CANNOT_DECRYPT = 432, 421  # what WhatsApp makes of them: see Meta's page

T = TypeVar("T")

logger = Logger()

wiring.build_at_start(wiring.answering_flows)


def respond(
    request: Request,
    *,
    source: SecretSource,
    answering: Callable[[], Answering],
    count: Callable[[str], None],
    moment: Callable[[], float] = time.monotonic,
) -> Response:
    """Answer one request of WhatsApp's. Raises nothing, whatever its bytes are."""
    flow_id = request.path.get("flow_id", "")[:LONGEST_ID]
    try:
        if not _one_that(source, moment(), lambda secret: _is_signed(request, secret)):
            return _refused(SIGNATURE_REFUSED, "signature refused", flow_id, count, "SignatureRejected")
        sealed = _one_that(source, moment(), lambda secret: _opened(request, secret))
        if not sealed:
            return _refused(CANNOT_DECRYPT, "cannot be decrypted", flow_id, count, "FlowNotDecrypted")
        if sealed.says is None:
            return _refused(400, "says nothing that can be read", flow_id, count, "FlowUnanswered")
        answer = answer_flow(flow_id, sealed.says, answering())
    except CasementError as error:  # the secret or the table: WhatsApp shows an error, and the customer may try again
        return _refused(500, str(error), flow_id, count, "FlowUnanswered")
    return _sent(answer, sealed, flow_id, count)


def _one_that(source: SecretSource, moment: float, find: Callable[[Secret], T]) -> T:
    """What `find` finds with the secret as it is known; if nothing, with a newer one: it may have just been changed.

    Raises `SecretUnavailable`.
    """
    found = find(source.get(moment))
    newer = None if found else source.newer(moment)
    return find(newer) if newer else found


def _is_signed(request: Request, secret: Secret) -> bool:
    return verify(secret.app_secrets, request.body, request.headers.get("x-hub-signature-256"))


def _opened(request: Request, secret: Secret) -> Sealed | None:
    try:
        return opened(request.body, secret.flow_keys)
    except CannotDecrypt:
        return None


def _refused(status: int, why: str, flow_id: str, count: Callable[[str], None], metric: str) -> Response:
    count(metric)
    logger.warning("flow refused", status=status, why=why, flow=flow_id)
    return Response(status, "", "text/plain")


def _sent(answer: Answer, sealed: Sealed, flow_id: str, count: Callable[[str], None]) -> Response:
    """What is logged names the action and no answer of anybody's."""
    says = sealed.says or {}
    action = says.get("action")
    told = error_in(says) if answer is ACKNOWLEDGED else None
    if told is not None:
        count("FlowErrorTold")
    if answer.problem and answer.status != 427:
        count("FlowUnanswered")
    logger.info(
        "flow answered",
        flow=flow_id,
        status=answer.status,
        action=action if isinstance(action, str) and len(action) < 30 else None,
        problem=answer.problem,
        client_error=str(told.get("error"))[:200] if told else None,
    )
    return Response(answer.status, sealed.seal(answer.body) if answer.body is not None else "", "text/plain")


def asking(caller: Caller, clock: Callable[[], int], randomness: Callable[[], int]) -> Ask:
    """How back ends are asked: signed as Standard Webhooks says, within their own deadline."""

    def ask(backend: Backend, question: dict[str, Any]) -> tuple[int, object] | None:
        now = clock()
        id_, body = f"flow_{MessageKey.new('', now, randomness()).ulid}", dumps(question)
        headers = standard_headers([backend.secret], id_, now, body)
        try:
            reply = caller.post(
                backend.url,
                body.encode(),
                headers,
                deadline_s=backend.deadline_ms / 1000,
                largest=LARGEST_ANSWER,
            )
        except NoAnswer as error:
            logger.warning("back end of a flow", why=str(error), id=id_)
            return None
        try:
            return reply.status, loads(reply.body)
        except ValueError:
            return reply.status, None

    return ask


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """The Lambda entry point."""
    return respond(
        request_from(event),
        source=wiring.secret_source(),
        answering=lambda: wiring.answering(asking(wiring.caller(), wiring.now, wiring.randomness)),
        count=wiring.count,
    ).to_event()
