"""A purpose: the first template, in its owner's order and the customer's language, that can go out as it is filled."""

from typing import Any
from unittest.mock import ANY

import pytest

from casement.domain.message_key import MessageKey
from tests.support.deployment import ALICE, DAY, NUMBER, OTHER_NUMBER, Answer, Deployment, Json

LINK = {"link": "https://example.org/ana.png"}


def template(
    name: str, language: str = "en_US", *, category: str = "UTILITY", text: str = "Hello {{1}}", **more: Any
) -> Json:
    """A template as one creates it, with the components of `more` after its body."""
    components = [{"type": "BODY", "text": text}, *more.pop("components", [])]
    return {"name": name, "language": language, "category": category, "components": components, **more}


def has(casement: Deployment, *templates: Json, status: str = "APPROVED") -> None:
    """Meta has had these templates for long, and Casement knows of them."""
    for each in templates:
        casement.simulator.add_template(each, status=status)
    casement.sync()


def serves(casement: Deployment, *names: str, purpose: str = "re_engage", **settings: Any) -> None:
    casement.set_number(purposes={purpose: list(names)}, **settings)


def ask(casement: Deployment, to: str = ALICE, *, dry_run: bool = False, **choice: Any) -> Answer:
    """Send a message that a purpose may stand in for; `choice` goes beside the purpose's name."""
    policy = {"purpose": "re_engage", **choice}
    ours = {"when_closed": policy, **({"dry_run": True} if dry_run else {})}
    return casement.send(to, casement=ours)


def went(casement: Deployment) -> list[tuple[str, str]]:
    """Names and languages of the templates that Meta took."""
    bodies = [sent.body["template"] for sent in casement.simulator.sent]
    return [(body["name"], body["language"]["code"]) for body in bodies]


def candidates(answer: Answer) -> dict[str, Json]:
    """Why each candidate can't go, by name and language."""
    assert (answer.status, answer.code) == (400, 131047), answer.body
    return {f"{each['name']} {each['language']}": each for each in answer.ours["candidates"]}


# --- which one --------------------------------------------------------------------------------------


def test_the_first_in_the_owners_order(casement):
    has(casement, template("a"), template("b"), template("c"))
    serves(casement, "b", "c", "a")

    answer = ask(casement, parameters={"1": "Ana"})

    assert went(casement) == [("b", "en_US")]
    assert answer.ours["sent_instead"]["name"] == "b"
    assert answer.body["messages"][0]["id"] == casement.simulator.sent[0].wamid


def test_the_message_that_was_asked_for_shows_what_went_instead(casement):
    has(casement, template("a"))
    serves(casement, "a")
    key = ask(casement, parameters={"1": "Ana"}).ours["id"]
    casement.deliver()

    shown = casement.get(f"messages/{key}").body

    assert shown["text"] == {"body": "Hello"}
    assert shown["id"] == casement.simulator.sent[0].wamid
    assert shown["casement"]["status"] == "delivered"
    assert shown["casement"]["sent_instead"] == casement.simulator.sent[0].body["template"]
    assert shown["casement"]["decision"]["action"] == "send_template"


def test_the_bare_word_means_the_usual_purpose(casement):
    has(casement, template("a", text="Hello"))
    serves(casement, "a")

    assert casement.send(casement={"when_closed": "template"}).status == 200

    assert went(casement) == [("a", "en_US")]


def test_each_purpose_has_its_own(casement):
    has(casement, template("a"), template("b"))
    casement.set_number(purposes={"re_engage": ["a"], "reminder": ["b"]})

    ask(casement, purpose="reminder", parameters={"1": "Ana"})

    assert went(casement) == [("b", "en_US")]


def test_each_number_has_its_own(casement):
    has(casement, template("a"))
    casement.set_number(purposes={"mine": ["a"]})
    body = {"messaging_product": "whatsapp", "to": ALICE, "type": "text", "text": {"body": "Hello"}}
    policy = {"casement": {"when_closed": {"purpose": "mine", "parameters": {"1": "Ana"}}}}

    answer = casement.post({**body, **policy}, number=OTHER_NUMBER.phone_number_id)

    (why,) = candidates(answer).values()
    assert "no template for the purpose 'mine'" in why["why"]


def test_one_that_lacks_nothing_is_taken_before_one_that_lacks_a_parameter(casement):
    has(casement, template("two", text="{{1}} and {{2}}"), template("one"))
    serves(casement, "two", "one")

    ask(casement, parameters={"1": "Ana"})
    ask(casement, parameters={"1": "Ana", "2": "Bob"})

    assert went(casement) == [("one", "en_US"), ("two", "en_US")]


def test_parameters_that_a_template_does_not_use_are_of_no_account(casement):
    has(casement, template("a"))
    serves(casement, "a")

    ask(casement, parameters={"1": "Ana", "2": "Bob", "customer": "Ana", "header": LINK})

    assert casement.simulator.sent[0].body["template"]["components"] == [
        {"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}
    ]


# --- in which language ------------------------------------------------------------------------------


def speaks(casement: Deployment, language: str | None, contact: str = ALICE) -> None:
    assert casement.change("PATCH", f"contacts/{contact}", {"language": language}).status == 200


@pytest.mark.parametrize(
    ("contact", "request_", "fallbacks", "expected"),
    [
        (None, None, ["en_US", "en"], "en_US"),
        ("es", None, ["en_US"], "es"),
        ("es_MX", None, ["en_US"], "es"),  # without its region
        ("es-mx", None, ["en_US"], "es"),
        ("pt-BR", None, ["en_US"], "pt_BR"),
        ("PT_br", None, ["en_US"], "pt_BR"),
        ("pt", None, ["en_US"], "en_US"),  # what is said of a region is not said of all
        ("fr", None, ["es", "en_US"], "es"),
        ("fr", None, ["de", "pt-br", "es"], "pt_BR"),
        ("es", "pt_BR", ["en_US"], "pt_BR"),  # what the request says stands before
        ("es", "fr", ["en_US"], "en_US"),
        (None, "es", [], "es"),
        (None, None, ["pt_BR"], "pt_BR"),
    ],
)
def test_the_language(casement, contact, request_, fallbacks, expected):
    has(casement, *(template("a", language) for language in ("en_US", "es", "pt_BR")))
    serves(casement, "a", languages=fallbacks)
    speaks(casement, contact)

    ask(casement, parameters={"1": "Ana"}, **({"language": request_} if request_ else {}))

    assert went(casement) == [("a", expected)]


def test_the_language_is_known_by_any_alias(casement):
    has(casement, template("a"), template("a", "es"))
    serves(casement, "a")
    speaks(casement, "es")
    casement.wrote(ago=2 * DAY)
    user_id = casement.conversation()["id"]
    policy = {"when_closed": {"purpose": "re_engage", "parameters": {"1": "Ana"}}}

    casement.send(None, recipient=user_id, casement=policy)

    assert went(casement) == [("a", "es")]
    assert casement.simulator.sent[0].body["recipient"] == user_id


def test_no_language_that_would_do(casement):
    has(casement, template("a", "de"))
    serves(casement, "a", languages=["pt_BR"])
    speaks(casement, "es_MX")

    found = candidates(ask(casement, parameters={"1": "Ana"}))

    assert set(found) == {"a None"}
    assert "Looked for: es_MX, es, pt_BR." in found["a None"]["why"]


def test_another_language_of_a_better_template_comes_before_a_worse_template(casement):
    has(casement, template("best"), template("second", "es"))
    serves(casement, "best", "second")
    speaks(casement, "es")

    ask(casement, parameters={"1": "Ana"})

    assert went(casement) == [("best", "en_US")]


def test_a_translation_that_can_not_go_leaves_its_turn_to_the_next(casement):
    has(casement, template("a"), template("a", "es"))
    serves(casement, "a")
    speaks(casement, "es")
    casement.simulator.review("a", "pause", language="es", notify=False)
    casement.now += 1_000
    casement.sync()

    decided = ask(casement, parameters={"1": "Ana"}, dry_run=True).ours["decision"]
    ask(casement, parameters={"1": "Ana"})

    assert went(casement) == [("a", "en_US")]
    (passed,) = decided["candidates"]
    assert (passed["name"], passed["language"]) == ("a", "es")
    assert "is PAUSED at Meta" in passed["why"]


# --- why not ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["PAUSED", "REJECTED", "PENDING", "DISABLED", "IN_APPEAL", "LIMIT_EXCEEDED"])
def test_only_what_meta_has_approved_goes_out(casement, status):
    has(casement, template("a"), status=status)
    has(casement, template("b"))
    serves(casement, "a", "b")

    decided = ask(casement, parameters={"1": "Ana"}, dry_run=True).ours["decision"]
    ask(casement, parameters={"1": "Ana"})

    assert went(casement) == [("b", "en_US")]
    assert f"is {status} at Meta" in decided["candidates"][0]["why"]


def test_if_none_fits_each_candidate_says_why(casement):
    has(
        casement,
        template("lacks"),
        template("lacks", "es", text="Hola {{1}} y {{2}}"),
        template("offer", category="MARKETING", text="Buy!"),
        template("unfit", text="{{customer}} and {{other}}", parameter_format="NAMED"),
        template("moved", text="Hello"),
    )
    has(casement, template("paused"), status="PAUSED")
    casement.set_number(
        purposes={
            "re_engage": [
                *("lacks", "unknown", "paused", "offer", "unfit"),
                {"name": "moved", "category": "MARKETING"},
            ]
        },
        languages=["es", "en_US"],
    )
    casement.simulator.prefer(ALICE, stop=True)
    casement.deliver()

    answer = ask(casement, parameters={"2": "Bob", "customer": "Ana\nBob"})

    found = candidates(answer)
    assert list(found) == [
        *("lacks es", "lacks en_US", "unknown None", "paused en_US", "offer en_US", "unfit en_US", "moved en_US"),
    ]
    assert found["lacks es"]["missing"] == ["1"]
    assert found["lacks en_US"]["missing"] == ["1"]
    assert "There is no template 'unknown'" in found["unknown None"]["why"]
    assert "is PAUSED" in found["paused en_US"]["why"]
    assert "has stopped marketing" in found["offer en_US"]["why"]
    assert found["unfit en_US"]["missing"] == ["other"]
    assert "'customer' must not hold line breaks" in found["unfit en_US"]["why"]
    assert "Bob" not in found["unfit en_US"]["why"]  # what people wrote goes into no answer and no log
    assert "was MARKETING when this purpose was set and is now UTILITY" in found["moved en_US"]["why"]
    assert casement.simulator.sent == []
    assert "No template can go in its place" in answer.body["error"]["error_data"]["details"]
    shown = casement.messages()[0]["casement"]
    assert (shown["status"], shown["error"]["code"]) == ("refused", 131047)


def test_a_purpose_for_which_there_is_no_template(casement):
    casement.set_number(purposes={"re_engage": []})

    found = candidates(ask(casement))

    assert list(found) == ["re_engage None"]


@pytest.mark.parametrize(
    ("choice", "parameter"),
    [
        ({"parameters": ["Ana"]}, "parameters"),
        ({"parameters": None}, "parameters"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": 7}, "purpose"),
        ({"language": 7}, "language"),
        ({"fallback": "x"}, "fallback"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused_by_name(casement, choice, parameter):
    answer = ask(casement, **choice)

    assert (answer.status, answer.code) == (400, 100)
    assert answer.ours == {"parameter": f"casement.when_closed.{parameter}"}


# --- how it arrives ---------------------------------------------------------------------------------


def part(kind: str, *parameters: Json, **about: str) -> Json:
    return {"type": kind, **about, **({"parameters": list(parameters)} if parameters else {})}


def text(words: str, **about: str) -> Json:
    return {"type": "text", **about, "text": words}


BUTTON: Json = {"type": "BUTTONS"}
BODY = part("body", text("Ana"))
MINTED = {"type": "action", "action": {"flow_token": ANY}}  # of one's own: see tests/integration/flows
FILLED: dict[str, tuple[Json, Json, list[Json] | None]] = {
    "no variables": (template("t", text="Hello"), {}, None),
    "numbers": (
        template("t", text="{{2}} before {{1}}, and {{2}} again"),
        {"1": "first", "2": 2},
        [part("body", text("first"), text("2"))],
    ),
    "ten and more": (
        template("t", text=" ".join(f"x{{{{{number}}}}}" for number in range(1, 12))),
        {str(number): f"v{number}" for number in range(1, 12)},
        [part("body", *(text(f"v{number}") for number in range(1, 12)))],
    ),
    "names": (
        template("t", text="{{customer}}: order {{order_number}}", parameter_format="NAMED"),
        {"order_number": "A-1042", "customer": "Ana"},
        [part("body", text("Ana", parameter_name="customer"), text("A-1042", parameter_name="order_number"))],
    ),
    "a header with a number": (
        template("t", components=[{"type": "HEADER", "format": "TEXT", "text": "Hi {{1}}"}]),
        {"1": "Ana", "header.1": "Bob"},
        [part("header", text("Bob")), BODY],
    ),
    "a header with a name": (
        template(
            "t",
            text="Hello {{customer}}",
            parameter_format="NAMED",
            components=[{"type": "HEADER", "format": "TEXT", "text": "For {{shop}}"}],
        ),
        {"customer": "Ana", "header.shop": "Acme"},
        [
            part("header", text("Acme", parameter_name="shop")),
            part("body", text("Ana", parameter_name="customer")),
        ],
    ),
    **{
        f"a header with {kind.lower()}": (
            template("t", components=[{"type": "HEADER", "format": kind}]),
            {"1": "Ana", "header": value},
            [part("header", {"type": kind.lower(), kind.lower(): value}), BODY],
        )
        for kind, value in (
            ("IMAGE", LINK),
            ("VIDEO", {"link": "https://example.org/a.mp4"}),
            ("DOCUMENT", {"link": "https://example.org/a.pdf", "filename": "a.pdf"}),
            ("LOCATION", {"latitude": 52.5, "longitude": "13.4", "name": "Here", "address": "Street 1"}),
        )
    },
    "a button with a variable in its url": (
        template(
            "t",
            components=[
                {
                    **BUTTON,
                    "buttons": [
                        {"type": "QUICK_REPLY", "text": "Yes"},
                        {"type": "URL", "text": "Track", "url": "https://example.org/{{1}}"},
                        {"type": "URL", "text": "Shop", "url": "https://example.org/"},
                    ],
                }
            ],
        ),
        {"1": "Ana", "button.1": "A-1042"},
        [BODY, part("button", text("A-1042"), sub_type="url", index="1")],
    ),
    "a button that copies a code": (
        template("t", components=[{**BUTTON, "buttons": [{"type": "COPY_CODE", "text": "Copy"}]}]),
        {"1": "Ana", "button.0": "SAVE20"},
        [
            BODY,
            part("button", {"type": "coupon_code", "coupon_code": "SAVE20"}, sub_type="copy_code", index="0"),
        ],
    ),
    "a button that opens a flow": (
        template("t", components=[{**BUTTON, "buttons": [{"type": "FLOW", "text": "Book", "flow_id": "1"}]}]),
        {"1": "Ana"},
        [BODY, part("button", MINTED, sub_type="flow", index="0")],
    ),
    "buttons that take nothing": (
        template(
            "t",
            components=[
                {
                    **BUTTON,
                    "buttons": [
                        {"type": "QUICK_REPLY", "text": "Yes"},
                        {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550001000"},
                    ],
                },
                {"type": "FOOTER", "text": "Bye"},
            ],
        ),
        {"1": "Ana"},
        [BODY],
    ),
}


@pytest.mark.parametrize(("stored", "parameters", "components"), FILLED.values(), ids=FILLED.keys())
def test_what_is_named_arrives_in_its_place_and_what_is_not_is_told(casement, stored, parameters, components):
    has(casement, stored)
    serves(casement, "t")
    if parameters:
        assert set(candidates(ask(casement))["t en_US"]["missing"]) == set(parameters)

    answer = ask(casement, parameters=parameters)

    assert answer.status == 200, answer.body
    (sent,) = casement.simulator.sent
    expected = {"name": "t", "language": {"code": "en_US"}, **({"components": components} if components else {})}
    assert sent.body["template"] == expected
    assert (sent.body["to"], sent.body["type"], sent.phone_number_id) == (ALICE, "template", NUMBER)


def test_a_code_for_logging_in(casement):
    stored = {
        "name": "login_code",
        "language": "en_US",
        "category": "AUTHENTICATION",
        "components": [
            {"type": "BODY", "add_security_recommendation": True},
            {**BUTTON, "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy"}]},
        ],
    }
    has(casement, stored)
    serves(casement, "login_code")

    assert ask(casement, parameters={"1": "123456", "button.0": "123456"}).status == 200

    (sent,) = casement.simulator.sent
    assert sent.body["template"]["components"] == [
        part("body", text("123456")),
        part("button", text("123456"), sub_type="url", index="0"),
    ]


def test_a_nudge_by_purpose_is_filled_the_same_way(casement):
    has(casement, template("a"), template("a", "es", text="Hola {{1}}"))
    serves(casement, "a", purpose="nudge")
    speaks(casement, "es")
    nudge = {"purpose": "nudge", "parameters": {"1": "Ana"}}

    answer = casement.send(casement={"when_closed": {"hold": {"nudge": nudge}}})

    assert answer.body["messages"][0]["message_status"] == "held_for_customer"
    assert went(casement) == [("a", "es")]
    assert casement.simulator.sent[0].body["template"]["components"] == [part("body", text("Ana"))]


def test_a_message_that_meta_refuses_afterwards_is_stood_in_for_by_the_same_choice(casement):
    has(casement, template("a"))
    serves(casement, "a")
    casement.wrote()
    casement.now += 1_000
    casement.simulator.fail_next("late", code=131047)
    key = ask(casement, parameters={"1": "Ana"}).ours["id"]
    casement.deliver()
    casement.catch_up()

    assert [sent.type for sent in casement.simulator.sent] == ["text", "template"]
    assert casement.simulator.sent[1].body["template"]["components"] == [part("body", text("Ana"))]
    shown = casement.get(f"messages/{key}").body["casement"]
    assert shown["waiting"]["state"] == "released"
    assert shown["waiting"]["sends"] == casement.simulator.sent[1].body["template"]


def test_who_is_addressed_stays_the_same(casement):
    has(casement, template("a", text="Hello"))
    serves(casement, "a")
    body = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+1 (650) 555-0101",
        "recipient_identity_key_hash": "hash",
        "type": "text",
        "text": {"body": "Hello"},
        "biz_opaque_callback_data": "order-42",
    }

    answer = casement.post({**body, "casement": {"when_closed": "template"}})

    (sent,) = casement.simulator.sent
    gone = {name: value for name, value in sent.body.items() if name != "biz_opaque_callback_data"}
    assert gone == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+1 (650) 555-0101",
        "recipient_identity_key_hash": "hash",  # Meta is to check that the customer is still the same person
        "type": "template",
        "template": {"name": "a", "language": {"code": "en_US"}},
    }
    assert casement.messages()[0]["biz_opaque_callback_data"] == "order-42"
    assert answer.ours["id"] == str(MessageKey.parse(sent.body["biz_opaque_callback_data"]))
