"""How soon a customer is answered by an automation, on the local stack: from the webhook's 200 to the call at Meta."""

import json
import time

import httpx

from local.bench import Figure
from local.stack.seed import API_KEY

CUSTOMERS = 100
APART_SECONDS = 0.3  # between two customers
RULES = {"answer": "Thank you! We are looking into it."}
REMEMBERED_SECONDS = 5.5  # functions remember rules for five
PATIENCE_SECONDS = 60
MOST_MS = 1_000


def autoreplies(api_url: str, simulator_url: str) -> Figure:
    """Customers write, one after the other, and each is answered."""
    key = {"Authorization": f"Bearer {API_KEY}"}
    phones = [f"1650888{index:04}" for index in range(CUSTOMERS)]
    with (
        httpx.Client(base_url=f"{api_url}/casement/v1", headers=key, timeout=30) as api,
        httpx.Client(base_url=f"{simulator_url}/_control", timeout=30) as meta,
    ):
        api.put("/automations", json=RULES).raise_for_status()
        time.sleep(REMEMBERED_SECONDS)
        wrote = {}
        for phone in phones:
            answer = meta.post("/inbound", json={"from": phone, "text": "Is the blue one still there?"})
            wrote[phone] = answer.raise_for_status().json()["id"]
            time.sleep(APART_SECONDS)
        replied = _replied(meta, phones)
        accepted = _accepted(meta)
        api.put("/automations", json={}).raise_for_status()
    seconds = sorted(replied[phone] - accepted[wrote[phone]] for phone in phones)
    return Figure(
        "autoreply_p95_ms",
        seconds[int(CUSTOMERS * 0.95)] * 1000,
        f"from a webhook's 200 to the reply's Graph call, local stack, 95th percentile of {CUSTOMERS}, in milliseconds",
        MOST_MS,
    )


def _replied(meta: httpx.Client, phones: list[str]) -> dict[str, float]:
    """When Meta was called with the answer to each of them."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        sent = {each["wa_id"]: each["at"] for each in meta.get("/sent").raise_for_status().json()["data"]}
        if sent.keys() >= set(phones):
            return sent
        time.sleep(0.5)
    raise RuntimeError(f"of {len(phones)} customers only {len(sent.keys() & set(phones))} were answered")


def _accepted(meta: httpx.Client) -> dict[str, float]:
    """When the webhook of each message was answered 200, by the message's id."""
    told = {}
    for webhook in meta.get("/webhooks").raise_for_status().json()["finished"]:
        for entry in json.loads(webhook["body"])["entry"]:
            for change in entry["changes"]:
                for message in change["value"].get("messages", ()):
                    told[message["id"]] = webhook["answered_at"][-1]
    return told
