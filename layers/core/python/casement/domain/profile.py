"""What a business knows of a contact besides their messages: how else to reach them, what they want, and its own tags.

Each value has the moment when it was said, and the later one counts. So order and repetition do not matter, and what
two aliases of one person were told can be laid together whenever somebody looks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from casement.domain.errors import InvalidRequest
from casement.domain.number import FLOW_FIELDS
from casement.domain.untrusted import is_text

FIELDS = tuple(FLOW_FIELDS)
LONGEST_VALUE, LONGEST_TAG, MOST_TAGS = 500, 100, 100


class Known(NamedTuple):
    """A value and when it was said (epoch milliseconds); None for one that was taken away."""

    value: str | None
    at: int


class Tagged(NamedTuple):
    """Whether a contact has a tag, and since when (epoch milliseconds)."""

    on: bool
    at: int


@dataclass(frozen=True, slots=True)
class Profile:
    """`fields` by the names of `FIELDS`, `tags` by their own."""

    language: str | None = None
    fields: Mapping[str, Known] = field(default_factory=dict)
    tags: Mapping[str, Tagged] = field(default_factory=dict)

    @property
    def texts(self) -> dict[str, str]:
        """The fields that have a value."""
        return {name: known.value for name, known in self.fields.items() if known.value is not None}

    @property
    def tag_names(self) -> list[str]:
        """The tags that the contact has."""
        return sorted(name for name, tagged in self.tags.items() if tagged.on)

    def saying(self, said: Mapping[str, str | None], at: int) -> "Profile":
        """The same, once these fields were said at `at`."""
        news = {name: Known(value, at) for name, value in said.items()}
        return replace(self, fields=_later(self.fields, news))

    def tagging(self, tags: Iterable[str], at: int, *, on: bool = True) -> "Profile":
        """The same, once these tags were put on, or taken off, at `at`. Beyond `MOST_TAGS`, those that were taken off
        go first, then the oldest."""
        after = _later(self.tags, {name: Tagged(on, at) for name in tags})
        newest = sorted(after.items(), key=lambda each: (each[1].on, each[1].at, each[0]))[-MOST_TAGS:]
        return replace(self, tags=dict(newest))


def together(profiles: Iterable[Profile]) -> Profile:
    """What is known of one person, of whichever alias it was said."""
    whole = Profile()
    for one in profiles:
        whole = Profile(whole.language or one.language, _later(whole.fields, one.fields), _later(whole.tags, one.tags))
    return whole


def _later(known: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """Both, and of what both name, what was said later; of one moment, the same whoever comes first."""
    return {
        name: max((each[name] for each in (known, news) if name in each), key=lambda one: (one.at, repr(one)))
        for name in {**known, **news}
    }


def profile_view(profile: Profile) -> dict[str, Any]:
    """As the API shows it. Times are epoch seconds."""
    return {
        "fields": {
            name: {"value": known.value, "said_at": known.at // 1000}
            for name in FIELDS
            if (known := profile.fields.get(name)) and known.value is not None
        },
        "tags": profile.tag_names,
    }


def fields_from(given: object) -> dict[str, str | None]:
    """Fields as an operator writes them; null takes one away. Raises `InvalidRequest`."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidRequest("fields must be an object.", parameter="fields")
    for name, value in given.items():
        if name not in FIELDS:
            raise InvalidRequest(f"fields.{name} is not one of: {', '.join(FIELDS)}.", parameter=f"fields.{name}")
        if value is not None and not is_text(value, LONGEST_VALUE):
            why = f"fields.{name} must be a text of 1 to {LONGEST_VALUE} characters, or null."
            raise InvalidRequest(why, parameter=f"fields.{name}")
    return given


def tags_from(given: object) -> list[str]:
    """Tags as an operator writes them. Raises `InvalidRequest`."""
    if not isinstance(given, list) or len(given) > MOST_TAGS or not all(is_text(one, LONGEST_TAG) for one in given):
        why = f"tags must be a list of at most {MOST_TAGS} texts of 1 to {LONGEST_TAG} characters."
        raise InvalidRequest(why, parameter="tags")
    return given
