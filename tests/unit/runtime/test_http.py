"""What a function returns to API Gateway."""

import base64

from casement.runtime.http import Response


def test_text_goes_out_as_it_is():
    assert Response(200, "caf\u00e9", "text/plain").to_event() == {
        "statusCode": 200,
        "headers": {"content-type": "text/plain"},
        "body": "caf\u00e9",
    }


def test_bytes_go_out_in_base64():
    for content in (b"", b"\x00\xff"):
        assert Response(200, content_type="image/png", content=content).to_event() == {
            "statusCode": 200,
            "headers": {"content-type": "image/png"},
            "body": base64.b64encode(content).decode(),
            "isBase64Encoded": True,
        }


def test_bytes_are_not_printed():
    assert "secret" not in repr(Response(200, content=b"secret"))
