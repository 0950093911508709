"""Partition and sort keys: pure functions, and the only place that spells them.

A sort key that holds a time starts with 13 digits of epoch milliseconds, so that text order is time order. Within a
conversation the prefixes are ordered on purpose: `Z#` links, `Y#` preferences and `W#` what moves the window lie next
to each other at the end, so that one query, newest first, reads who this is and whether they may be written to.
"""

import hashlib
import re
import zlib
from functools import lru_cache
from typing import NamedTuple

from casement.domain.facts import Effect, Fact, Kind, Link, LinkKind, Quarantined

LOG_SHARDS = 4  # a number's log: 1,000 sends and 300 replies a second are 325 writes a second on each

DETAIL, MESSAGES, FOREIGN_STATUS, WINDOW, PREFERENCES, LINKS = "D#", "M#", "S#", "W#", "Y#", "Z#"
AFTER_WINDOW, AFTER_LINKS = "W$", "Z$"  # `$` follows `#`: the end of a prefix
IN, OUT = "I#", "O#"
PENDING, ENDED, ATTENTION, NOTABLE = "H#", "h#", "A#", "V#"  # in a number's log shards too
VERDICT, UNRESOLVED = "verdict", "unresolved"  # kinds of what is notable
SETTINGS, HEALTH, SWEPT, LEFT_AT, COUNTED = "settings", "health", "swept", "left at", "counted"
WINDOWS = "windows"  # how far they were looked through, beside what is above
STANDING = "P#standing"
AUTOMATIONS = "automations"  # before what is asked of a number for every send
API_KEYS = "KEYS"
FLOWS = "FLOWS"
SUBSCRIPTIONS = "SUBS"
JOURNAL = "J#"
SHARD = "shard#"  # beside an endpoint's health
QUARANTINE = "Q"
SYNC_RECORD, ILL, AFTER_ILL = "!sync", "!ill#", "!ill$"  # before the templates themselves

_LONGEST_PART = 255
_PLAIN = re.compile(r"[$-~]+")  # visible ASCII behind `#`, which parts the key: so text order is order part by part


class Key(NamedTuple):
    """The primary key of an item."""

    pk: str
    sk: str


def part(text: str) -> str:
    """`text` where it may stand in a key as it is, else a digest of it. An empty text is `-`.

    What it makes stays as it is when it is made again, so a contact key read from a partition leads back to it.
    """
    return _short_part(text) if len(text) <= _LONGEST_PART else _digested(text)


@lru_cache(maxsize=4096)  # a POST names one number, and often one person, many times
def _short_part(text: str) -> str:
    if not text:
        return "-"
    return text if _PLAIN.fullmatch(text) else _digested(text)


def _digested(text: str) -> str:
    return "~" + digest(text.encode(errors="surrogatepass"))


def digest(data: bytes) -> str:
    """Sixteen hex digits that tell two contents apart."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def moment(at: int) -> str:
    """Epoch milliseconds as text that sorts."""
    return f"{at:013d}"


def conversation(number: str, contact: str) -> str:
    """The partition of one alias of a conversation."""
    return f"C#{part(number)}#{part(contact)}"


def log(number: str, shard: int) -> str:
    """One shard of a number's log: what came in and what was asked to go out, by time."""
    return f"L#{part(number)}#{shard}"


def shard_of(contact: str) -> int:
    """The log shard that holds everything of a contact key."""
    return zlib.crc32(part(contact).encode()) % LOG_SHARDS


def templates(waba_id: str) -> str:
    """The partition of a WABA's templates and of the record of its syncs."""
    return f"T#{part(waba_id)}"


def template(waba_id: str, name: str, language: str) -> Key:
    """One translation of a template."""
    return Key(templates(waba_id), f"{part(name)}#{part(language)}")


def template_name(name: str) -> tuple[str, str]:
    """The first and the last sort key that a translation of this name can have."""
    return f"{part(name)}#", f"{part(name)}$"


def ill(waba_id: str, template_id: str) -> Key:
    """That a template fails too often."""
    return Key(templates(waba_id), ILL + part(template_id))


def template_history(waba_id: str, template_id: str) -> str:
    """The partition of what happened to a template."""
    return f"R#{part(waba_id)}#{part(template_id)}"


def transition(waba_id: str, template_id: str, at: int, what: str, change: str) -> Key:
    """One change of a template; `change` tells those of one moment apart."""
    return Key(template_history(waba_id, template_id), f"{moment(at)}#{what}#{digest(change.encode())}")


def send(number: str, contact: str, ulid: str, at: int, *, closes: bool = False) -> Key:
    """What became of a send. A send that Meta refused for the window at once lies among what moves the window."""
    middle = f"W#{moment(at)}#1#send#" if closes else f"M#{moment(at)}#send#"
    return Key(conversation(number, contact), middle + ulid)


def intent(number: str, contact: str, ulid: str, at: int) -> Key:
    """What was asked for, written before Meta is called."""
    return Key(log(number, shard_of(contact)), f"O#{moment(at)}#{ulid}")


def log_entry(number: str, contact: str, at: int, sk: str) -> Key:
    """The place in the number's log of a message that came in, by the sort key of its fact."""
    return Key(log(number, shard_of(contact)), f"I#{moment(at)}#{part(contact)}#{digest(sk.encode())}")


def pending(number: str, contact: str, ulid: str, *, ended: bool = False) -> Key:
    """A message that waits, or waited. Filed with the number, by contact: so one query lists either's."""
    return Key(log(number, shard_of(contact)), f"{ENDED if ended else PENDING}{part(contact)}#{ulid}")


def attention(number: str, contact: str, ulid: str) -> Key:
    """What a person should look at."""
    return Key(log(number, shard_of(contact)), f"{ATTENTION}{part(contact)}#{ulid}")


def notable(number: str, contact: str, at: int, kind: str, ulid: str) -> Key:
    """Something that the number's health tells of: a window that Meta saw otherwise, a send that nobody resolved."""
    return Key(log(number, shard_of(contact)), f"{NOTABLE}{moment(at)}#{kind}#{ulid}")


def nudge(number: str, contact: str, opened_at: int) -> Key:
    """The nudge of one closed window, named by the moment that it last opened."""
    return Key(conversation(number, contact), f"G#{moment(opened_at)}")


def unresolved(number: str, contact: str, ulid: str, at: int) -> Key:
    """Beside a send: nobody ever told what became of it."""
    return Key(conversation(number, contact), f"M#{moment(at)}#send#{ulid}#unresolved")


def wish(number: str, contact: str, at: int, what: str, end: str) -> Key:
    """What a contact wants or does not want. `what` is party, scope and stop or resume, parted by `#`."""
    return Key(conversation(number, contact), f"{PREFERENCES}{moment(at)}#{what}#{end}")


def profile(number: str, contact: str) -> Key:
    """What the operator knows of a contact."""
    return Key(conversation(number, contact), "P#profile")


def flow(flow_id: str) -> Key:
    """How a Flow's requests for data are answered."""
    return Key(FLOWS, part(flow_id))


def flow_use(number: str, token: str) -> Key:
    """That a Flow token was used: a partition each."""
    return Key(f"F#{part(number)}#{hashlib.sha256(token.encode(errors='surrogatepass')).hexdigest()}", "-")


def spent(number: str, month: str) -> Key:
    """How many automatic messages went out in a month, `YYYY-MM`."""
    return number_state(number, f"spent {month}")


def standing(number: str, contact: str) -> Key:
    """Where a conversation stands: what was told of its window."""
    return Key(conversation(number, contact), STANDING)


def number_state(number: str, what: str) -> Key:
    """What the owner of a number set, and how it is."""
    return Key(f"N#{part(number)}", what)


def counted(number: str, start: int, name: str) -> Key:
    """What a batch told of a number's template messages in the ten minutes from `start` on."""
    return Key(f"B#{part(number)}", f"{moment(start)}#{name}")


def folded(number: str, template_id: str, day: str, start: int) -> Key:
    """What those ten minutes came to for one template's messages of one day."""
    return Key(f"U#{part(number)}#{part(template_id)}", f"{day}#{moment(start)}")


def journal(scope: str) -> str:
    """The partition of a scope's journal of events (see `Event.scope`): a conversation's, a number's or a WABA's."""
    return JOURNAL + "#".join(map(part, scope.split("#", 1)))


def idempotency(number: str, api_key: str, given: str) -> Key:
    """A request that must not be done twice: a partition each."""
    named = "\0".join((number, api_key, given)).encode(errors="surrogatepass")
    return Key(f"K#{hashlib.sha256(named).hexdigest()}", "-")


def subscription(id_: str) -> Key:
    """A subscription."""
    return Key(SUBSCRIPTIONS, part(id_))


def endpoint(subscription: str) -> str:
    """The partition of how a subscriber's endpoint does, and of where something waits for it."""
    return f"X#{part(subscription)}"


def backlog(subscription: str, shard: int) -> str:
    """The partition of one shard of what waits for a subscriber."""
    return f"D#{part(subscription)}#{shard}"


def waiting_scope(scope: str) -> str:
    """What the sort keys of what waits of one conversation begin with."""
    return digest(scope.encode(errors="surrogatepass"))


def delivery_log(subscription: str, shard: int) -> str:
    """The partition of one shard of a subscriber's delivery log."""
    return f"V#{part(subscription)}#{shard}"


def fact(fact: Fact) -> Key:
    """Where a fact lies. It follows from the webhook alone."""
    end = digest(fact.raw.encode())
    if fact.kind is Kind.TEMPLATE_EVENT:
        return Key(f"E#{part(fact.waba_id)}#{part(fact.id)}", f"{moment(fact.at)}#{part(fact.detail)}#{end}")
    if fact.kind is Kind.ACCOUNT_EVENT:
        return Key(f"A#{part(fact.number or fact.waba_id)}", f"{part(fact.detail)}#{moment(fact.at)}#{end}")
    return Key(conversation(fact.number, fact.contact), f"{_place(fact)}#{end}")


def _place(fact: Fact) -> str:
    at = moment(fact.at)
    if fact.effect is Effect.OPENS:
        return f"W#{at}#0#{fact.kind}#{part(fact.id)}"
    if fact.effect is Effect.CLOSES:  # after an opener of the same millisecond: the verdict is what came of it
        what = f"send#{fact.send}" if fact.send else f"status#{part(fact.id)}"
        return f"W#{at}#1#{what}#{part(fact.detail)}"
    if fact.send:
        return f"M#{at}#send#{fact.send}#{part(fact.detail)}"
    if fact.kind is Kind.STATUS:
        return f"S#{part(fact.id)}#{part(fact.detail)}"
    if fact.kind is Kind.PREFERENCE:
        return f"Y#{at}#{fact.detail}"
    if fact.kind is Kind.DETAIL:
        return f"D#{at}"
    return f"M#{at}#{fact.kind}#{part(fact.id)}"


def link(link: Link) -> tuple[Key, Key]:
    """A link is two items, one in each partition, so that either alias leads to the other in one consistent read."""
    there, back = ("a", "a") if link.kind is LinkKind.ALIAS else (">", "<")
    return (
        Key(conversation(link.number, link.a), f"Z#{there}#{part(link.b)}"),
        Key(conversation(link.number, link.b), f"Z#{back}#{part(link.a)}"),
    )


def quarantined(body: Quarantined) -> Key:
    """What could not be understood, by its bytes and by why."""
    return Key(QUARANTINE, hashlib.sha256(body.reason.encode() + b"\n" + body.body).hexdigest())


def quarantine_part(first: Key, number: int) -> Key:
    """A further part of something too large for one item: a partition each, so that none takes all the writes."""
    return Key(f"{first.pk}#{first.sk}#{number}", "part")
