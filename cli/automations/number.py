"""Whose automations are meant, and where they are kept: in the stack's table, so that no API key is needed."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import typer

from casement.domain.errors import AutomationsFaulty
from casement.store.automations import AutomationsOfNumbers
from cli.meta_secret import load
from cli.outside import Work
from cli.trouble import Trouble


@dataclass
class Asked:
    """What the options of `casement automations` say."""

    work: Work
    named: str | None = None
    as_json: bool = False

    @cached_property
    def number(self) -> str:
        """The phone number id that is meant: the named one, or the only one of the stack. Raises `Trouble`."""
        known = load(self.work.stack).get("numbers") or {}
        if self.named is not None:
            if self.named not in known:
                raise Trouble(f"The secret holds no number {self.named}. `casement secrets show` lists them.")
            return self.named
        match sorted(known):
            case [one]:
                return str(one)
            case []:
                raise Trouble("The secret holds no number yet. Fill it with: casement secrets set")
            case several:
                raise Trouble(f"The stack has the numbers {', '.join(several)}: choose with --phone-number-id.")

    @cached_property
    def store(self) -> AutomationsOfNumbers:
        """Where they are kept."""
        return AutomationsOfNumbers(self.work.stack.table)


def asked_of(ctx: typer.Context) -> Asked:
    """What the options made of this run."""
    asked: Asked = ctx.obj
    return asked


def print_json(value: Any) -> None:
    """A result for a script."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def faulty(file: str, error: AutomationsFaulty) -> Trouble:
    """Every fault of a file, a line each."""
    lines = (f"  {fault.path}: {fault.why}" if fault.path else f"  {fault.why}" for fault in error.faults)
    return Trouble("\n".join((f"{file} can't be applied:", *lines)))
