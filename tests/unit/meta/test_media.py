"""Media at Meta: what an upload holds, who may see the token, and how much is ever held of a file."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.errors import GraphOutcomeUnknown, GraphRejected, GraphUnavailable, NotFound
from casement.meta.media import FILE_TIMEOUT, TIMEOUT, Attached, Media, attached, most_meta_takes

TOKEN = "the-token-nobody-may-see"  # noqa: S105 - of nothing
LINK = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&ext=2&hash=3"
INFO = {"url": LINK, "mime_type": "image/png", "file_size": 3, "id": "7", "messaging_product": "whatsapp"}
FORM = "multipart/form-data; boundary=b"
MB = 1024 * 1024


def form(*parts: str, end: str = "--b--\r\n") -> bytes:
    return ("".join(f"--b\r\n{part}\r\n" for part in parts) + end).encode()


FILE = 'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nabc'
OTHER = 'Content-Disposition: form-data; name="type"\r\n\r\nimage/png'


# --- what an upload holds ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (form(FILE), FORM),
        (form(OTHER, FILE), FORM),
        (form(FILE, OTHER), FORM),
        (form(FILE), 'multipart/form-data; boundary="b"'),
        (form(FILE), "Multipart/Form-Data;charset=utf-8;Boundary=b"),
        (b"a preamble\r\n" + form(FILE), FORM),
        (form(FILE.replace("Content-", "content-").replace("image/png", "IMAGE/PNG")), FORM),
        (form(FILE.replace('name="file"; filename="a.png"', 'filename="a.png"; name=file')), FORM),
        (form(FILE.replace("image/png", "image/png; charset=binary")), FORM),
    ],
)
def test_the_file_of_an_upload_is_found(body, content_type):
    assert attached(body, content_type) == Attached("image/png", 3)


def test_a_file_without_a_type_or_without_content_is_still_a_file():
    assert attached(form('Content-Disposition: form-data; name="file"\r\n\r\n'), FORM) == Attached("", 0)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", FORM),
        (form(), FORM),
        (form(OTHER), FORM),
        (form(FILE), ""),
        (form(FILE), "multipart/form-data"),
        (form(FILE), "multipart/form-data; boundary="),
        (form(FILE), "multipart/form-data; boundary=c"),
        (form(FILE), "application/json; boundary=b"),
        (form(FILE, end=""), FORM),  # cut off
        (form(FILE.replace('name="file"', 'name="other"')), FORM),
        (form(FILE.replace('"file"; filename="a.png"', '"other"; filename="file"')), FORM),
        (form(FILE.replace("Content-Disposition", "X")), FORM),
        (form(FILE.replace("\r\n\r\n", "\r\n")), FORM),
        (b'{"file": "abc"}', "application/json"),
    ],
)
def test_what_holds_no_file(body, content_type):
    assert attached(body, content_type) is None


@given(st.binary(), st.text())
def test_no_body_and_no_type_is_too_strange(body, content_type):
    attached(body, content_type)
    attached(body, f"multipart/form-data; boundary={content_type}")


@given(st.lists(st.sampled_from([b"--b", b"--", b"\r\n", b"\r\n\r\n", b'content-disposition: x; name="file"', b"x"])))
def test_no_arrangement_of_a_forms_parts_is_too_strange(pieces):
    found = attached(b"".join(pieces), FORM)

    assert found is None or found.size >= 0


@given(st.binary(max_size=300))
def test_the_size_is_that_of_what_a_client_attached(content):
    request = httpx.Request(
        "POST", "https://x.test", data={"type": "a/b"}, files={"file": ('\u00e9 "x".bin', content, "a/b")}
    )

    assert attached(request.read(), request.headers["content-type"]) == Attached("a/b", len(content))


@pytest.mark.parametrize(
    ("mime_type", "limit"),
    [
        ("image/jpeg", 5 * MB),
        ("image/png", 5 * MB),
        ("image/webp", 500 * 1024),
        ("video/mp4", 16 * MB),
        ("video/3gpp", 16 * MB),
        ("audio/ogg", 16 * MB),
        ("audio/ogg; codecs=opus", 16 * MB),
        ("application/pdf", 100 * MB),
        ("application/vnd.ms-excel", 100 * MB),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", 100 * MB),
        ("text/plain", 100 * MB),
        ("image/gif", None),
        ("", None),
    ],
)
def test_the_most_that_meta_takes(mime_type, limit):
    assert most_meta_takes(mime_type) == limit


# --- who may see the token --------------------------------------------------------------------------


def media(answer: Callable[[httpx.Request], httpx.Response], base_url: str = "https://graph.facebook.com") -> Media:
    http = httpx.Client(transport=httpx.MockTransport(answer), timeout=TIMEOUT)
    return Media(http, base_url=base_url, version="v25.0")


def forever() -> float:
    return 28.0


def nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url.host} was asked")


@pytest.mark.parametrize(
    "url",
    [
        "http://lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com:8443/x",
        "https://lookaside.fbsbx.com./x",
        "https://lookaside.fbsbx.com.evil.example/x",
        "https://evil.lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com@evil.example/x",
        "https://user:password@lookaside.fbsbx.com/x",
        "https://evil.example/lookaside.fbsbx.com",
        "https://evil.example\\@lookaside.fbsbx.com/x",
        "http://graph.facebook.com/x",
        "https://graph.facebook.com:444/x",
        "https://169.254.169.254/latest",
        "//lookaside.fbsbx.com/x",
        "lookaside.fbsbx.com/x",
        "file:///etc/passwd",
        "https://",
        "https://[::1",
        "https://xn--/",
        "https://\u0000/",
        "\x00",
        "",
        None,
        5,
        ["https://lookaside.fbsbx.com/x"],
    ],
)
def test_no_other_host_gets_the_token(url):
    with pytest.raises(GraphUnavailable) as caught:
        media(nobody).download({**INFO, "url": url}, TOKEN, largest=10, seconds_left=forever)
    assert TOKEN not in str(caught.value)


@given(st.text() | st.text().map(lambda text: f"https://{text}") | st.text().map(lambda text: f"https:{text}"))
def test_no_link_is_too_strange(url):
    with pytest.raises(GraphUnavailable):
        media(nobody).download({**INFO, "url": url}, TOKEN, largest=10, seconds_left=forever)


@pytest.mark.parametrize(
    ("url", "base_url"),
    [
        (LINK, "https://graph.facebook.com"),
        ("https://LOOKASIDE.fbsbx.com:443/x", "https://graph.facebook.com"),
        ("https://graph.facebook.com/x", "https://graph.facebook.com/"),
        ("http://127.0.0.1:8090/x", "http://127.0.0.1:8090"),
        (LINK, "http://127.0.0.1:8090"),
    ],
)
def test_metas_file_host_and_where_graph_is_get_it_in_a_header(url, base_url):
    seen = []

    def answering(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"abc", headers={"content-type": "image/png"})

    file = media(answering, base_url).download({**INFO, "url": url}, TOKEN, largest=3, seconds_left=forever)

    assert file is not None
    assert (file.content, file.mime_type) == (b"abc", "image/png")
    assert seen[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(seen[0].url)


def test_a_redirect_is_not_followed():
    def answering(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "lookaside.fbsbx.com"
        return httpx.Response(302, headers={"location": "https://evil.example/"})

    http = httpx.Client(transport=httpx.MockTransport(answering), follow_redirects=True)
    with pytest.raises(GraphUnavailable):
        Media(http, base_url="https://graph.facebook.com", version="v25.0").download(
            INFO, TOKEN, largest=10, seconds_left=forever
        )


# --- how much is held, and for how long -------------------------------------------------------------


class Endless(httpx.SyncByteStream):
    """A file that had better not be read to its end, and how much of it was."""

    read = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.read < 1_000_000:
            self.read += 1000
            yield b"x" * 1000
        raise AssertionError("all of it was read")


@pytest.mark.parametrize("size", [3, "4", None, 0, -1, "many", "9" * 5000, 1e9, True, [5]])
def test_a_file_that_is_larger_than_meta_said_is_dropped_at_the_limit(size):
    endless = Endless()

    file = media(lambda _: httpx.Response(200, stream=endless)).download(
        {**INFO, "file_size": size}, TOKEN, largest=5000, seconds_left=forever
    )

    assert file is None
    assert endless.read <= 6000


@pytest.mark.parametrize("size", [11, "12", 10**18])
def test_a_file_that_meta_says_is_too_large_is_not_asked_for(size):
    assert media(nobody).download({**INFO, "file_size": size}, TOKEN, largest=10, seconds_left=forever) is None


@pytest.mark.parametrize(("length", "is_given"), [(9, True), (10, True), (11, False)])
def test_the_limit_is_the_last_size_that_is_given(length, is_given):
    file = media(lambda _: httpx.Response(200, content=b"x" * length)).download(
        {**INFO, "file_size": 1}, TOKEN, largest=10, seconds_left=forever
    )

    assert (file is not None) == is_given


def test_a_file_that_comes_too_slowly_is_given_up():
    left = iter(range(20, -1000, -1))
    endless = Endless()

    with pytest.raises(GraphUnavailable):
        media(lambda _: httpx.Response(200, stream=endless)).download(
            INFO, TOKEN, largest=10**9, seconds_left=lambda: float(next(left))
        )
    assert endless.read < 30_000


def test_no_second_call_begins_that_could_outlast_the_caller():
    def info_only(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(200, json=INFO)

    with pytest.raises(GraphUnavailable):
        media(info_only).delete("7", TOKEN, seconds_left=lambda: 23.9)
    with pytest.raises(GraphUnavailable):
        media(nobody).download(INFO, TOKEN, largest=10, seconds_left=lambda: 11.9)


def test_one_call_ends_while_api_gateway_still_waits():
    for timeout in (TIMEOUT, FILE_TIMEOUT):
        assert sum(each or 99 for each in timeout.as_dict().values()) < 29


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404), NotFound),
        (httpx.Response(404, json={"error": {"code": 100}}), NotFound),
        (httpx.Response(401), GraphUnavailable),
        (httpx.Response(403, content=b"<html>"), GraphUnavailable),
        (httpx.Response(500), GraphUnavailable),
        (httpx.Response(503, json={"error": {"code": 2}}), GraphUnavailable),
        (httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"x")), GraphUnavailable),
        (httpx.ConnectError("refused"), GraphUnavailable),
        (httpx.ReadTimeout("silent"), GraphUnavailable),
        (httpx.RemoteProtocolError("cut off"), GraphUnavailable),
    ],
)
def test_no_file_comes(answer: httpx.Response | Exception, error: type[Exception]) -> None:
    def answering(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(error) as caught:
        media(answering).download(INFO, TOKEN, largest=10, seconds_left=forever)
    assert TOKEN not in str(caught.value)


# --- everything else of Graph's ---------------------------------------------------------------------


@pytest.mark.parametrize("body", [{}, {"id": "7"}, {**INFO, "url": 5}, {**INFO, "mime_type": None}, {"url": LINK}])
def test_what_has_the_id_and_is_no_medium_is_neither_shown_nor_deleted(body):
    def answering(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return httpx.Response(200, json=body)

    with pytest.raises(NotFound):
        media(answering).info("7", TOKEN)
    with pytest.raises(NotFound):
        media(answering).delete("7", TOKEN, seconds_left=forever)


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>", b'"x"'])
def test_an_answer_that_is_no_object_says_nothing(content):
    answering = media(lambda _: httpx.Response(200, content=content))

    with pytest.raises(GraphOutcomeUnknown):
        answering.info("7", TOKEN)
    with pytest.raises(GraphOutcomeUnknown):
        answering.upload("1000", TOKEN, form(FILE), FORM)


def test_a_number_is_named_only_where_it_must_be_checked():
    seen = []

    def answering(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url}")
        return httpx.Response(200, json=INFO if request.method == "GET" else {"success": True})

    media(answering).delete("7", TOKEN, seconds_left=forever)
    media(answering).delete("7", TOKEN, only_of="1000", seconds_left=forever)

    root = "https://graph.facebook.com/v25.0/7"
    assert seen == [
        f"GET {root}",
        f"DELETE {root}",
        f"GET {root}?phone_number_id=1000",
        f"DELETE {root}?phone_number_id=1000",
    ]


def test_what_names_an_object_cannot_become_a_path():
    seen = []

    def answering(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json=INFO)

    media(answering).info("../me?fields=x#", TOKEN)
    media(answering).upload("1/../2?x", TOKEN, b"", FORM)

    assert seen == [b"/v25.0/..%2Fme%3Ffields%3Dx%23", b"/v25.0/1%2F..%2F2%3Fx/media"]


def test_metas_no_is_passed_on():
    refusal = {"error": {"code": 100, "message": "(#100) no"}}

    with pytest.raises(GraphRejected) as caught:
        media(lambda _: httpx.Response(400, json=refusal)).upload("1000", TOKEN, form(FILE), FORM)
    assert caught.value.body == refusal
