"""`POST /{version}/{id}/messages`: Meta's own send endpoint, behind the customer service window."""

from collections.abc import Callable

from aws_lambda_powertools import Logger

from casement.domain.api_key import ApiKey, Scope
from casement.domain.errors import InvalidRequest
from casement.domain.sending import Message, Receipt, WhenClosed
from casement.domain.window import WindowRules
from casement.meta.graph import Graph
from casement.meta.send_request import parse, policy_named
from casement.runtime import wiring
from casement.runtime.endpoint import authenticate, endpoint
from casement.runtime.http import Request, Response
from casement.runtime.secret import Secret
from casement.store.api_keys import ApiKeys
from casement.store.conversations import Conversations
from casement.store.facts import Facts
from casement.store.sends import Sends
from casement.store.templates import Templates
from casement.usecases.send_message import From, send_message

logger = Logger()

wiring.build_at_start(wiring.table, wiring.graph, wiring.secret_source)


def respond(
    request: Request,
    *,
    api_keys: ApiKeys,
    secret: Callable[[], Secret],
    conversations: Conversations,
    templates: Templates,
    sends: Sends,
    facts: Facts,
    graph: Graph,
    rules: WindowRules,
    clock: Callable[[], int],
    randomness: Callable[[], int],
) -> Response:
    """Answer one request to send. Raises a `CasementError` for everything that is not sent."""
    number_id = request.path.get("id", "")
    began = clock()
    key = authenticate(request, Scope.SEND, api_keys, began, number=number_id)
    refuse_what_is_not_kept(request)
    wanted = parse(request.body, request.headers.get("casement-when-closed"))
    number = secret().number(number_id)
    if isinstance(wanted, Receipt):
        return Response.json(graph.post_message(number.number, number.token, wanted.body))
    sent = send_message(
        wanted,
        From(number.number, number.waba_id, key.name),
        policy=policy_of(wanted, key),
        read_alias=conversations.alias,
        templates=templates,
        sends=sends,
        learn=lambda link: facts.add([link]),
        post=lambda body: graph.post_message(number.number, number.token, body),
        rules=rules,
        clock=clock,
        began=began,
        randomness=randomness(),
    )
    if not sent.kept:
        logger.error("sent, but what became of it could not be stored", key=sent.answer["casement"]["id"])
    return Response.json(sent.answer)


def refuse_what_is_not_kept(request: Request) -> None:
    """Raise `InvalidRequest` for a wish that is not granted here: ignoring it would send what must not go."""
    if "idempotency-key" in request.headers:
        raise InvalidRequest("Idempotency-Key is not supported yet, so a repeat would send twice. Nothing was sent.")
    if "dry_run" in request.query:
        raise InvalidRequest("dry_run is not supported yet. Nothing was sent.", parameter="dry_run")


def policy_of(message: Message, key: ApiKey) -> WhenClosed:
    """What to do while the window is closed: as the request says, else the key, else `reject`."""
    if message.when_closed:
        return message.when_closed
    return policy_named(key.when_closed) if key.when_closed else WhenClosed.REJECT


@endpoint
def handler(request: Request) -> Response:
    """The Lambda entry point."""
    return respond(
        request,
        api_keys=wiring.api_keys(),
        secret=wiring.secret,
        conversations=wiring.conversations(),
        templates=wiring.templates(),
        sends=wiring.sends(),
        facts=wiring.facts(),
        graph=wiring.graph(),
        rules=wiring.settings().window_rules,
        clock=wiring.now,
        randomness=wiring.randomness,
    )
