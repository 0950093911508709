"""CPU time, measured so that a busy machine disturbs it least: alternate, repeat, keep the smallest."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

ROUNDS_OF_PROCESSES = 15
ROUNDS_OF_CALLS = 60


def of_processes(
    programs: Sequence[str],
    *,
    python: str = sys.executable,
    env: Mapping[str, str],
    rounds: int = ROUNDS_OF_PROCESSES,
    flags: Sequence[str] = (),
    envs: Sequence[Mapping[str, str]] | None = None,
) -> list[float]:
    """The smallest user and system seconds that a fresh interpreter takes for each of `programs`."""
    best = [float("inf")] * len(programs)
    for _ in range(rounds):
        for index, program in enumerate(programs):
            own = envs[index] if envs else {}
            best[index] = min(best[index], _of_process([python, *flags, "-c", program], {**env, **own}))
    return best


def _of_process(command: Sequence[str], env: Mapping[str, str]) -> float:
    process = subprocess.Popen(command, env=dict(env))  # noqa: S603 - our own interpreter and program
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"a measured program failed: {command[-1]}")
    return used.ru_utime + used.ru_stime


def of_calls(calls: Sequence[tuple[Callable[[], object], int]], rounds: int = ROUNDS_OF_CALLS) -> list[float]:
    """The smallest CPU seconds of one call of each; a call is made as often a round as its number says."""
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for index, (call, times) in enumerate(calls):
            start = time.process_time()
            for _ in range(times):
                call()
            best[index] = min(best[index], (time.process_time() - start) / times)
    return best
