"""`python -m local.simulator`: serve the simulator on loopback until it is told to stop."""

import argparse
import json
import logging
import os
import signal
import threading
from collections.abc import Mapping

from local.simulator.app import Simulator
from local.simulator.config import APP_SECRET, LOCAL_NUMBER, PORT, VERIFY_TOKEN, Number, Options
from local.simulator.server import HttpReceiver, Staller, running

SERVED_DELAY = 0.15
"""Seconds between an answer and its first status, and between statuses: enough to watch."""


def main() -> None:
    settings = _settings(os.environ)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    receiver, staller = HttpReceiver(settings.webhook_url), Staller(settings.stall)
    simulator = Simulator(
        numbers=_numbers(os.environ),
        app_secret=os.environ.get("SIMULATOR_APP_SECRET", APP_SECRET),
        verify_token=os.environ.get("SIMULATOR_VERIFY_TOKEN", VERIFY_TOKEN),
        deliver=receiver.deliver,
        verify=receiver.verify,
        ask=receiver.ask,
        options=Options(
            window_refusal=settings.window_refusal,
            auto_review=settings.auto_review,
            status_delay=SERVED_DELAY,
            late_delay=2 * SERVED_DELAY,
        ),
        unanswered=staller,
    )
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with running(simulator, settings.port) as url:
        print(f"Graph API simulator at {url}, webhooks to {settings.webhook_url}", flush=True)
        stopped.wait()
        staller.release()
    receiver.close()


def _settings(environment: Mapping[str, str]) -> argparse.Namespace:
    """Options of the command line; the environment gives the defaults."""
    api_port = environment.get("CASEMENT_PORT", "8080")
    webhook_url = environment.get("SIMULATOR_WEBHOOK_URL", f"http://127.0.0.1:{api_port}/webhook")
    parser = argparse.ArgumentParser(prog="python -m local.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=int(environment.get("SIMULATOR_PORT", PORT)))
    parser.add_argument("--webhook-url", default=webhook_url)
    parser.add_argument("--window-refusal", choices=("late", "sync"), default="late")
    habit = environment.get("SIMULATOR_AUTO_REVIEW", "never")
    parser.add_argument("--auto-review", type=_auto_review, default=habit, help="never, instant, or seconds")
    parser.add_argument("--stall", type=float, default=60.0, help="seconds that an unanswered call is kept waiting")
    return parser.parse_args()


def _auto_review(value: str) -> str | float:
    return value if value in {"never", "instant"} else float(value)


def _numbers(environment: Mapping[str, str]) -> tuple[Number, ...]:
    """SIMULATOR_NUMBERS: {"<phone_number_id>": {"waba_id", "display_phone_number", "token"}}."""
    given = json.loads(environment.get("SIMULATOR_NUMBERS", "{}"))
    return tuple(Number(phone_number_id, **number) for phone_number_id, number in given.items()) or (LOCAL_NUMBER,)


if __name__ == "__main__":
    main()
