"""Media pass through: bytes as they are, Meta's refusals as they are, and Meta's token seen by nobody but Meta."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from casement.domain.api_key import Scope
from casement.meta.media import TIMEOUT, Media
from casement.runtime.endpoint import endpoint
from functions.pass_media import app as pass_media
from local.simulator import LOCAL_NUMBER, Number
from local.simulator.media import DOWNLOAD_PATH
from local.stack import http_event
from local.stack.routing import Router
from local.stack.template import HttpRoute
from tests.support.deployment import ALICE, API_KEY, NUMBER, OTHER_NUMBER, Deployment, deployed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OTHER = OTHER_NUMBER.phone_number_id
PNG = b"\x89PNG\r\n\x1a\n--b\r\n\r\n\x00\xff" + bytes(range(256))
MB = 1024 * 1024
ROUTES = (pass_media.UPLOAD, pass_media.INFO, pass_media.DOWNLOAD, pass_media.DELETE)
LAMBDA_TAKES = 6 * MB  # of JSON, in either direction


@dataclass(frozen=True)
class Got:
    """What a caller got."""

    status: int
    content_type: str
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def refusal(self) -> tuple[int, int]:
        return self.status, self.json["error"]["code"]

    @property
    def details(self) -> str:
        found: str = self.json["error"]["error_data"]["details"]
        return found


@dataclass
class Desk:
    """The function in its deployment, as callers reach it."""

    casement: Deployment
    events: list[Any] = field(default_factory=list)  # what Lambda took and gave
    clock: Callable[[], int] | None = None  # where it is not the deployment's

    def ask(self, method: str, url: str, *, body: bytes = b"", key: str = API_KEY, **headers: str) -> Got:
        """One HTTP request, through API Gateway's events."""
        path, query = urlsplit(url).path, urlsplit(url).query
        match = Router([(HttpRoute(*route.split(" ")), None) for route in ROUTES]).match(method, path)
        assert match is not None, url
        given = {"host": "api.example", "authorization": f"Bearer {key}", **headers}
        request = http_event.Request(method, path, query, tuple(given.items()), body, "1.2.3.4", "api.example")
        event = http_event.event_of(
            request,
            route_key=match.route.key,
            path_parameters=match.path_parameters,
            request_id="r-1",
            now=datetime.fromtimestamp(self.casement.now / 1000, UTC),
        )
        answer = endpoint(self._respond)(event, None)
        self.events += [event, answer]
        got = http_event.answer_of(answer)
        return Got(got.status, dict(got.headers)["content-type"], got.body)

    def _respond(self, request: Any) -> Any:
        http = httpx.Client(transport=self.casement.wire, timeout=TIMEOUT)
        return pass_media.respond(
            request,
            api_keys=self.casement.api_keys,
            secret=self.casement.secret,
            media=Media(http, base_url="https://graph.example", version="v25.0"),
            templates=self.casement.templates,
            clock=self.clock or (lambda: self.casement.now),
        )

    def upload(
        self, content: bytes = PNG, mime_type: str = "image/png", *, number: str = NUMBER, key: str = API_KEY
    ) -> Got:
        body, content_type = form(content, mime_type)
        return self.ask("POST", f"/v25.0/{number}/media", body=body, key=key, **{"content-type": content_type})

    def uploaded(self, content: bytes = PNG, mime_type: str = "image/png", *, number: str = NUMBER) -> str:
        """The id of a file that went up."""
        answer = self.upload(content, mime_type, number=number)
        assert answer.status == 200, answer.content
        media_id: str = answer.json["id"]
        return media_id

    def get(self, media_id: str, *, of: str | None = NUMBER, key: str = API_KEY, edge: str = "") -> Got:
        return self.ask("GET", f"/v25.0/{media_id}{edge}{named(of)}", key=key)

    def download(self, media_id: str, *, of: str | None = NUMBER, key: str = API_KEY) -> Got:
        return self.get(media_id, of=of, key=key, edge="/download")

    def delete(self, media_id: str, *, of: str | None = NUMBER, key: str = API_KEY) -> Got:
        return self.ask("DELETE", f"/v25.0/{media_id}{named(of)}", key=key)

    def at_meta(self, content: bytes, mime_type: str) -> str:
        """The id of a file that did not come through Casement, nor over the wire that is watched."""
        body, content_type = form(content, mime_type)
        headers = {"authorization": f"Bearer {LOCAL_NUMBER.token}", "content-type": content_type}
        with httpx.Client(transport=httpx.WSGITransport(app=self.casement.simulator)) as http:
            answer = http.post(f"https://graph.example/v25.0/{NUMBER}/media", content=body, headers=headers)
        media_id: str = answer.json()["id"]
        return media_id

    @property
    def asked(self) -> list[str]:
        """What was asked of Meta."""
        return [f"{request.method} {request.url.path}" for request in self.casement.wire.requests]


def form(content: bytes, mime_type: str, **fields: str) -> tuple[bytes, str]:
    """A body as httpx, and so pywa, makes it; and its type."""
    request = httpx.Request(
        "POST",
        "https://api.example",
        data={"messaging_product": "whatsapp", "type": mime_type, **fields},
        files={"file": ("a file.bin", content, mime_type)},
    )
    return request.read(), request.headers["content-type"]


def named(number: str | None) -> str:
    return f"?phone_number_id={number}" if number is not None else ""


@pytest.fixture
def desk(casement: Deployment) -> Desk:
    return Desk(casement)


@contextmanager
def desk_for(client: "DynamoDBClient", *numbers: Number) -> Iterator[Desk]:
    with deployed(client, numbers) as deployment:
        yield Desk(deployment)


# --- there and back ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (PNG, "image/png"),
        (b"caf\xc3\xa9\r\n", "text/plain"),
        (b"\r\n\r\n--\r\n", "application/pdf"),
        (os.urandom(100_000), "audio/ogg; codecs=opus"),
    ],
    ids=["png", "text", "edges", "audio"],
)
def test_a_file_comes_back_as_it_went_up(desk, content, mime_type):
    media_id = desk.uploaded(content, mime_type)

    file = desk.download(media_id)

    assert (file.status, file.content_type, file.content) == (200, mime_type, content)


def test_the_information_is_metas_with_a_link_that_the_caller_can_follow(desk):
    media_id = desk.uploaded()

    info = desk.get(media_id).json

    meta_url = info["casement"]["meta_url"]
    assert meta_url.startswith(f"https://graph.example{DOWNLOAD_PATH}?mid={media_id}")
    assert {name: info[name] for name in ("id", "mime_type", "file_size", "messaging_product")} == {
        "id": media_id,
        "mime_type": "image/png",
        "file_size": len(PNG),
        "messaging_product": "whatsapp",
    }
    assert len(info["sha256"]) == 64
    assert info["url"] == f"http://api.example/v25.0/{media_id}/download?phone_number_id={NUMBER}"
    assert desk.ask("GET", info["url"]).content == PNG
    assert LOCAL_NUMBER.token not in json.dumps(info)


def test_a_link_of_ours_works_as_long_as_the_file_lives(desk):
    media_id = desk.uploaded()
    url = desk.get(media_id).json["url"]

    desk.casement.now += 3_600_000  # Meta's own link lives for five minutes

    assert desk.ask("GET", url).content == PNG


def test_what_a_customer_sent_comes_down_too(desk):
    desk.casement.simulator.inbound(message={"type": "image", "image": {}}, sender=ALICE)
    webhook = json.loads(desk.casement.simulator.pending[0].body)
    media_id = webhook["entry"][0]["changes"][0]["value"]["messages"][0]["image"]["id"]

    assert desk.download(media_id).content == b"A image from the simulator."


def test_a_file_that_went_up_can_be_sent(desk):
    desk.casement.wrote(ALICE)
    media_id = desk.uploaded()

    assert desk.casement.send(message={"type": "image", "image": {"id": media_id}}).status == 200


def test_a_deleted_file_is_gone(desk):
    media_id = desk.uploaded()

    deleted = desk.delete(media_id)

    assert (deleted.status, deleted.json) == (200, {"success": True})
    for refused in (desk.get(media_id), desk.download(media_id), desk.delete(media_id)):
        assert refused.refusal == (400, 100)
        assert refused.json["error"]["error_subcode"] == 33


def test_the_body_goes_to_meta_byte_for_byte_with_the_numbers_token(desk):
    body, content_type = form(PNG, "image/png", something_new="\u00e9")

    desk.ask("POST", f"/v19.0/{NUMBER}/media", body=body, **{"content-type": content_type})

    request = desk.casement.wire.requests[0]
    assert str(request.url) == f"https://graph.example/v25.0/{NUMBER}/media"
    assert request.content == body
    assert request.headers["content-type"] == content_type
    assert request.headers["authorization"] == f"Bearer {LOCAL_NUMBER.token}"
    assert API_KEY not in str(request.headers)


def test_the_log_tells_nothing_of_a_file_or_a_key(desk, caplog):
    media_id = desk.uploaded(b"what a customer wrote", "text/plain")
    desk.get(media_id)
    desk.download(media_id)
    another = "900000000000099"  # not so short that a time in the log may hold it
    desk.download(media_id, of=another)
    desk.delete(media_id)

    logged = repr([vars(record) for record in caplog.records])
    assert logged.count("'answered'") >= 5
    for unspeakable in ("a customer", "a file.bin", media_id, NUMBER, another, API_KEY, LOCAL_NUMBER.token):
        assert unspeakable not in logged


# --- whose media ------------------------------------------------------------------------------------


def test_with_two_numbers_one_must_be_named(desk):
    media_id = desk.uploaded()

    for refused in (desk.get(media_id, of=None), desk.download(media_id, of=None), desk.delete(media_id, of=None)):
        assert refused.refusal == (400, 100)
        assert "phone_number_id" in refused.details
        assert refused.json["error"]["error_data"]["casement"] == {"parameter": "phone_number_id"}
    assert desk.get(media_id, of="").refusal == (400, 100)
    assert desk.get(media_id).status == 200


def test_a_key_for_one_number_means_that_number(desk):
    desk.casement.add_key("one number", numbers=frozenset([OTHER]))
    media_id = desk.uploaded(number=OTHER)

    info = desk.get(media_id, of=None, key="one number")

    assert info.status == 200
    assert info.json["url"].endswith(f"?phone_number_id={OTHER}")
    assert desk.download(media_id, of=None, key="one number").content == PNG
    assert desk.delete(media_id, of=None, key="one number").status == 200


def test_the_only_number_of_a_deployment_need_not_be_named(dynamodb):
    with desk_for(dynamodb, LOCAL_NUMBER) as desk:
        media_id = desk.uploaded()

        assert desk.download(media_id, of=None).content == PNG
        assert desk.delete(media_id, of=None).status == 200


def test_another_numbers_token_finds_nothing(desk):
    media_id = desk.uploaded()

    for refused in (desk.get(media_id, of=OTHER), desk.download(media_id, of=OTHER), desk.delete(media_id, of=OTHER)):
        assert refused.refusal == (400, 100)
    assert desk.download(media_id).content == PNG


def test_where_two_numbers_have_one_token_a_key_for_one_sees_nothing_of_the_other(dynamodb):
    second = Number(OTHER, LOCAL_NUMBER.waba_id, "+1 555-000-2000", LOCAL_NUMBER.token)
    with desk_for(dynamodb, LOCAL_NUMBER, second) as desk:
        desk.casement.add_key("second", numbers=frozenset([OTHER]))
        firsts, seconds = desk.uploaded(), desk.uploaded(number=OTHER)

        for refused in (
            desk.get(firsts, of=OTHER, key="second"),
            desk.download(firsts, of=OTHER, key="second"),
            desk.delete(firsts, of=OTHER, key="second"),
        ):
            assert refused.refusal == (400, 100)
        assert desk.download(firsts).content == PNG
        assert desk.download(seconds, key="second", of=None).content == PNG


def test_meta_is_asked_to_check_the_number_only_for_a_key_that_may_not_see_all(desk):
    desk.casement.add_key("one number", numbers=frozenset([NUMBER]))
    media_id = desk.uploaded()
    desk.casement.wire.requests.clear()

    desk.get(media_id)
    desk.get(media_id, key="one number")  # no other number has this token

    assert [request.url.query for request in desk.casement.wire.requests] == [b"", b""]


def test_a_number_nobody_configured(desk):
    answers = (
        desk.upload(number="999"),
        desk.get("1", of="999"),
        desk.download("1", of="999"),
        desk.delete("1", of="9"),
    )

    for answer in answers:
        assert answer.refusal == (400, 100)
        assert answer.json["error"]["error_subcode"] == 33
    assert desk.asked == []


# --- who may ----------------------------------------------------------------------------------------


def test_scopes(desk):
    desk.casement.add_key("sends", [Scope.SEND])
    desk.casement.add_key("reads", [Scope.READ])
    desk.casement.add_key("nothing", [])
    media_id = desk.uploaded()

    for key in ("sends", "reads"):
        assert desk.get(media_id, key=key).status == 200
        assert desk.download(media_id, key=key).content == PNG
    for refused in (
        desk.upload(key="reads"),
        desk.delete(media_id, key="reads"),
        desk.get(media_id, key="nothing"),
        desk.download(media_id, key="nothing"),
        desk.upload(key="nothing"),
    ):
        assert refused.refusal == (403, 10)
    assert desk.upload(key="sends").status == 200
    assert desk.delete(media_id, key="sends").status == 200


@pytest.mark.parametrize("scope", [Scope.SEND, Scope.READ])
def test_a_key_for_another_number(desk, scope):
    desk.casement.add_key("other", [scope], numbers=frozenset([OTHER]))
    media_id = desk.uploaded()
    desk.casement.wire.requests.clear()

    for refused in (
        desk.upload(key="other"),
        desk.get(media_id, key="other"),
        desk.download(media_id, key="other"),
        desk.delete(media_id, key="other"),
    ):
        assert refused.refusal == (403, 10)
    assert "not for this phone number" in desk.get(media_id, key="other").details
    assert desk.asked == []


def test_a_wrong_key_learns_nothing(desk):
    for refused in (
        desk.upload(b"", key="wrong"),
        desk.upload(key="wrong", number="999"),
        desk.get("me", key="wrong"),
        desk.download("1", key="wrong", of="999"),
        desk.delete("1", key="wrong", of=None),
    ):
        assert refused.refusal == (401, 190)
    assert desk.asked == []


# --- what is refused before Meta --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=b"),
        (b"{}", "application/json"),
        (b"--b--\r\n", "multipart/form-data; boundary=b"),
        (PNG, "image/png"),
        (form(PNG, "image/png")[0], "multipart/form-data; boundary=another"),
        (form(PNG, "image/png")[0], "multipart/form-data"),
        (b"--b\r\n\r\n--b--", "multipart/form-data; boundary=b\u00e9"),
    ],
    ids=["empty", "json", "no parts", "the file itself", "another boundary", "no boundary", "no ascii"],
)
def test_an_upload_without_a_file(desk, body, content_type):
    refused = desk.ask("POST", f"/v25.0/{NUMBER}/media", body=body, **{"content-type": content_type})

    assert refused.refusal == (400, 100)
    assert refused.json["error"]["error_data"]["casement"] == {"parameter": "file"}
    assert desk.asked == []


@pytest.mark.parametrize("end", ["\r\nX-Evil: 1", "\x00", "\u00e9", "\ud83d"])
def test_no_header_of_the_callers_becomes_two(desk, end):
    body, content_type = form(PNG, "image/png")

    refused = desk.ask("POST", f"/v25.0/{NUMBER}/media", body=body, **{"content-type": content_type + end})

    assert refused.refusal == (400, 100)
    assert desk.asked == []


@pytest.mark.parametrize(
    ("size", "mime_type", "limit"),
    [
        (500 * 1024 + 1, "image/webp", 500 * 1024),
        (5 * MB + 1, "image/jpeg", 5 * MB),
        (5 * MB + 1, "image/png", 5 * MB),
        (16 * MB + 1, "video/mp4", 16 * MB),
        (16 * MB + 1, "audio/ogg; codecs=opus", 16 * MB),
    ],
)
def test_more_than_meta_takes_is_refused_with_metas_limit(desk, size, mime_type, limit):
    refused = desk.upload(bytes(size), mime_type)

    assert refused.refusal == (400, 100)
    assert str(limit) in refused.details
    assert desk.asked == []


def test_more_than_lambda_takes_is_refused_with_a_way_out(desk):
    refused = desk.upload(bytes(pass_media.LARGEST), "application/pdf")  # and the form around it

    assert refused.refusal == (400, 100)
    assert f"https://graph.facebook.com/v25.0/{NUMBER}/media" in refused.details
    assert "link" in refused.details
    assert desk.asked == []


def test_what_is_just_small_enough_fits_into_an_invocation_both_ways(desk):
    form_around = len(form(b"", "application/pdf")[0])
    content = Random(1).randbytes(pass_media.LARGEST - form_around)  # noqa: S311 - the same bytes in every run

    media_id = desk.uploaded(content, "application/pdf")
    whole = desk.at_meta(content + bytes(form_around), "application/pdf")

    assert desk.download(media_id).content == content
    assert len(desk.download(whole).content) == pass_media.LARGEST
    headers = 10 * 1024  # the most that API Gateway takes
    assert max(len(json.dumps(event)) for event in desk.events) + headers < LAMBDA_TAKES


def test_a_larger_file_is_not_fetched_and_the_caller_is_told_where_it_lies(desk):
    media_id = desk.at_meta(bytes(pass_media.LARGEST + 1), "application/pdf")

    refused = desk.download(media_id)

    assert refused.refusal == (400, 100)
    assert "casement.meta_url" in refused.details
    assert desk.asked == [f"GET /v25.0/{media_id}"]
    assert "meta_url" in desk.get(media_id).json["casement"]


@pytest.mark.parametrize(
    "media_id", ["me", "%2e%2e", "1%2F..%2Fme", "1%3Ffields=id", "1%20", "%D9%A3", "1" * 33, "debug_token"]
)
def test_what_is_no_media_id_never_reaches_meta(desk, media_id):
    for refused in (desk.get(media_id), desk.download(media_id), desk.delete(media_id)):
        assert refused.refusal == (404, 100)
    assert desk.asked == []


def test_only_media_are_shown_and_deleted(desk):
    for id_ in (NUMBER, LOCAL_NUMBER.waba_id, desk.casement.simulator.named("hello_world")[0].id):
        for refused in (desk.get(id_), desk.download(id_), desk.delete(id_)):
            assert refused.refusal == (404, 100)
    assert {asked.partition(" ")[0] for asked in desk.asked} == {"GET"}


def test_a_path_without_a_version(desk):
    assert desk.ask("GET", "/nonsense/123").refusal == (404, 100)


# --- what Meta does ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mime_type", ["image/gif", "application/x-unheard-of"])
def test_metas_refusals_are_passed_on(desk, mime_type):
    refused = desk.upload(PNG, mime_type)

    assert refused.refusal == (400, 100)
    assert refused.json["error"]["message"].startswith(
        "(#100) Param file must be a file with one of the following types"
    )


def test_metas_rate_limit_is_passed_on(desk):
    media_id = desk.uploaded()
    for ask in (
        desk.upload,
        lambda: desk.get(media_id),
        lambda: desk.download(media_id),
        lambda: desk.delete(media_id),
    ):
        desk.casement.simulator.fail_next("rate_limit")
        assert ask().refusal == (429, 80007)


@pytest.mark.parametrize("how", ["timeout_after", "drop_after", "5xx_after", "timeout_before", "connect", "5xx_before"])
def test_a_lost_answer_is_a_503_which_may_be_repeated(desk, how):
    desk.casement.simulator.fail_next(how)
    assert desk.upload().refusal == (503, 2)
    media_id = desk.uploaded()

    for ask in (desk.get, desk.download):
        desk.casement.simulator.fail_next(how)
        assert ask(media_id).refusal == (503, 2)
        assert ask(media_id).status == 200

    desk.casement.simulator.fail_next(how, match="DELETE")
    assert desk.delete(media_id).refusal == (503, 2)
    again = desk.delete(media_id)
    assert again.status == (400 if how.endswith("_after") else 200)


@pytest.mark.parametrize("how", ["timeout_before", "drop_before", "connect", "5xx_before", "rate_limit"])
def test_a_file_host_that_fails_is_a_503(desk, how):
    media_id = desk.uploaded()
    desk.casement.simulator.fail_next(how, match=DOWNLOAD_PATH)

    assert desk.download(media_id).refusal == (503, 2)
    assert desk.download(media_id).content == PNG


def test_a_link_that_has_died_is_a_404(desk):
    media_id = desk.uploaded()
    now = desk.casement.now
    desk.clock = lambda: now  # only Meta's clock goes on
    desk.casement.wire.after = lambda: setattr(desk.casement, "now", desk.casement.now + 301_000)

    refused = desk.download(media_id)

    assert refused.refusal == (404, 100)
    assert desk.asked[-1] == f"GET {DOWNLOAD_PATH}"


def test_media_that_expired_are_metas_refusal(desk):
    media_id = desk.uploaded()

    desk.casement.now += 31 * 86_400_000

    assert desk.download(media_id).refusal == (400, 100)


def test_a_slow_meta_is_given_up_while_the_caller_still_waits(desk):
    media_id = desk.uploaded()
    desk.casement.wire.requests.clear()
    desk.casement.wire.after = lambda: setattr(desk.casement, "now", desk.casement.now + 17_000)

    assert desk.download(media_id).refusal == (503, 2)
    assert desk.delete(media_id).refusal == (503, 2)
    assert desk.asked == [f"GET /v25.0/{media_id}"] * 2


@dataclass
class Lookaside(httpx.BaseTransport):
    """Meta as it is: links lead to a host of their own."""

    meta: httpx.BaseTransport
    host: str
    asked: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == self.host:
            self.asked.append(request)
        answer = self.meta.handle_request(request)
        content = answer.read().replace(b"https://graph.example", f"https://{self.host}".encode())
        return httpx.Response(
            answer.status_code, headers={"content-type": answer.headers["content-type"]}, content=content
        )


def test_metas_file_host_gets_the_token(desk):
    media_id = desk.uploaded()
    desk.casement.wire.meta = lookaside = Lookaside(desk.casement.wire.meta, "lookaside.fbsbx.com")

    assert desk.download(media_id).content == PNG
    assert lookaside.asked[0].headers["authorization"] == f"Bearer {LOCAL_NUMBER.token}"
    assert LOCAL_NUMBER.token not in str(lookaside.asked[0].url)


@pytest.mark.parametrize(
    "host", ["evil.example", "graph.example.evil.example", "scontent.fbcdn.net", "169.254.169.254"]
)
def test_no_other_host_is_asked(desk, host):
    media_id = desk.uploaded()
    desk.casement.wire.meta = elsewhere = Lookaside(desk.casement.wire.meta, host)

    refused = desk.download(media_id)

    assert refused.refusal == (503, 2)
    assert host in refused.details
    assert elsewhere.asked == []
