"""Who is who: spellings of one line, and aliases of one person."""

from hypothesis import given
from hypothesis import strategies as st

from local.simulator.contacts import BSUID, Directory, mint_user_id, same_line, wa_id_of

phones = st.from_regex(r"(55|52|54|1|49)[1-9][0-9]{8,11}", fullmatch=True)
ids = st.tuples(
    st.none() | st.sampled_from(["16505550101", "5511987654321", "551187654321", "5215512345678", "525512345678"]),
    st.none() | st.sampled_from(["US.1", "US.2", "BR.3"]),
).filter(any)


@given(phones)
def test_metas_spelling_is_of_the_same_line_and_stays(phone: str) -> None:
    assert same_line(wa_id_of(phone)) == same_line(phone)
    assert wa_id_of(wa_id_of(phone)) == wa_id_of(phone)


@given(phones)
def test_a_minted_bsuid_is_one_and_stays(phone: str) -> None:
    assert BSUID.fullmatch(mint_user_id(phone))
    assert mint_user_id(phone) == mint_user_id(phone)


@given(st.lists(ids, min_size=1, max_size=12))
def test_ids_shown_together_lead_to_one_contact_with_the_newest_window(
    shown: list[tuple[str | None, str | None]],
) -> None:
    """Whatever order people show their ids in, both ids of the last sight find one window: the newest of all merged."""
    directory = Directory()
    for at, (wa_id, user_id) in enumerate(shown):
        directory.met(wa_id, user_id).window("1").saw(float(at))

    last = len(shown) - 1
    found = [directory.find(alias) for alias in shown[last] if alias]

    assert all(contact is not None and contact is found[0] for contact in found)
    assert found[0] is not None
    assert found[0].window("1").opened_at == last
    for alias in {alias for pair in shown for alias in pair if alias}:
        assert directory.find(alias) is not None


def test_a_changed_number_keeps_the_old_ids() -> None:
    directory = Directory()
    contact = directory.met("16505550101", "US.1")

    directory.change_number(contact, "16505550999")

    assert all(directory.find(alias) is contact for alias in ("16505550101", "16505550999", "US.1"))
    assert contact.user_id == mint_user_id("16505550999")
