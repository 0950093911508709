"""`POST /{version}/{id}/messages`: Meta's own send endpoint, behind the customer service window."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.api_key import ApiKey, Scope
from casement.domain.errors import InvalidRequest
from casement.domain.message_key import MessageKey
from casement.domain.policy import value_in
from casement.domain.sending import Message, Receipt
from casement.meta.graph import Graph
from casement.meta.send_request import parse
from casement.runtime import wiring
from casement.runtime.endpoint import authenticate, endpoint, is_wanted
from casement.runtime.http import Request, Response
from casement.runtime.secret import Number, Secret
from casement.store.api_keys import ApiKeys
from casement.usecases.engine import Engine
from casement.usecases.once import Once
from casement.usecases.send_message import Asking, send_message

LONGEST_IDEMPOTENCY_KEY = 255  # characters

logger = Logger()

wiring.build_at_start(wiring.sending)


def respond(
    request: Request,
    *,
    api_keys: ApiKeys,
    secret: Callable[[], Secret],
    graph: Graph,
    engine: Callable[[Number], Engine],
    clock: Callable[[], int],
) -> Response:
    """Answer one request to send. Raises a `CasementError` for what was never asked of anybody."""
    number_id = request.path.get("id", "")
    began = clock()
    key = authenticate(request, Scope.SEND, api_keys, began, number=number_id)
    headers = request.headers
    wanted = parse(request.body, headers.get("casement-when-closed"), headers.get("casement-when-limited"))
    number = secret().number(number_id)
    if isinstance(wanted, Receipt):
        if is_wanted(request, "dry_run"):
            raise InvalidRequest("There is no dry run of a receipt.", parameter="dry_run")
        return Response.json(graph.post_message(number.number, number.token, wanted.body))
    wanted = replace(wanted, dry_run=wanted.dry_run or is_wanted(request, "dry_run"))
    asking = Asking(engine(number), key.name, began, once(request, wanted, key))
    key_policy = value_in(key.when_closed) if key.when_closed else None
    answer = send_message(wanted, asking, key_policy=key_policy)
    if not answer.kept:
        named = MessageKey.parse(answer.body.get("casement", {}).get("id"))  # which names the customer too
        logger.error("what became of a send could not be stored", send=named.ulid if named else None)
    return Response.json(answer.body, answer.http, problem=answer.problem)


def once(request: Request, wanted: Message, key: ApiKey) -> Once | None:
    """What the caller gave so that this is done once: the header, or for some keys their own callback data."""
    given = request.headers.get("idempotency-key")
    if given is not None and not 0 < len(given) <= LONGEST_IDEMPOTENCY_KEY:
        raise InvalidRequest(f"Idempotency-Key must be 1 to {LONGEST_IDEMPOTENCY_KEY} characters.")
    if given is None and key.once_by_callback_data:
        given = wanted.callback_data
    return Once(key.digest, given, digest(wanted)) if given else None


def digest(wanted: Message) -> str:
    """What makes two requests the same: all of the message and its policies, however the JSON was written."""
    said: list[Any] = [wanted.body, wanted.callback_data, wanted.when_closed, wanted.when_limited]
    said += [wanted.category] if wanted.category else []
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@endpoint
def handler(request: Request) -> Response:
    """The Lambda entry point."""
    return respond(
        request,
        api_keys=wiring.api_keys(),
        secret=wiring.secret,
        graph=wiring.graph(),
        engine=wiring.engine,
        clock=wiring.now,
    )
