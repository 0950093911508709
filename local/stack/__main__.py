"""`python -m local.stack`: start everything, play a first conversation, and stay up."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TextIO

from local.stack import follow_story, story, template_story
from local.stack.errors import StackError
from local.stack.runner import DEFAULT_PORT, DEFAULT_SIMULATOR_PORT, Options, Stack

STORY = (*story.FIRST_CONVERSATION, *template_story.A_TEMPLATE, *follow_story.WHAT_FOLLOWS)


def main(arguments: Sequence[str], out: TextIO) -> int:
    given = _parse(arguments)
    options = Options(
        template=given.template,
        port=given.port,
        simulator_port=None if given.no_simulator else given.simulator_port,
        graph_url=given.graph_url,
        aws_url=given.aws_url,
        state=given.state,
        keep=given.keep,
    )
    try:
        with Stack(options) as stack:
            return _run(stack, given, out)
    except StackError as error:
        print(f"\nThe local stack cannot run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=out)
        return 130 if given.demo else 0


def _run(stack: Stack, given: argparse.Namespace, out: TextIO) -> int:
    meta = f", and Meta's simulator at {stack.simulator_url}" if stack.simulator_url else ""
    print(f"Casement answers at {stack.api_url}{meta}.\n", file=out)
    told = True
    if stack.simulator_url and not given.no_story:
        with closing(story.Scene(stack.api_url, stack.simulator_url)) as scene:
            told = story.tell(STORY, scene, out)
    if given.demo:
        return 0 if told else 1
    if not told:
        print(f"The stack stays up, so that you can look; its logs are in {given.state}.\n", file=out)
    stack.announce()
    if stack.simulator_url:
        print(story.what_next(stack.api_url, stack.simulator_url), file=out)
    print("ready", file=out, flush=True)
    threading.Event().wait()  # until a signal
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__)
    parser.add_argument("--demo", action="store_true", help="play the first conversation, then stop; 0 if it went well")
    parser.add_argument("--no-story", action="store_true", help="start, and play nothing")
    parser.add_argument("--no-simulator", action="store_true", help="start no Meta simulator, and so play nothing")
    parser.add_argument("--port", type=int, default=int(os.environ.get("CASEMENT_PORT", DEFAULT_PORT)))
    parser.add_argument(
        "--simulator-port", type=int, default=int(os.environ.get("SIMULATOR_PORT", DEFAULT_SIMULATOR_PORT))
    )
    parser.add_argument("--graph-url", help="where functions find the Graph API, if not at the simulator")
    parser.add_argument("--aws-url", help="an AWS engine that is up already, with what is in it; none is started")
    parser.add_argument("--template", type=Path, default=Options.template)
    parser.add_argument("--state", type=Path, default=Options.state, help="folder for logs and data")
    parser.add_argument(
        "--keep", action="store_true", help="keep the data of the last run, and this one's for the next"
    )
    given = parser.parse_args(arguments)
    if given.demo and (given.no_simulator or given.no_story):
        parser.error("--demo plays the first conversation, which needs the simulator")
    return given


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    # All functions share this process's clients, so a pool may be full for a moment; it is nothing to look at.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, _interrupt)
    sys.setswitchinterval(0.001)  # a thread that computes may hold up an answer by 1 ms, not by the usual 5
    console = sys.stdout
    status = main(sys.argv[1:], console)
    console.flush()
    sys.stderr.flush()
    os._exit(status)  # a handler that still waits for something must not keep the process
