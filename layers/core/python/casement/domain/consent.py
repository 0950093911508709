"""Whether a contact wants to hear from the business, apart from what the window permits.

Two things can be stopped: `marketing` templates, and all `messages` that the business begins (the STOP list).
Two parties say so: Meta (`user_preferences` webhooks, and error 131050, whose source is
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/user_preferences), and the
operator (a person, or a customer's message that is one of the number's stop words). The newest word of each party
counts, and either party's stop stops: nobody but Meta can take back what was said to Meta.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MARKETING_STOPPED_CODE = 131050


class Party(StrEnum):
    """Who says so."""

    META = "meta"
    OPERATOR = "own"


class Scope(StrEnum):
    """What is stopped."""

    MARKETING = "marketing"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True, order=True)
class Wish:
    """One word of one party. `at` is epoch milliseconds."""

    at: int
    party: Party
    scope: Scope
    stop: bool


@dataclass(frozen=True, slots=True)
class Consent:
    """What is stopped now, and since when (epoch milliseconds, None for not)."""

    marketing_stopped_at: int | None = None
    messages_stopped_at: int | None = None

    @property
    def forbids_all(self) -> str | None:
        """Why nothing may go out that the business begins, None if something may."""
        stopped = self.messages_stopped_at is not None
        return "This customer asked this number not to write any more." if stopped else None

    def forbids(self, category: str) -> str | None:
        """Why a template of that category may not go out, None if it may.

        A code for logging in is what the customer asks for at that moment, so it goes to everybody.
        """
        if category == "AUTHENTICATION":
            return None
        if self.forbids_all:
            return self.forbids_all
        if category == "MARKETING" and self.marketing_stopped_at is not None:
            return "This customer has stopped marketing messages of this business."
        return None


NOTHING_STOPPED = Consent()


def consent_of(wishes: Iterable[Wish]) -> Consent:
    """Fold what was said. Of two words of one party in one millisecond, the stop counts."""
    newest: dict[tuple[Party, Scope], Wish] = {}
    for wish in sorted(wishes):
        newest[wish.party, wish.scope] = wish
    stopped: dict[Scope, int] = {}
    for (_, scope), wish in newest.items():
        if wish.stop:
            stopped[scope] = min(wish.at, stopped.get(scope, wish.at))
    return Consent(stopped.get(Scope.MARKETING), stopped.get(Scope.MESSAGES))


Words = Mapping[str, tuple[str, ...]]  # by language
STOP_WORDS: Words = {
    "en": ("stop", "unsubscribe"),
    "es": ("parar", "darse de baja"),
    "pt": ("parar", "sair"),
    "fr": ("arrêt", "désabonner"),
    "de": ("stopp", "abmelden"),
    "it": ("ferma", "disiscriviti"),
    "id": ("berhenti", "berhenti berlangganan"),
    "ar": ("إيقاف", "إلغاء الاشتراك"),
    "hi": ("बंद करें",),
}
RESUME_WORDS: Words = {
    "en": ("start", "unstop"),
    "es": ("empezar",),
    "pt": ("começar",),
    "fr": ("reprendre",),
    "de": ("starten",),
    "it": ("riprendi",),
    "id": ("mulai lagi",),
    "ar": ("استئناف",),
    "hi": ("फिर से शुरू करें",),
}


# Where a message has what its customer wrote or tapped. What stands under a picture is about the picture.
_SAID = (
    ("text", "body"),
    ("button", "text"),
    ("interactive", "button_reply", "title"),
    ("interactive", "list_reply", "title"),
)


def said_in(element: Mapping[str, Any]) -> str | None:
    """What of a customer's message, Meta's `messages[]` element, may be a stop word; None if nothing."""
    for place in _SAID:
        part: Any = element
        for name in place:
            part = part.get(name) if isinstance(part, dict) else None
        if isinstance(part, str):
            return part
    return None


def said_to_stop(text: str, stop: Words, resume: Words) -> bool | None:
    """Whether a whole message is a stop word (True), a resume word (False), or neither (None).

    Case, accents, and what stands around the words don't count: "¡Parar!" is "parar".
    """
    said = plain(text)
    if not said:
        return None
    if any(said == plain(word) for words in stop.values() for word in words):
        return True
    if any(said == plain(word) for words in resume.values() for word in words):
        return False
    return None


def plain(text: str) -> str:
    """Letters and digits only, in lower case and without accents, words parted by one space."""
    # Taking apart can bring capitals back (℠ is SM), and folding can make what is to be taken apart.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = (each for each in folded if not unicodedata.combining(each))
    return " ".join("".join(each if each.isalnum() else " " for each in bare).split())
