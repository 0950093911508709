"""Ask the customer to write, where a message waits for that: once for each closed window."""

from casement.domain.conversation import Conversation
from casement.domain.pending import Pending
from casement.domain.sending import Outcome, Request
from casement.domain.template_choice import Chosen
from casement.usecases.attempt import Tried, attempt
from casement.usecases.engine import Engine
from casement.usecases.judge import in_place_of


def nudge(waits: Pending, chosen: Chosen, conversation: Conversation, engine: Engine) -> tuple[Pending, Tried | None]:
    """Send `chosen` for what `waits`, unless somebody else has nudged in this closed window; what waits as it then is,
    and what became of the nudge, None if none went.

    What waits is told first: where somebody has taken it up in the meantime, the customer has written and needs none.
    """
    now = engine.clock()
    key = engine.new_key(waits.key.contact, now)
    if not engine.pendings.nudge_once(engine.number, conversation.contacts, conversation.opened_at, key):
        return waits, None
    nudged = waits.nudged(key, now)
    if not engine.pendings.replace(engine.number, waits, nudged):
        return waits, None
    body = engine.tied(in_place_of(waits.request.body, chosen.body), key)
    request = Request(body, of=waits.key)
    engine.sends.ask(engine.number, key, request, waits.asked_by)
    if engine.is_late:
        engine.sends.end(engine.number, key, request, Outcome("failed", engine.clock()))
        return nudged, None
    return nudged, attempt(engine, key, request, body, template_id=chosen.template.id)
