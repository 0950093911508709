"""Plans for moving sets of templates: whatever is planned leads where it should, however often it is begun again."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.templates.definition import creation, differences, place_of
from cli.templates.plan import Blocked, Create, Edit, Plan, compare, plan
from tests.support.templates import valid_templates

Json = dict[str, Any]

STATUSES = ("APPROVED", "REJECTED", "PAUSED", "PENDING", "DISABLED", "IN_APPEAL")


def nothing_wrong(_template: Any) -> tuple[str, ...]:
    return ()


def at_meta(template: Mapping[str, Any], status: str = "APPROVED") -> Json:
    """A template as Meta lists it once it was made."""
    about = {"id": f"id of {template['name']} {template['language']}", "status": status, "rejected_reason": "NONE"}
    return {"parameter_format": "POSITIONAL", **template, **about, "quality_score": {"score": "UNKNOWN"}}


def done(steps: Iterable[Create | Edit], listed: Iterable[Json]) -> list[Json]:
    """What a WABA has once Meta did as it was asked."""
    there = {place_of(each): each for each in listed}
    for step in steps:
        if isinstance(step, Create):
            assert place_of(step.definition) not in there
            there[place_of(step.definition)] = at_meta(step.definition)
        else:
            before = there[step.place]
            assert before["id"] == step.template_id
            assert before["status"] in ("APPROVED", "REJECTED", "PAUSED")
            assert before["status"] != "APPROVED" or "category" not in step.change
            there[step.place] = {**before, **step.change, "status": "APPROVED"}
    return list(there.values())


def places_of(blocked: Iterable[Blocked]) -> set[tuple[str, str]]:
    return {each.place for each in blocked}


def steps_of(todo: Plan) -> list[Create | Edit]:
    return [*todo.create, *todo.edit]


@st.composite
def sets(draw: st.DrawFn) -> list[Json]:
    """Some templates, in few places, so that two sets have some in common."""
    places = draw(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["de", "fr"])), unique=True, max_size=3))
    return [{**draw(valid_templates()), "name": name, "language": language} for name, language in places]


@st.composite
def accounts(draw: st.DrawFn, of: Sequence[Json] = ()) -> list[Json]:
    """What a WABA has: some of `of` as they are, some others, in any status."""
    kept = [each for each in of if draw(st.booleans())]
    listed = {place_of(each): each for each in [*draw(sets()), *kept]}
    return [at_meta(each, draw(st.sampled_from(STATUSES))) for each in listed.values()]


pairs = sets().flatmap(lambda wanted: st.tuples(st.just(wanted), accounts(wanted)))


@given(valid_templates())
def test_what_is_exported_is_what_was_created(template):
    made = creation(template)

    assert creation(at_meta(made)) == made
    assert creation(made) == made
    assert not differences(made, at_meta(made))
    assert not differences(template, at_meta(made))


@given(sets())
def test_an_export_imported_into_an_empty_account_gives_the_same_set(wanted):
    exported = [creation(at_meta(each)) for each in wanted]

    there = done(steps_of(plan(exported, [], nothing_wrong)), [])

    assert sorted(map(creation, there), key=place_of) == sorted(exported, key=place_of)
    assert compare(exported, there).is_same


@given(pairs)
def test_a_second_import_does_nothing(pair):
    wanted, listed = pair
    first = plan(wanted, listed, nothing_wrong)
    second = plan(wanted, done(steps_of(first), listed), nothing_wrong)

    assert second.is_done
    assert second.only_there == first.only_there
    # A category that Meta keeps is all that is left of what could be changed.
    assert places_of(second.blocked) >= places_of(first.blocked)


@given(pairs, st.integers(min_value=0, max_value=5))
def test_a_crash_anywhere_and_a_repeat_give_the_same_and_do_nothing_twice(pair, survived):
    wanted, listed = pair
    steps = steps_of(plan(wanted, listed, nothing_wrong))
    halfway = done(islice(steps, survived), listed)

    rest = steps_of(plan(wanted, halfway, nothing_wrong))

    assert rest == steps[survived:]
    assert done(rest, halfway) == done(steps, listed)


@given(pairs)
def test_every_template_of_a_set_is_planned_once_and_none_is_taken_away(pair):
    wanted, listed = pair
    todo = plan(wanted, listed, nothing_wrong)

    planned = [
        *(place_of(step.definition) for step in todo.create),
        *(step.place for step in todo.edit),
        *(blocked.place for blocked in todo.blocked),
        *todo.same,
    ]
    assert sorted(planned) == sorted(map(place_of, wanted))
    assert set(todo.only_there) == set(map(place_of, listed)) - set(map(place_of, wanted))
    assert set(map(place_of, listed)) <= set(map(place_of, done(steps_of(todo), listed)))


@given(pairs)
def test_a_comparison_and_a_plan_agree(pair):
    wanted, listed = pair
    found, todo = compare(wanted, listed), plan(wanted, listed, nothing_wrong)

    assert found.only_here == tuple(place_of(step.definition) for step in todo.create)
    assert (found.same, found.only_there) == (todo.same, todo.only_there)
    assert {place for place, _ in found.different} == places_of(todo.blocked) | {edit.place for edit in todo.edit}


PLAIN: Json = {
    "name": "news",
    "language": "en",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Hello there"}, {"type": "FOOTER", "text": "Bye"}],
}


def with_(template: Json, **changed: Any) -> Json:
    return {**template, **changed}


BODY = [{"type": "BODY", "text": "Hello you"}]


def test_only_what_differs_is_changed_and_components_go_whole():
    wanted = with_(PLAIN, category="MARKETING", message_send_ttl_seconds=43_200)

    [edit] = plan([wanted], [at_meta(PLAIN, "REJECTED")], nothing_wrong).edit
    assert edit.change == {"category": "MARKETING", "message_send_ttl_seconds": 43_200}

    [edit] = plan([with_(PLAIN, components=BODY)], [at_meta(PLAIN)], nothing_wrong).edit
    assert (edit.change, edit.differs) == ({"components": BODY}, ("BODY", "FOOTER"))


def test_components_bring_the_format_of_their_variables():
    there = at_meta(with_(PLAIN, parameter_format="NAMED"))
    numbered = [{"type": "BODY", "text": "Hello {{1}} there", "example": {"body_text": [["Ana"]]}}]

    [edit] = plan([with_(PLAIN, components=numbered)], [there], nothing_wrong).edit

    assert edit.change == {"components": numbered, "parameter_format": "POSITIONAL"}


def test_an_approved_template_keeps_its_category():
    todo = plan([with_(PLAIN, category="MARKETING")], [at_meta(PLAIN)], nothing_wrong)

    [blocked] = todo.blocked
    assert todo.is_done
    assert "there as UTILITY and not as MARKETING" in blocked.why[0]


def test_an_approved_template_does_not_become_one_for_codes():
    code = with_(PLAIN, category="AUTHENTICATION", components=[{"type": "BODY"}])

    assert plan([code], [at_meta(PLAIN)], nothing_wrong).is_done
    assert plan([PLAIN], [at_meta(code)], nothing_wrong).is_done


@pytest.mark.parametrize("status", ["PENDING", "DISABLED", "IN_APPEAL", "LIMIT_EXCEEDED", "ARCHIVED", "SOMETHING_NEW"])
def test_what_meta_lets_nobody_edit_is_left_out(status):
    [blocked] = plan([with_(PLAIN, components=BODY)], [at_meta(PLAIN, status)], nothing_wrong).blocked

    assert f"it is {status}" in blocked.why[0]
    assert plan([PLAIN], [at_meta(PLAIN, status)], nothing_wrong).same


@pytest.mark.parametrize("status", ["DELETED", "PENDING_DELETION"])
def test_what_was_deleted_is_not_there(status):
    todo = plan([PLAIN], [at_meta(PLAIN, status), at_meta(with_(PLAIN, name="old"), status)], nothing_wrong)

    assert len(todo.create) == 1
    assert todo.only_there == ()


def test_what_meta_would_not_take_is_left_out_with_every_reason():
    todo = plan([PLAIN, with_(PLAIN, name="good")], [], lambda each: ("a", "b") if each["name"] == "news" else ())

    assert todo.blocked == (Blocked(("news", "en"), ("a", "b")),)
    assert [place_of(step.definition) for step in todo.create] == [("good", "en")]


def test_what_is_there_as_wanted_need_not_obey_the_rules_of_today():
    assert plan([PLAIN], [at_meta(PLAIN)], lambda _: ("faulty",)).same == (("news", "en"),)


def test_defaults_of_metas_are_no_difference():
    listed = at_meta(PLAIN) | {"message_send_ttl_seconds": 600, "cta_url_link_tracking_opted_out": False}

    assert not differences(PLAIN, listed)
    assert differences(with_(PLAIN, message_send_ttl_seconds=60), listed) == ("message_send_ttl_seconds",)
    assert creation(listed)["message_send_ttl_seconds"] == 600


def test_the_link_to_a_sample_of_a_medium_is_not_exported_and_does_not_count():
    link = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://scontent.example/x"]}}
    handle = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW1hZ2U="]}}
    body = {"type": "BODY", "text": "See this"}
    listed = at_meta(with_(PLAIN, components=[link, body]))

    assert creation(listed)["components"] == [{"type": "HEADER", "format": "IMAGE"}, body]
    assert not differences(with_(PLAIN, components=[handle, body]), listed)
    assert creation(with_(PLAIN, components=[handle, body]))["components"] == [handle, body]

    card = {"components": [link, body]}
    exported = creation(with_(listed, components=[body, {"type": "CAROUSEL", "cards": [card, card]}]))
    assert "scontent" not in str(exported)


def test_an_authentication_template_is_exported_as_it_is_asked_for():
    """Meta lists its own words, and the button as a URL."""
    url = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code_expiration_minutes=10&code=otp{{1}}"
    listed = at_meta(
        {
            "name": "login",
            "language": "en",
            "category": "AUTHENTICATION",
            "components": [
                {
                    "type": "BODY",
                    "text": "*{{1}}* is your verification code.",
                    "add_security_recommendation": True,
                    "example": {"body_text": [["123456"]]},
                },
                {"type": "FOOTER", "text": "This code expires in 10 minutes.", "code_expiration_minutes": 10},
                {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Copy code", "url": url, "example": [url]}]},
            ],
        }
    )

    assert creation(listed)["components"] == [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 10},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}]},
    ]
    assert not differences(creation(listed), listed)


def test_a_one_tap_button_is_exported_with_its_app():
    url = (
        "https://www.whatsapp.com/otp/code/?otp_type=ONE_TAP&cta_display_name=Autofill&package_name=com.example.app"
        "&signature_hash=K8a%2FAINcGX7&code=otp{{1}}"
    )
    listed = {
        "category": "AUTHENTICATION",
        "components": [{"type": "BUTTONS", "buttons": [{"type": "URL", "url": url}]}],
    }

    [component] = creation(listed)["components"]
    assert component["buttons"] == [
        {
            "type": "OTP",
            "otp_type": "ONE_TAP",
            "autofill_text": "Autofill",
            "supported_apps": [{"package_name": "com.example.app", "signature_hash": "K8a/AINcGX7"}],
        }
    ]
