import pytest

from local.stack.routing import Router
from local.stack.template import HttpRoute

ROUTES = [
    HttpRoute("ANY", "$default"),
    HttpRoute("ANY", "/{proxy+}"),
    HttpRoute("GET", "/{version}/{id}/messages"),
    HttpRoute("ANY", "/{version}/{id}/messages"),
    HttpRoute("GET", "/{version}/{id}/messages/{message_id}"),
    HttpRoute("GET", "/v1/special/messages"),
    HttpRoute("ANY", "/webhook"),
    HttpRoute("POST", "/webhook"),
    HttpRoute("GET", "/files/{path+}"),
]


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("POST", "/webhook", "POST /webhook", {}),
        ("PUT", "/webhook", "ANY /webhook", {}),
        ("GET", "/v25.0/10/messages", "GET /{version}/{id}/messages", {"version": "v25.0", "id": "10"}),
        ("POST", "/v25.0/10/messages", "ANY /{version}/{id}/messages", {"version": "v25.0", "id": "10"}),
        ("GET", "/v1/special/messages", "GET /v1/special/messages", {}),
        ("GET", "/v1/a%2Fb/messages", "GET /{version}/{id}/messages", {"version": "v1", "id": "a/b"}),
        ("GET", "/files/a/b%20c", "GET /files/{path+}", {"path": "a/b c"}),
        ("POST", "/files/a", "ANY /{proxy+}", {"proxy": "files/a"}),
        ("GET", "/webhook/", "ANY /{proxy+}", {"proxy": "webhook/"}),
        ("GET", "/v1//messages", "ANY /{proxy+}", {"proxy": "v1//messages"}),
        ("GET", "/", "$default", {}),
    ],
)
def test_the_most_specific_route_takes_a_request(method, path, key, parameters):
    router = Router((route, route.key) for route in ROUTES)

    match = router.match(method, path)

    assert match is not None
    assert (match.target, match.route.key, match.path_parameters) == (key, key, parameters)


def test_without_a_default_route_some_requests_have_none():
    router = Router([(HttpRoute("GET", "/a"), "a")])

    assert router.match("GET", "/b") is None
    assert router.match("POST", "/a") is None
    assert router.match("GET", "/a/b") is None
