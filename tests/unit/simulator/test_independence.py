"""The simulator judges what we do, so it must not share what we believe."""

from pathlib import Path

import local.simulator
from tests.support import fresh_interpreter


def test_the_simulator_knows_nothing_of_casement() -> None:
    modules = [f"local.simulator.{path.stem}" for path in Path(local.simulator.__file__).parent.glob("[a-z]*.py")]
    program = f"import sys, {', '.join(modules)}; print([name for name in sys.modules if name.startswith('casement')])"

    assert len(modules) > 30
    assert fresh_interpreter.run(program) == "[]\n"
