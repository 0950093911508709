"""A message that Meta puts off, and whose caller would rather have it wait than hear of it: it takes its turn in the
outbox, behind whatever waits in its conversation already.
"""

from dataclasses import dataclass

from casement.domain.conversation import Conversation
from casement.domain.number import MOST_HOLDS_EVER
from casement.usecases.engine import Engine


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a message would have to wait for."""

    messages: int
    paused: bool

    @property
    def must_wait(self) -> bool:
        """Whether calling Meta now would overtake something, or be in vain."""
        return self.messages > 0 or self.paused

    @property
    def is_full(self) -> bool:
        """Whether so much waits in the conversation that nothing more may."""
        return self.messages >= MOST_HOLDS_EVER


def ahead_of(conversation: Conversation, engine: Engine) -> Ahead:
    """What waits in a conversation whose window is open, and so will go; and whether its number is paused."""
    now = engine.clock()
    waiting = engine.pendings.of(engine.number, conversation.contacts)
    health = engine.numbers.state(engine.number, now).health
    return Ahead(sum(not one.shown_state(now).is_end for one in waiting), health.paused_until > now)
