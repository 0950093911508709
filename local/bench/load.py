"""Webhooks against the local stack over loopback, bounded in number."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import httpx

from casement.meta.signature import sign
from local.bench import Figure, webhooks

REQUESTS = 2_000
SENDERS = 8
_FIRST = 10**6


def webhooks_over_http(api_url: str) -> list[Figure]:
    """One-element webhooks from a few senders at once: how many a second, and how long the slowest hundredth takes."""
    bodies = [webhooks.messages(1, first=_FIRST + index) for index in range(REQUESTS)]
    signed = [(body, {"X-Hub-Signature-256": sign(webhooks.APP_SECRET, body)}) for body in bodies]
    turns = count()
    seconds: list[float] = []

    def post_all() -> None:
        with httpx.Client(base_url=api_url, timeout=30) as client:
            while (turn := next(turns)) < REQUESTS:
                body, headers = signed[turn]
                start = time.perf_counter()
                client.post("/webhook", content=body, headers=headers).raise_for_status()
                seconds.append(time.perf_counter() - start)

    started = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as senders:
        for sender in [senders.submit(post_all) for _ in range(SENDERS)]:
            sender.result()
    elapsed = time.perf_counter() - started
    seconds.sort()
    return [
        Figure(
            "local_webhook_rps",
            REQUESTS / elapsed,
            f"one-element webhooks a second on the local stack, {SENDERS} senders, {REQUESTS} in all",
        ),
        Figure("local_webhook_p99_ms", seconds[int(REQUESTS * 0.99)] * 1000, "their 99th percentile, in milliseconds"),
    ]
