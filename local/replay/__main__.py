"""`python -m local.replay <folder>`: post every webhook of a folder, twice, and compare what is there afterwards.

The second time, the updates come shuffled and in other batches. Whatever the order, repetition and batching, Casement
must answer 200, show the same, and hold the same items, with no new record on the table's stream. (Items and records
can be seen on a local stack only.)
"""

import argparse
import hmac
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TextIO
from urllib.parse import quote

import httpx

from local.replay.compare import differences, without
from local.replay.cut import Update, cut, regroup
from local.stack.seed import API_KEY, APP_SECRET

VERSION = "v25.0"
AT_A_TIME = 4  # POSTs on their way together, the second time
IDLE_SECONDS = 120


@dataclass(frozen=True)
class Webhook:
    """A body to post, and what to call it in a report."""

    name: str
    body: bytes


@dataclass(frozen=True)
class Refused:
    name: str
    answer: str


class Casement:
    """The Casement under test, from outside."""

    def __init__(self, base: str, *, app_secret: str, api_key: str) -> None:
        self._app_secret = app_secret
        self._http = httpx.Client(base_url=base, timeout=60, trust_env=False)
        self._key = {"Authorization": f"Bearer {api_key}"}
        self.is_local = False

    def __enter__(self) -> "Casement":
        self.is_local = self._http.get("/_local/health").status_code == 200
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def post(self, webhook: Webhook) -> Refused | None:
        """Deliver a webhook, signed; what was answered if that was not 200."""
        signature = hmac.digest(self._app_secret.encode(), webhook.body, "sha256").hex()
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
        try:
            answer = self._http.post("/webhook", content=webhook.body, headers=headers)
        except httpx.HTTPError as error:
            return Refused(webhook.name, f"no answer ({type(error).__name__})")
        return None if answer.status_code == 200 else Refused(webhook.name, f"{answer.status_code} {answer.text:.200}")

    def shown(self, numbers: Iterable[str], wabas: Iterable[str]) -> dict[str, Any]:
        """Everything that the API shows of these numbers and WABAs, without what depends on the moment of asking."""
        paths = [f"/{quote(number, safe='')}/{what}" for number in numbers for what in ("conversations", "messages")]
        paths += [f"/{quote(waba, safe='')}/message_templates" for waba in wabas]
        return {path: without(self._listed(path), "server_now") for path in paths}

    def table(self) -> list[dict[str, Any]]:
        return list(self._http.get("/_local/items").raise_for_status().json()["items"])

    def records(self) -> int:
        """How many records the table's streams have had."""
        return sum(stream["records"] for stream in self._state()["streams"])

    def ticks(self) -> Any:
        """When schedules last called functions: those write by themselves, whatever webhooks do."""
        return self._state()["schedules"]

    def wait_idle(self, numbers: Iterable[str], wabas: Iterable[str]) -> None:
        """Return when all that was posted has been reacted to."""
        if self.is_local:
            self._http.get(
                "/_local/idle", params={"timeout": IDLE_SECONDS}, timeout=IDLE_SECONDS + 10
            ).raise_for_status()
            return
        deadline = time.monotonic() + IDLE_SECONDS  # elsewhere, idle is when nothing changes any more
        shown = self.shown(numbers, wabas)
        while time.monotonic() < deadline:
            time.sleep(3)
            before, shown = shown, self.shown(numbers, wabas)
            if before == shown:
                return

    def _state(self) -> Any:
        return self._http.get("/_local/state").raise_for_status().json()

    def _listed(self, path: str) -> list[Any]:
        """All pages of a list; for what is no list, the status and Graph's error code."""
        found: list[Any] = []
        query = {"limit": "100"}
        while True:
            answer = self._http.get(f"/{VERSION}{path}", params=query, headers=self._key)
            if answer.status_code != 200:
                return [answer.status_code, answer.json().get("error", {}).get("code")]
            page = answer.json()
            found += page["data"]
            after = page.get("paging", {}).get("cursors", {}).get("after")
            if "next" not in page.get("paging", {}) or not after:
                return found
            query["after"] = after


@dataclass(frozen=True)
class Seen:
    """What there is to see after a round of webhooks."""

    shown: dict[str, Any]
    table: list[dict[str, Any]] | None
    records: int | None
    ticks: Any


def look(casement: Casement, updates: Iterable[Update]) -> Seen:
    numbers = sorted({str(u.metadata["phone_number_id"]) for u in updates if _has_number(u)})
    wabas = sorted({str(u.entry["id"]) for u in updates if "id" in u.entry})
    casement.wait_idle(numbers, wabas)
    shown = casement.shown(numbers, wabas)
    if not casement.is_local:
        return Seen(shown, None, None, None)
    return Seen(shown, casement.table(), casement.records(), casement.ticks())


def replay(casement: Casement, webhooks: Sequence[Webhook], *, seed: int, out: TextIO) -> bool:
    """Post the webhooks, twice; True if all was answered 200 and the second time changed nothing."""
    pieces = {webhook.name: cut(webhook.body) for webhook in webhooks}
    updates = [update for piece in pieces.values() for update in piece or ()]
    uncut = [webhook for webhook in webhooks if pieces[webhook.name] is None]

    print(f"{len(webhooks)} files, {len(updates)} updates.", file=out)
    fine = _report("first, file by file", [casement.post(webhook) for webhook in webhooks], out)
    before = look(casement, updates)
    answers: list[Refused | None] = []
    for attempt in (1, 2):
        random = Random(seed)  # noqa: S311 - an order that can be had again, not a secret
        again = [Webhook(f"batch {n}", body) for n, body in enumerate(regroup(updates, random), 1)] + uncut
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            answers += pool.map(casement.post, again)
        after = look(casement, updates)
        if after.ticks == before.ticks or attempt == 2:
            break
        print("A schedule called its function meanwhile; once more.", file=out)
        before = after
    fine &= _report(f"again, shuffled (seed {seed})", answers, out)
    fine &= _same("what the API shows", before.shown, after.shown, out)
    if casement.is_local:
        fine &= _same("the table's items", before.table, after.table, out)
        fine &= _same("the stream's records", before.records, after.records, out)
        print(f"{len(before.table or ())} items, {before.records} stream records.", file=out)
    return fine


def _has_number(update: Update) -> bool:
    return isinstance(update.metadata, dict) and isinstance(update.metadata.get("phone_number_id"), str | int)


def _report(what: str, answers: Sequence[Refused | None], out: TextIO) -> bool:
    refused = [answer for answer in answers if answer is not None]
    print(f"Posted {what}: {len(answers) - len(refused)} of {len(answers)} answered 200.", file=out)
    for one in refused:
        print(f"  {one.name}: {one.answer}", file=out)
    return not refused


def _same(what: str, before: Any, after: Any, out: TextIO) -> bool:
    found = differences(before, after)
    print(f"{what[0].upper()}{what[1:]}: {'changed' if found else 'the same'}.", file=out)
    for difference in found:
        print(f"  {difference}", file=out)
    return not found


def main(arguments: Sequence[str], out: TextIO) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.replay", description=__doc__)
    parser.add_argument("corpus", type=Path, help="a folder with one webhook body a file (*.json)")
    parser.add_argument("--base", default="http://127.0.0.1:8080", help="where Casement is (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="decides the second order and its batches")
    given = parser.parse_args(arguments)
    webhooks = [Webhook(path.name, path.read_bytes()) for path in sorted(given.corpus.glob("*.json"))]
    if not webhooks:
        print(f"There is no *.json in {given.corpus}.", file=sys.stderr)
        return 2
    try:
        with Casement(
            given.base.rstrip("/"),
            app_secret=os.environ.get("APP_SECRET", APP_SECRET),
            api_key=os.environ.get("CASEMENT_API_KEY", API_KEY),
        ) as casement:
            return 0 if replay(casement, webhooks, seed=given.seed, out=out) else 1
    except httpx.HTTPError as error:
        print(f"Nothing usable answers at {given.base}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout))
