"""`receive_webhook` at its edge: the handshake, the signature, batches, limits, and a store that fails."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.errors import SecretUnavailable
from casement.meta.signature import sign
from casement.runtime.secret import SecretSource
from casement.store.facts import CHUNK, Facts
from tests.support.deliveries import (
    APP_SECRET,
    VERIFY_TOKEN,
    answer,
    deliver,
    facts_on,
    post_event,
    secret_source,
    signed_event,
)
from tests.support.effort import examples
from tests.support.faults import Faults, watching
from tests.support.tables import create_table, facts_of, quarantined_bodies, snapshot
from tests.support.webhooks import NOON, any_json, any_text, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NUMBER, WABA = "100000000000001", "200000000000001"
ALICE, ALICE_ID = "16505550101", "US.10000000000000000101"


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> str:
    return create_table(dynamodb)


@pytest.fixture
def facts(dynamodb: "DynamoDBClient", table: str) -> Facts:
    return facts_on(dynamodb, table)


def text_message(number: int, **more: Any) -> dict[str, Any]:
    message = {"from": ALICE, "id": f"wamid.{number}", "timestamp": str(NOON), "type": "text", "text": {"body": "Hi"}}
    return {**message, **more}


def body_of(*messages: Any, **lists: Any) -> bytes:
    metadata = {"display_phone_number": "+1 555-000-1000", "phone_number_id": NUMBER}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": list(messages), **lists}
    return encode(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": WABA, "changes": [{"field": "messages", "value": value}]}],
        }
    )


class TestHandshake:
    def ask(self, facts: Facts, secret: SecretSource | None = None, **query: str) -> tuple[int, str]:
        given = {f"hub.{name}": value for name, value in query.items()}
        response = answer({"routeKey": "GET /webhook", "queryStringParameters": given}, facts, secret)
        return response.status, response.body

    @pytest.mark.parametrize("challenge", ["1158201444", "abc", "007", "<b>ü &", "x" * 2_000])
    def test_gives_the_challenge_back_unchanged(self, facts, challenge):
        assert self.ask(facts, mode="subscribe", verify_token=VERIFY_TOKEN, challenge=challenge) == (200, challenge)

    def test_answers_as_text(self, facts):
        query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "<script>"}
        response = answer({"routeKey": "GET /webhook", "queryStringParameters": query}, facts)

        assert response.content_type == "text/plain"

    @pytest.mark.parametrize(
        "query",
        [
            {},
            {"mode": "subscribe", "challenge": "1"},
            {"mode": "subscribe", "verify_token": "", "challenge": "1"},
            {"mode": "subscribe", "verify_token": "other", "challenge": "1"},
            {"mode": "subscribe", "verify_token": f"{VERIFY_TOKEN} ", "challenge": "1"},
            {"mode": "subscribe", "verify_token": "schlüssel\udcff", "challenge": "1"},
            {"mode": "unsubscribe", "verify_token": VERIFY_TOKEN, "challenge": "1"},
            {"verify_token": VERIFY_TOKEN, "challenge": "1"},
        ],
    )
    def test_refuses_everything_else(self, facts, query):
        status, body = self.ask(facts, **query)

        assert status == 403
        assert body != query.get("challenge")

    @pytest.mark.parametrize("known", ["", None])
    def test_an_empty_token_of_ours_lets_nobody_in(self, facts, known):
        assert self.ask(facts, secret_source(verify_token=known), mode="subscribe", verify_token="")[0] == 403

    def test_without_a_secret_it_is_refused(self, facts):
        assert (
            self.ask(facts, SecretSource(no_secret, max_age=300), mode="subscribe", verify_token=VERIFY_TOKEN)[0] == 403
        )

    def test_without_a_query_it_is_refused(self, facts):
        assert answer({"routeKey": "GET /webhook"}, facts).status == 403


def no_secret() -> str:
    raise SecretUnavailable("There is none.")


class TestSignature:
    BODY = body_of(text_message(1))

    @pytest.mark.parametrize(
        "name", ["x-hub-signature-256", "X-Hub-Signature-256", "X-HUB-SIGNATURE-256", "x-Hub-signature-256"]
    )
    def test_the_header_is_found_in_any_case(self, facts, name):
        assert answer(post_event(self.BODY, {name: sign(APP_SECRET, self.BODY)}), facts).status == 200

    def test_the_body_may_come_in_base64(self, dynamodb, facts, table):
        assert answer(signed_event(self.BODY, in_base64=True), facts).status == 200
        assert len(facts_of(snapshot(dynamodb, table))) == 1

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_two_app_secrets_are_valid_while_one_is_rotated(self, facts, newest_first):
        app_secrets = ["new", APP_SECRET] if newest_first else [APP_SECRET, "new"]

        assert answer(signed_event(self.BODY), facts, secret_source(app_secrets=app_secrets)).status == 200

    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            "sha256=",
            "sha256=" + "0" * 64,
            sign("other", BODY),
            sign(APP_SECRET, BODY + b" "),
            sign(APP_SECRET, BODY).upper(),
            sign(APP_SECRET, BODY).removeprefix("sha256="),
            sign(APP_SECRET, BODY).replace("sha256", "sha1"),
            sign(APP_SECRET, BODY) + " ",
            f"{sign(APP_SECRET, BODY)},{sign(APP_SECRET, BODY)}",
            "sha256=" + "ä" * 64,
            "\ud800",
            "sha256=" + "0" * 100_000,
        ],
    )
    def test_a_wrong_one_is_refused_and_nothing_is_stored(self, dynamodb, facts, table, header):
        headers = {} if header is None else {"x-hub-signature-256": header}

        assert answer(post_event(self.BODY, headers), facts).status == 401
        assert snapshot(dynamodb, table) == {}

    @pytest.mark.parametrize("app_secrets", [[], None, [""], [None], [7]])
    def test_without_an_app_secret_everything_is_refused(self, capsys, dynamodb, facts, table, app_secrets):
        event = post_event(self.BODY, {"x-hub-signature-256": sign("", self.BODY)})

        assert answer(event, facts, secret_source(app_secrets=app_secrets)).status == 401
        assert snapshot(dynamodb, table) == {}
        assert any(json.loads(line)["level"] == "ERROR" for line in capsys.readouterr().out.splitlines())

    def test_one_that_cannot_be_read_is_an_error_in_the_log(self, capsys, facts):
        assert answer(signed_event(self.BODY), facts, SecretSource(no_secret, max_age=300)).status == 401
        assert any(json.loads(line)["level"] == "ERROR" for line in capsys.readouterr().out.splitlines())

    def test_what_is_logged_names_nobody(self, capsys, facts):
        answer(signed_event(self.BODY), facts)

        logged = capsys.readouterr().out
        assert logged
        assert ALICE not in logged
        assert APP_SECRET not in logged


class TestUntrustedBytes:
    @settings(max_examples=examples(60))
    @given(st.binary(max_size=300), st.sampled_from([None, True]))
    def test_signed_bytes_of_any_kind_are_taken_and_kept(self, dynamodb, body, in_base64):
        table = create_table(dynamodb)

        assert answer(signed_event(body, in_base64=in_base64), facts_on(dynamodb, table)).status == 200
        items = snapshot(dynamodb, table)
        assert quarantined_bodies(items) == [body] or facts_of(items)

    @settings(max_examples=examples(60))
    @given(any_json)
    def test_signed_json_of_any_kind_is_taken(self, dynamodb, document):
        table = create_table(dynamodb)

        assert deliver(encode(document), facts_on(dynamodb, table)).status == 200
        assert snapshot(dynamodb, table)

    @settings(max_examples=examples(100))
    @given(
        st.dictionaries(any_text | st.just("X-Hub-Signature-256"), any_text | st.binary(max_size=40).map(repr)),
        any_text | st.none(),
        st.booleans(),
    )
    def test_an_unsigned_event_of_any_kind_is_refused(self, dynamodb, headers, body, in_base64):
        table = create_table(dynamodb)
        event = {"routeKey": "POST /webhook", "headers": headers, "body": body, "isBase64Encoded": in_base64}

        assert answer(event, facts_on(dynamodb, table)).status == 401
        assert snapshot(dynamodb, table) == {}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b'{"entry":[]}',
            b'{"entry":[[]]}',
            b'{"entry":[{}]}',
            b"\xff\xfe{\x00}\x00",
            b'"' + b"\\ud800" * 3 + b'"',
            b"9" * 5_000,
            b"[" * 200_000,
            b'{"entry":[{"changes":[{"value":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}]}]}",
            b'{"entry":' + b"[" * 900 + b"]" * 900 + b"}",
        ],
        ids=lambda body: f"{body[:12]!r}",
    )
    def test_what_is_no_webhook_is_kept_whole(self, dynamodb, facts, table, body):
        assert deliver(body, facts).status == 200
        kept = quarantined_bodies(snapshot(dynamodb, table))
        assert kept == [body] or json.loads(kept[0]) == json.loads(body)["entry"][0]

    @pytest.mark.parametrize(
        "bad",
        [
            None,
            7,
            "text",
            [],
            {},
            {"type": ["text"]},
            {"type": {"text": 1}, "from": ALICE},
            {"from": ["1"], "id": {}, "timestamp": [], "interactive": 1, "type": "interactive"},
            {"from": "9" * 200_000 + "x", "id": "y" * 5_000},
            {"from": "\ud800", "id": "\x00", "timestamp": "\x00"},
            {"type": "system", "system": []},
            {"type": "system", "system": {"wa_id": [], "user_id": {}, "previous_user_id": 3, "customer": {}}},
            {"from": ALICE, "from_user_id": "a" * 500_000},
        ],
        ids=lambda bad: f"{str(bad)[:40]!r}",
    )
    def test_one_bad_element_does_not_stop_its_neighbours(self, dynamodb, facts, table, bad):
        assert deliver(body_of(text_message(1), bad, text_message(2)), facts).status == 200

        items = snapshot(dynamodb, table)
        kept = {fact["element"].get("id") for fact in facts_of(items, "C#")}
        assert {"wamid.1", "wamid.2"} <= kept
        everything = [*facts_of(items), *map(json.loads, quarantined_bodies(items))]
        assert bad in [kept["element"] for kept in everything]

    @pytest.mark.parametrize("code", [{}, [], "x", None, 1.5, True])
    def test_a_failed_status_with_an_odd_code_closes_nothing(self, dynamodb, facts, table, code):
        status = {
            "id": "wamid.1",
            "status": "failed",
            "recipient_id": ALICE,
            "errors": [{"code": code}],
            "timestamp": "1",
        }

        assert deliver(body_of(statuses=[status]), facts).status == 200
        assert not [sk for _, sk in snapshot(dynamodb, table) if sk.startswith("W#")]


class TestLimits:
    def test_a_thousand_updates_in_three_megabytes(self, dynamodb, facts, table):
        padding = {"body": "é" * 485}  # 6 bytes each on the wire
        body = body_of(*(text_message(number, text=padding) for number in range(1_000)))
        assert 3_000_000 < len(body) < 3_200_000

        with watching(dynamodb) as calls:
            assert deliver(body, facts).status == 200

        assert calls.count <= 1_000 / 25 + 1
        ids = {fact["element"]["id"] for fact in facts_of(snapshot(dynamodb, table), "C#")}
        assert ids == {f"wamid.{number}" for number in range(1_000)}

    @pytest.mark.parametrize("count", [1, 2, 24, 25, 26, 50, 99, 100])
    def test_calls_for_one_post(self, dynamodb, facts, count):
        body = body_of(*(text_message(number) for number in range(count)))

        with watching(dynamodb) as calls:
            deliver(body, facts)

        assert calls.count <= -(-count // 25) + 1

    def test_a_pair_is_written_once_by_a_warm_environment(self, dynamodb, facts):
        both = {"from_user_id": ALICE_ID}
        with watching(dynamodb) as first:
            deliver(body_of(text_message(1, **both), text_message(2, **both)), facts)
        with watching(dynamodb) as later:
            deliver(body_of(text_message(3, **both)), facts)

        assert sum(map(len, first.batches)) == 4
        assert later.operations == {"PutItem": 1}

    @pytest.mark.parametrize("size", [CHUNK - 1_000, CHUNK, 400_000, 1_500_000])
    @pytest.mark.parametrize("letter", ["a", "é", "😀"])
    def test_an_element_of_any_size_is_kept_whole(self, dynamodb, facts, table, size, letter):
        large = text_message(1, text={"body": letter * (size // len(letter.encode()))})

        assert deliver(body_of(large, text_message(2)), facts).status == 200

        items = snapshot(dynamodb, table)
        kept = [*facts_of(items), *map(json.loads, quarantined_bodies(items))]
        assert sorted((one["element"] for one in kept), key=lambda element: element["id"]) == [large, text_message(2)]
        assert all(one["metadata"]["phone_number_id"] == NUMBER for one in kept)

    def test_a_large_body_that_is_no_webhook_can_be_put_together_again(self, dynamodb, facts, table):
        body = bytes(range(256)) * 5_000

        assert deliver(body, facts).status == 200
        assert quarantined_bodies(snapshot(dynamodb, table)) == [body]


class TestFailingStore:
    @pytest.mark.parametrize("fault", [{"refused": 1.0}, {"lost": 1.0}])
    @pytest.mark.parametrize("count", [1, 30])
    def test_answers_500_so_that_meta_delivers_again(self, dynamodb, facts, table, seeded, fault, count):
        body = body_of(*(text_message(number, from_user_id=ALICE_ID) for number in range(count)))

        with Faults(dynamodb, seeded, **fault).at_work():
            assert deliver(body, facts).status == 500

        assert deliver(body, facts).status == 200
        items = snapshot(dynamodb, table)
        assert len(facts_of(items)) == count
        assert len(items) == count + 2  # a failed store must not be taken for a link that is known

    def test_gives_up_on_items_that_stay_unprocessed(self, dynamodb, facts, seeded):
        body = body_of(*(text_message(number) for number in range(25)))

        with Faults(dynamodb, seeded, unprocessed=1.0).at_work() as faults:
            assert deliver(body, facts).status == 500

        assert faults.done["items left unprocessed"] > 25

    def test_writes_what_was_left_unprocessed(self, dynamodb, facts, table, seeded):
        body = body_of(*(text_message(number) for number in range(25)))

        with Faults(dynamodb, seeded, unprocessed=0.5).at_work() as faults:
            assert deliver(body, facts).status == 200

        assert faults.done["items left unprocessed"] > 0
        assert len(snapshot(dynamodb, table)) == 25


def test_retention_follows_metas_time(dynamodb, table):
    deliver(body_of(text_message(1)), facts_on(dynamodb, table, retention_days=30))

    (item,) = snapshot(dynamodb, table).values()
    assert item["ttl"] == {"N": str(NOON + 30 * 86_400)}


def test_nothing_expires_when_it_is_kept_for_ever(dynamodb, table):
    deliver(body_of(text_message(1)), facts_on(dynamodb, table, retention_days=0))

    (item,) = snapshot(dynamodb, table).values()
    assert "ttl" not in item


def test_a_link_never_expires(dynamodb, table):
    """It is written once for a warm environment, and people write again after years."""
    deliver(body_of(text_message(1, from_user_id=ALICE_ID)), facts_on(dynamodb, table))

    links = [item for (_, sk), item in snapshot(dynamodb, table).items() if sk.startswith("Z#")]
    assert len(links) == 2
    assert not any("ttl" in link for link in links)
