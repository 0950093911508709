"""The edge of the Graph-compatible functions."""

import json
from typing import Any

import pytest

from casement.runtime.endpoint import endpoint
from casement.runtime.http import Response


def answer(path_parameters: dict[str, str]) -> dict[str, Any]:
    event = {"routeKey": "GET /{version}/{id}/messages", "pathParameters": path_parameters}
    return endpoint(lambda _: Response.json({"data": []}))(event, None)


@pytest.mark.parametrize("version", ["v25.0", "v2.12", "v100.0"])
def test_any_version_will_do(version):
    assert answer({"version": version, "id": "1"})["statusCode"] == 200


@pytest.mark.parametrize("version", ["nonsense", "25.0", "v25", "v25.0.1", "V25.0", "", "v٢.0"])
def test_what_is_no_version_is_another_path(version):
    refused = answer({"version": version, "id": "1"})

    assert refused["statusCode"] == 404
    assert json.loads(refused["body"])["error"]["code"] == 100


def test_a_bug_escapes():
    def broken(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        endpoint(broken)({"routeKey": "GET /"}, None)
