"""`GET /webhook`: Meta's handshake. `POST /webhook`: verify, cut into facts, store all of them, then answer 200.

Nothing else happens here. What follows from a stored fact happens in `react`, off the table's stream.
"""

import hmac
import time
from collections.abc import Callable
from typing import Any

from casement.domain.errors import SecretUnavailable, StoreUnavailable
from casement.meta.signature import verify
from casement.meta.webhook import split
from casement.runtime import lean_log, wiring
from casement.runtime.http import Request, Response, request_from
from casement.runtime.secret import SecretSource
from casement.store.facts import Facts

SERVICE = "receive_webhook"

wiring.build_at_start(wiring.facts, wiring.secret_source)


def count(name: str, value: int) -> None:
    """Count a metric of this function."""
    lean_log.metric(name, value, SERVICE, wiring.settings().metrics_namespace)


def respond(
    request: Request,
    *,
    secret: SecretSource,
    facts: Facts,
    count: Callable[[str, int], None] = count,
    now: Callable[[], float] = time.monotonic,
) -> Response:
    """Answer one request of Meta's. Raises nothing, whatever its bytes are."""
    if request.route.startswith("GET "):
        return shake_hands(request, secret, now())
    try:
        if not is_signed(request, secret, now()):
            return refuse(count, "WARNING", "signature refused")
    except SecretUnavailable as error:
        return refuse(count, "ERROR", "no app secret: webhooks are refused until it is set", why=str(error))
    try:
        stored = facts.add(split(request.body))
    except StoreUnavailable as error:
        lean_log.line("ERROR", "not stored: Meta will deliver it again", SERVICE, why=str(error))
        return Response(500, "Not stored.", "text/plain")
    if stored.quarantined:
        count("Quarantined", stored.quarantined)
    lean_log.line("INFO", "stored", SERVICE, facts=stored.facts, quarantined=stored.quarantined)
    return Response(200, "EVENT_RECEIVED", "text/plain")


def shake_hands(request: Request, source: SecretSource, now: float) -> Response:
    """Give the challenge back, unchanged, to whoever knows the verify token."""
    try:
        verify_token = source.get(now).verify_token
    except SecretUnavailable as error:
        lean_log.line("ERROR", "no verify token: the handshake is refused until it is set", SERVICE, why=str(error))
        verify_token = ""
    given = request.query.get("hub.verify_token", "").encode(errors="surrogatepass")
    known = bool(verify_token) and hmac.compare_digest(given, verify_token.encode())
    if request.query.get("hub.mode") == "subscribe" and known:
        return Response(200, request.query.get("hub.challenge", ""), "text/plain")
    lean_log.line("WARNING", "handshake refused", SERVICE)
    return Response(403, "The verify token is not ours.", "text/plain")


def is_signed(request: Request, source: SecretSource, now: float) -> bool:
    """Whether the body is signed with an app secret of ours.

    An unknown one may be new: then the secret is read again.
    """
    header = request.headers.get("x-hub-signature-256")
    secret = source.get(now)
    if not secret.app_secrets:
        raise SecretUnavailable("The secret holds no app secret.")
    if verify(secret.app_secrets, request.body, header):
        return True
    newer = source.newer(now) if header else None
    return newer is not None and verify(newer.app_secrets, request.body, header)


def refuse(count: Callable[[str, int], None], level: str, message: str, **why: str) -> Response:
    """401: Meta will deliver again for days, which is time to set the secret right. An alarm counts these."""
    count("SignatureRejected", 1)
    lean_log.line(level, message, SERVICE, **why)
    return Response(401, "The signature is not ours.", "text/plain")


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """The Lambda entry point."""
    return respond(request_from(event), secret=wiring.secret_source(), facts=wiring.facts()).to_event()
