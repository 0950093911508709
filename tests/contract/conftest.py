"""What the contract is tested against: the simulator always, Meta where credentials are present."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
import pytest

from local.simulator import LOCAL_NUMBER, Simulator
from local.simulator.config import APP_SECRET
from tests.support.flow_endpoint import FlowEndpoint

NOON = 1_795_000_000.0
ALICE = "16505550101"


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass
class Receiver:
    """An app's webhook endpoint: keeps what it was given, answers what it is told to, then 200."""

    bodies: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def __call__(self, body: bytes, headers: Mapping[str, str]) -> int:
        self.bodies.append(body)
        self.headers.append(headers)
        return self.answers.pop(0) if self.answers else 200


@dataclass
class Endpoint:
    """A Graph API: `client` has its base URL and token."""

    client: httpx.Client
    number: str
    waba: str
    recipient: str
    version: str = "v25.0"

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.client.get(f"/{self.version}/{path}", params=query)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.client.post(f"/{self.version}/{path}", json=body)

    def delete(self, path: str, **query: str) -> httpx.Response:
        return self.client.delete(f"/{self.version}/{path}", params=query)

    def send(self, **message: Any) -> httpx.Response:
        body = {"messaging_product": "whatsapp", "to": self.recipient, **message}
        return self.post(f"{self.number}/messages", {name: value for name, value in body.items() if value is not None})

    def send_text(self, text: str = "Hello", **message: Any) -> httpx.Response:
        return self.send(type="text", text={"body": text}, **message)

    def send_template(self, name: str, *texts: str, language: str = "en_US", **message: Any) -> httpx.Response:
        parameters = [{"type": "text", "text": text} for text in texts]
        components = [{"type": "body", "parameters": parameters}] if parameters else []
        template = {"name": name, "language": {"code": language}, "components": components}
        return self.send(type="template", template=template, **message)


def code_of(response: httpx.Response) -> int:
    """The Graph error code of a refusal."""
    error = response.json()["error"]
    assert error["fbtrace_id"]
    return int(error["code"])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def endpoint() -> FlowEndpoint:
    """What stands at every URL that the simulator asks about a Flow."""
    return FlowEndpoint(APP_SECRET)


@pytest.fixture
def simulator(clock: Clock, receiver: Receiver, endpoint: FlowEndpoint) -> Simulator:
    rng = Random(7)  # noqa: S311 - the same ids in every run
    return Simulator(
        clock=clock, deliver=receiver, verify=lambda query: (200, query["hub.challenge"]), ask=endpoint, rng=rng
    )


@contextmanager
def mounted(simulator: Simulator) -> Iterator[Endpoint]:
    """A client of this simulator, in process."""
    with httpx.Client(
        transport=httpx.WSGITransport(app=simulator),
        base_url="https://graph.example",
        headers={"Authorization": f"Bearer {LOCAL_NUMBER.token}"},
    ) as client:
        yield Endpoint(client, LOCAL_NUMBER.phone_number_id, LOCAL_NUMBER.waba_id, ALICE)


@pytest.fixture
def graph(simulator: Simulator) -> Iterator[Endpoint]:
    with mounted(simulator) as endpoint:
        yield endpoint


def meta() -> Endpoint:
    """Meta itself. CASEMENT_GRAPH_RECIPIENT gets real messages: a test number's own allowed recipient."""
    names = ("TOKEN", "NUMBER", "WABA", "RECIPIENT")
    found = {name: os.environ.get(f"CASEMENT_GRAPH_{name}", "") for name in names}
    if missing := [f"CASEMENT_GRAPH_{name}" for name, value in found.items() if not value]:
        pytest.skip(f"the real Graph API needs {', '.join(missing)}")
    client = httpx.Client(
        base_url=os.environ.get("CASEMENT_GRAPH_URL", "https://graph.facebook.com"),
        headers={"Authorization": f"Bearer {found['TOKEN']}"},
        timeout=30,
    )
    return Endpoint(client, found["NUMBER"], found["WABA"], found["RECIPIENT"])


@pytest.fixture(params=["simulator", "meta"])
def either(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """For what must hold at both: the simulator, and Meta where there are credentials."""
    if request.param == "simulator":
        yield request.getfixturevalue("graph")
        return
    endpoint = meta()
    with endpoint.client:
        yield endpoint
