"""The aliases of conversations: whom each is linked to, what they want, and what moved their window."""

from casement.domain.consent import Party, Scope, Wish
from casement.domain.conversation import Alias, Seen
from casement.domain.facts import LinkKind
from casement.domain.message_key import MessageKey
from casement.domain.window import Opener, Verdict
from casement.store import keys
from casement.store.table import Table, text

_USUAL = 3  # a link, a preference and the newest of the window lie within three items: one read unit


class Conversations:
    """Reads what facts say of one alias."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def alias(self, number: str, contact: str) -> Alias:
        """A4. Links and newest opener or verdict, read consistently: one read unit for small items."""
        links: list[Seen] = []
        wishes: list[Wish] = []
        verdict: Verdict | None = None
        newest_first = self._table.query(
            keys.conversation(number, contact),
            keys.WINDOW,
            keys.AFTER_LINKS,
            newest_first=True,
            consistent=True,
            limit=_USUAL,
            columns="SK, leads_to",  # `other` is a word that DynamoDB reserves
        )
        for found in newest_first:
            sk = text(found, "SK")
            if sk.startswith(keys.LINKS):
                links.append(_seen(sk, text(found, "leads_to")))
            elif sk.startswith(keys.PREFERENCES):
                wishes += _wishes(sk)
            elif sk.startswith(keys.WINDOW):
                evidence = _evidence(contact, sk)
                if isinstance(evidence, Opener):
                    return Alias(contact, tuple(links), evidence, verdict, tuple(wishes))
                verdict = verdict or evidence
        return Alias(contact, tuple(links), None, verdict, tuple(wishes))


def _seen(sk: str, other: str) -> Seen:
    how = sk[len(keys.LINKS)]
    kind = LinkKind.ALIAS if how == "a" else LinkKind.MOVED
    return Seen(kind, other, away=how == ">")


def _wishes(sk: str) -> list[Wish]:
    """The wish in a sort key; none for what Meta said of preferences that we do not know."""
    _, at, party, *what = sk.split("#")
    if party not in set(Party) or len(what) < 3:
        return []
    return [Wish(int(at), Party(party), Scope(what[0]), what[1] == "stop")]


def _evidence(contact: str, sk: str) -> Opener | Verdict:
    """What moved the window, named as callers know it: a wamid, a call's id, or the key of our send."""
    _, at, rank, kind, id_, *_ = sk.split("#")
    if rank == "0":
        return Opener(int(at), id_)
    return Verdict(int(at), str(MessageKey(contact, id_)) if kind == "send" else id_)
