"""Run a command that ends when whoever started it ends, however that happens.

    python -m local.stack.tether <command> [argument …]

The starter holds the other end of our standard input. When that end closes (a clean stop, a crash, `kill -9`)
the command is asked to end, and killed if it has not done so five seconds later. Ctrl-C at a terminal is for
the starter to handle, so a tether is started in a session of its own. Unlike Linux' death signals, this works
wherever Python does.
"""

import subprocess
import sys
import threading

GRACE_SECONDS = 5


def main(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - our caller's own command
    threading.Thread(target=_end_with_starter, args=(child,), daemon=True).start()
    return child.wait()


def _end_with_starter(child: "subprocess.Popen[bytes]") -> None:
    sys.stdin.buffer.read()
    child.terminate()
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
