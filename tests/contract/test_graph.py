"""What a client may rely on, at the simulator and at Meta alike: codes and shapes, never wording."""

import pytest

from tests.contract.conftest import Endpoint, code_of

PNG = b"\x89PNG\r\n\x1a\n--not\r\n--a boundary\x00\xff"


def test_a_token_that_is_none_is_refused_with_190(either: Endpoint) -> None:
    either.client.headers["Authorization"] = "Bearer nonsense"

    refused = either.send_text()

    assert refused.status_code == 401
    assert code_of(refused) == 190
    assert refused.json()["error"]["type"] == "OAuthException"


def test_an_object_that_does_not_exist_is_100_33(either: Endpoint) -> None:
    refused = either.post("1/messages", {"messaging_product": "whatsapp"})

    assert refused.status_code == 400
    assert code_of(refused) == 100
    assert refused.json()["error"]["error_subcode"] == 33


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"messaging_product": None, "type": "text", "text": {"body": "x"}}, 100),
        ({"to": None, "type": "text", "text": {"body": "x"}}, 100),
        ({"type": "text", "text": {}}, 100),
        ({"type": "text", "text": {"body": "x" * 4097}}, 100),
        ({"type": "image", "image": {"link": "not a link"}}, 100),
        (
            {"type": "interactive", "interactive": {"type": "button", "body": {"text": "x"}, "action": {}}},
            131008,
        ),
    ],
)
def test_a_message_that_is_wrong_is_refused_at_once(either: Endpoint, message: dict[str, object], code: int) -> None:
    refused = either.send(**message)

    assert refused.status_code == 400
    assert code_of(refused) == code


def test_an_unknown_template_is_132001(either: Endpoint) -> None:
    assert code_of(either.send_template("no_such_template_at_all")) == 132001


def test_a_template_with_too_many_parameters_is_132000(either: Endpoint) -> None:
    assert code_of(either.send_template("hello_world", "one too many")) == 132000


def test_a_template_is_accepted_and_answered_with_a_wamid(either: Endpoint) -> None:
    answer = either.send_template("hello_world")

    assert answer.status_code == 200
    body = answer.json()
    assert body["messaging_product"] == "whatsapp"
    assert body["contacts"][0]["input"] == either.recipient
    assert body["contacts"][0]["wa_id"].isdigit()
    assert body["messages"][0]["id"].startswith("wamid.")


def test_a_number_tells_the_fields_one_asks_for(either: Endpoint) -> None:
    answer = either.get(either.number, fields="display_phone_number,verified_name,quality_rating,throughput")

    assert answer.json().keys() >= {
        "display_phone_number",
        "verified_name",
        "quality_rating",
        "throughput",
        "id",
    }
    assert answer.json()["id"] == either.number


def test_an_account_lists_its_numbers(either: Endpoint) -> None:
    answer = either.get(f"{either.waba}/phone_numbers").json()

    assert either.number in [number["id"] for number in answer["data"]]
    assert answer["paging"]["cursors"].keys() == {"before", "after"}


def test_a_template_listing_is_paged_to_its_end(either: Endpoint) -> None:
    whole = either.get(f"{either.waba}/message_templates", limit="100", fields="name").json()
    assert "next" not in whole["paging"]
    found, query = [], {"limit": "1", "fields": "name"}

    while True:
        page = either.get(f"{either.waba}/message_templates", **query).json()
        found += page["data"]
        if "next" not in page["paging"]:
            break
        assert len(page["data"]) == 1
        query["after"] = page["paging"]["cursors"]["after"]

    assert {template["id"] for template in found} == {template["id"] for template in whole["data"]}
    assert len(found) == len(whole["data"])


def test_a_template_listing_is_filtered(either: Endpoint) -> None:
    query = {"name": "hello_world", "status": "APPROVED", "language": "en_US"}

    found = either.get(f"{either.waba}/message_templates", **query).json()["data"]

    assert [template["name"] for template in found] == ["hello_world"]
    assert found[0].keys() >= {"id", "name", "language", "status", "category", "components"}
    assert either.get(f"{either.waba}/message_templates", name="no_such_name").json()["data"] == []


def test_a_field_that_does_not_exist_is_100(either: Endpoint) -> None:
    assert code_of(either.get(f"{either.waba}/message_templates", fields="no_such_field")) == 100


def test_a_token_can_be_debugged(either: Endpoint) -> None:
    token = either.client.headers["Authorization"].removeprefix("Bearer ")

    data = either.get("debug_token", input_token=token).json()["data"]

    assert data["is_valid"] is True
    assert "whatsapp_business_messaging" in data["scopes"]


def test_an_account_tells_which_apps_get_its_webhooks(either: Endpoint) -> None:
    assert isinstance(either.get(f"{either.waba}/subscribed_apps").json()["data"], list)


def test_media_go_up_and_come_down_byte_for_byte_and_only_with_the_token(either: Endpoint) -> None:
    media_id = either.client.post(
        f"/{either.version}/{either.number}/media",
        data={"messaging_product": "whatsapp", "type": "image/png"},
        files={"file": ("a.png", PNG, "image/png")},
    ).json()["id"]

    medium = either.get(media_id).json()

    assert medium.keys() >= {"url", "mime_type", "sha256", "file_size", "id"}
    assert medium["mime_type"] == "image/png"
    assert either.client.get(medium["url"]).content == PNG
    assert either.client.get(medium["url"], headers={"Authorization": ""}).status_code in {400, 401, 403, 404}
    assert either.delete(media_id).json() == {"success": True}
    assert code_of(either.get(media_id)) == 100
