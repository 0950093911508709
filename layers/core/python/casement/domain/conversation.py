"""Which aliases are one conversation.

A contact is known by a phone, by a BSUID, or by both; numbers change and are given to other people. Links say which
keys were seen together (`ALIAS`) or became one another (`MOVED`). From them follows which partitions are one
conversation: all that is reachable, cut at a phone that several people have had. Such a phone belongs to whom it has
not moved away from, and among those to the one that wrote last.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from casement.domain.consent import Consent, Wish, consent_of
from casement.domain.contact import is_parent, is_phone
from casement.domain.facts import LinkKind
from casement.domain.window import Opener, Verdict


@dataclass(frozen=True, slots=True)
class Seen:
    """A link as one of its ends sees it. `away` is true where this end became the other."""

    kind: LinkKind
    other: str
    away: bool = False


@dataclass(frozen=True, slots=True)
class Alias:
    """What the partition of one contact key says: its links, and what moved its window last."""

    contact: str
    links: tuple[Seen, ...] = ()
    opener: Opener | None = None
    verdict: Verdict | None = None  # only if newer than the opener
    wishes: tuple[Wish, ...] = ()

    @property
    def wrote_at(self) -> int:
        """When this alias last opened the window, 0 for never."""
        return self.opener.at if self.opener else 0

    @property
    def moved_away(self) -> bool:
        """Whether Meta said that this one became another."""
        return any(link.away for link in self.links)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One number's conversation with one contact. `contact` is the key it is known by, `aliases` all its partitions."""

    number: str
    contact: str
    aliases: tuple[Alias, ...]

    @property
    def contacts(self) -> tuple[str, ...]:
        """The contact keys of all aliases."""
        return tuple(alias.contact for alias in self.aliases)

    @property
    def opener(self) -> Opener | None:
        """The newest opener of all aliases."""
        return max(
            (alias.opener for alias in self.aliases if alias.opener),
            key=lambda opener: (opener.at, opener.id),
            default=None,
        )

    @property
    def opened_at(self) -> int:
        """When the window last opened, 0 for never: what tells one closed window from the next."""
        return self.opener.at if self.opener else 0

    @property
    def verdict(self) -> Verdict | None:
        """The newest verdict of all aliases that nothing has opened again."""
        newest = max(
            (alias.verdict for alias in self.aliases if alias.verdict),
            key=lambda verdict: (verdict.at, verdict.id),
            default=None,
        )
        opener = self.opener
        return newest if newest and not (opener and opener.at > newest.at) else None

    @property
    def consent(self) -> Consent:
        """What this contact does not want, whichever alias said so."""
        return consent_of(wish for alias in self.aliases for wish in alias.wishes)


def conversation_of(start: str, number: str, aliases: Mapping[str, Alias]) -> Conversation:
    """The conversation that `start` belongs to, from what was read of every key reachable from it."""
    edges = {contact: {link.other for link in alias.links} for contact, alias in aliases.items()}
    for phone in sorted(filter(is_phone, aliases)):
        _give_to_one_person(phone, aliases, edges)
    mine = sorted(_reachable(start, edges) & aliases.keys())
    return Conversation(number, max(mine, key=lambda key: _known_by(aliases[key])), tuple(aliases[key] for key in mine))


def _give_to_one_person(phone: str, aliases: Mapping[str, Alias], edges: dict[str, set[str]]) -> None:
    """Cut the edges of a phone that several people have had, but those of its present holder."""
    without = {contact: others - {phone} for contact, others in edges.items() if contact != phone}
    people: list[set[str]] = []
    for neighbour in sorted(edges[phone] & aliases.keys()):
        if not any(neighbour in person for person in people):
            people.append(_reachable(neighbour, without) & aliases.keys())
    if len(people) < 2:
        return
    left = {link.other for link in aliases[phone].links if link.away}
    holder = max(people, key=lambda person: (not person & left, _wrote_at(person, aliases), sorted(person)))
    for neighbour in list(edges[phone]):
        if neighbour not in holder:
            edges[phone].discard(neighbour)
            edges.get(neighbour, set()).discard(phone)


def _wrote_at(person: Iterable[str], aliases: Mapping[str, Alias]) -> int:
    return max((aliases[contact].wrote_at for contact in person), default=0)


def _reachable(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        for other in edges.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _known_by(alias: Alias) -> tuple[bool, bool, bool, int, str]:
    """The best key of a conversation: a present one, a BSUID (never a parent's) before a phone, the newest."""
    return (
        not alias.moved_away,
        not is_phone(alias.contact),
        not is_parent(alias.contact),
        alias.wrote_at,
        alias.contact,
    )
