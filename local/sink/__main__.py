"""`python -m local.sink`: a subscriber to look at. Prints every event that comes, until it is told to stop."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import TextIO

from local.sink import OK, Behaviour, Got, Sink, fails

PORT = 9000


def main(arguments: Sequence[str], out: TextIO, stopped: threading.Event) -> None:
    parser = argparse.ArgumentParser(prog="python -m local.sink", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT, help="on 127.0.0.1")
    parser.add_argument("--status", type=int, default=200, help="the answer; 503 shows how an event is tried again")
    given = parser.parse_args(arguments)
    how = OK if given.status == 200 else fails(given.status)
    with Sink(answer=partial(show, out, how), port=given.port) as sink:
        print(f"Subscribe {sink.url}; what comes is shown here.", file=out, flush=True)
        stopped.wait()


def show(out: TextIO, how: Behaviour, got: Got) -> Behaviour:
    """Print an event; how it is answered."""
    try:
        text = json.dumps(got.event, indent=2, ensure_ascii=False)
    except ValueError:
        text = repr(got.body)
    print(f"{got.headers.get('webhook-id', '-')} answered {how.status}\n{text}\n", file=out, flush=True)
    return how


if __name__ == "__main__":
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    main(sys.argv[1:], sys.stdout, over)
