"""Find a conversation by any alias of its contact."""

from collections.abc import Callable

from casement.domain.contact import is_group, is_parent, is_phone
from casement.domain.conversation import Alias, Conversation, conversation_of
from casement.domain.facts import LinkKind
from casement.domain.window import WindowRules, window_at

MOST_ALIASES = 16  # a person has two or three; a bound keeps a tangle of recycled numbers from costing more

ReadAlias = Callable[[str, str], Alias]


def find_conversation(number: str, contact: str, *, read: ReadAlias) -> Conversation:
    """Read every alias reachable from `contact`, one consistent query each."""
    return _follow(number, contact, read, lambda _: False)


def find_open_conversation(number: str, contact: str, *, read: ReadAlias, now: int, rules: WindowRules) -> Conversation:
    """The same for a send: stop reading as soon as the window is known to be open.

    A further alias can't open what is open already, so a send to a BSUID costs one query and a send to a phone two;
    only a window that looks closed is worth reading every alias before somebody is refused. What a further alias can
    hold is Meta's verdict on somebody else's message; ADR 5 says why that is left to Meta's next verdict.
    """

    def enough(aliases: dict[str, Alias]) -> bool:
        known = conversation_of(contact, number, aliases)
        window = window_at(now, known.opener, known.verdict, rules=rules)
        unread = (link for alias in aliases.values() for link in alias.links if link.other not in aliases)
        return window.permits_free_form(now) and not any(
            link.kind is LinkKind.MOVED or not (is_phone(link.other) or is_parent(link.other)) for link in unread
        )

    return _follow(number, contact, read, enough)


def _follow(number: str, contact: str, read: ReadAlias, enough: Callable[[dict[str, Alias]], bool]) -> Conversation:
    aliases: dict[str, Alias] = {}
    waiting = [contact]
    while waiting and len(aliases) < MOST_ALIASES:
        key = waiting.pop(0)
        if key in aliases:
            continue
        aliases[key] = read(number, key)
        if is_group(key) or enough(aliases):
            break
        waiting += sorted((link.other for link in aliases[key].links), key=is_phone)  # BSUIDs first
    return conversation_of(contact, number, aliases)
