"""Which aliases are one conversation, whatever order links were learned in and whichever alias is asked for."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.contact import is_phone
from casement.domain.conversation import Alias, Conversation, Seen, conversation_of
from casement.domain.facts import LinkKind
from casement.domain.window import Opener, Verdict

NUMBER = "100000000000001"
PHONES, USER_IDS, PARENTS = ("111", "222"), ("US.1", "US.2", "US.3"), ("US.ENT.1",)
CONTACTS = (*PHONES, *USER_IDS, *PARENTS)

contacts = st.sampled_from(CONTACTS)
links = st.lists(
    st.tuples(st.sampled_from(LinkKind), contacts, contacts).filter(lambda link: link[1] != link[2]), max_size=8
)
wrote = st.dictionaries(contacts, st.integers(1, 9), max_size=4)


Said = tuple[LinkKind, str, str]


def seen(
    *said: Said, wrote: Mapping[str, int] | None = None, verdicts: Mapping[str, int] | None = None
) -> dict[str, Alias]:
    """What is read of every alias, from links given as (kind, a, b)."""
    opened = {contact: Opener(at, f"wamid.{contact}") for contact, at in (wrote or {}).items()}
    refused = {contact: Verdict(at, f"send.{contact}") for contact, at in (verdicts or {}).items()}
    ends = {
        contact: [Seen(kind, b, away=kind is LinkKind.MOVED) for kind, a, b in said if a == contact]
        + [Seen(kind, a) for kind, a, b in said if b == contact]
        for contact in CONTACTS
    }
    return {
        contact: Alias(contact, tuple(ends[contact]), opened.get(contact), refused.get(contact)) for contact in CONTACTS
    }


def together(a: str, b: str) -> Said:
    return LinkKind.ALIAS, a, b


def became(a: str, b: str) -> Said:
    return LinkKind.MOVED, a, b


def ask(start: str, aliases: dict[str, Alias]) -> Conversation:
    return conversation_of(start, NUMBER, aliases)


def names(conversation: Conversation) -> set[str]:
    return {alias.contact for alias in conversation.aliases}


@given(links, wrote, contacts, st.randoms(use_true_random=False))
def test_any_order_of_links_ends_the_same(said, wrote, start, random):
    shuffled = [*said, *said]
    random.shuffle(shuffled)
    expected, found = ask(start, seen(*said, wrote=wrote)), ask(start, seen(*shuffled, wrote=wrote))

    assert names(found) == names(expected)
    assert found.contact == expected.contact
    assert found.opener == expected.opener


@given(links, wrote, contacts)
def test_every_alias_of_a_conversation_leads_to_it(said, wrote, start):
    aliases = seen(*said, wrote=wrote)
    conversation = ask(start, aliases)

    assert start in names(conversation)
    assert all(ask(alias, aliases) == conversation for alias in names(conversation))


@given(links, wrote, contacts)
def test_it_is_known_by_a_user_id_if_there_is_one(said, wrote, start):
    conversation = ask(start, seen(*said, wrote=wrote))

    stayed = [alias for alias in conversation.aliases if not alias.moved_away] or list(conversation.aliases)
    if any(not is_phone(alias.contact) for alias in stayed):
        assert not is_phone(conversation.contact)


@given(links, wrote, contacts)
def test_the_window_is_the_newest_of_all_aliases(said, wrote, start):
    conversation = ask(start, seen(*said, wrote=wrote))

    moments = [wrote[name] for name in names(conversation) if name in wrote]
    assert (conversation.opener.at if conversation.opener else 0) == max(moments, default=0)


def test_a_phone_and_a_user_id_seen_together():
    aliases = seen(together("111", "US.1"), wrote={"111": 3, "US.1": 2})

    assert names(ask("111", aliases)) == names(ask("US.1", aliases)) == {"111", "US.1"}
    assert ask("111", aliases).contact == "US.1"
    assert ask("US.1", aliases).opener == Opener(3, "wamid.111")


def test_strangers_stay_strangers():
    assert names(ask("111", seen(together("222", "US.2")))) == {"111"}


def test_a_parent_id_joins_and_does_not_name():
    aliases = seen(together("US.ENT.1", "US.1"), wrote={"US.ENT.1": 9})

    assert ask("US.ENT.1", aliases).contact == "US.1"
    assert ask("US.1", aliases).opener == Opener(9, "wamid.US.ENT.1")


def test_a_changed_number_keeps_the_conversation_under_its_new_name():
    aliases = seen(became("111", "222"), became("US.1", "US.2"), together("111", "US.1"), together("222", "US.2"))

    for alias in ("111", "222", "US.1", "US.2"):
        assert names(ask(alias, aliases)) == {"111", "222", "US.1", "US.2"}
        assert ask(alias, aliases).contact == "US.2"


class TestRecycledPhone:
    MOVED = (together("111", "US.1"), became("US.1", "US.2"), became("111", "222"), together("222", "US.2"))
    TAKEN = (*MOVED, together("111", "US.3"))

    @pytest.mark.parametrize("wrote", [{}, {"US.3": 9}, {"US.2": 9}, {"US.2": 5, "US.3": 4}])
    def test_belongs_to_whom_it_has_not_moved_away_from(self, wrote):
        aliases = seen(*self.TAKEN, wrote=wrote)

        assert names(ask("111", aliases)) == {"111", "US.3"}
        assert names(ask("222", aliases)) == {"222", "US.1", "US.2"}
        assert ask("US.3", aliases).contact == "US.3"

    def test_belongs_to_the_one_who_moved_until_somebody_takes_it(self):
        assert names(ask("111", seen(*self.MOVED))) == {"111", "222", "US.1", "US.2"}

    @pytest.mark.parametrize(("wrote", "holder"), [({"US.1": 5, "US.3": 4}, "US.1"), ({"US.1": 4, "US.3": 5}, "US.3")])
    def test_belongs_to_the_one_who_wrote_last_if_nobody_said_that_he_moved(self, wrote, holder):
        aliases = seen(together("111", "US.1"), together("111", "US.3"), wrote=wrote)

        assert names(ask("111", aliases)) == {"111", holder}
        assert names(ask("US.1", aliases)) | names(ask("US.3", aliases)) == {"111", "US.1", "US.3"}

    def test_of_one_person_with_two_user_ids_is_not_cut(self):
        aliases = seen(together("111", "US.1"), together("111", "US.2"), became("US.1", "US.2"))

        assert names(ask("111", aliases)) == {"111", "US.1", "US.2"}


class TestVerdict:
    def test_is_the_newest_of_all_aliases(self):
        aliases = seen(together("111", "US.1"), wrote={"US.1": 1}, verdicts={"111": 3, "US.1": 2})

        assert ask("US.1", aliases).verdict == Verdict(3, "send.111")

    def test_of_the_moment_of_the_opener_stands(self):
        assert ask("US.1", seen(wrote={"US.1": 3}, verdicts={"US.1": 3})).verdict

    def test_yields_to_what_another_alias_wrote_later(self):
        aliases = seen(together("111", "US.1"), wrote={"US.1": 4}, verdicts={"111": 3})

        assert ask("111", aliases).verdict is None
