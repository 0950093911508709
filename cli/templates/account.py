"""Whose templates are meant: a stack's API, a key for it, and the WhatsApp Business Account (WABA)."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer

from cli.api import Api, api_of
from cli.meta_secret import load
from cli.outside import Outside, Work
from cli.stack import Stack, Where
from cli.trouble import Trouble

_NO_KEY = (
    "An API key is needed. Make one that may read and change templates, and put it into the environment: "
    "export CASEMENT_API_KEY=$(casement keys create --name templates --scope read --scope manage)"
)


@dataclass(frozen=True)
class Account:
    """One WABA, as a stack serves it."""

    api: Api
    waba_id: str
    stack: Stack
    outside: Outside
    number: str | None = None  # that was named

    def number_meant(self) -> str:
        """The phone number id to look through: the named one, or the only one of the WABA. Raises `Trouble`."""
        if self.number is not None:
            return self.number
        match [number for number, held in _numbers(self.stack).items() if held["waba_id"] == self.waba_id]:
            case [one]:
                return one
            case []:
                raise Trouble(f"The secret holds no number of WABA {self.waba_id}. Name one with --phone-number-id.")
            case several:
                raise Trouble(f"WABA {self.waba_id} has the numbers {_listed(several)}: choose with --phone-number-id.")


@dataclass(frozen=True)
class Asked:
    """What the options of `casement templates` say."""

    work: Work
    api_key: str | None = None
    waba: str | None = None
    number: str | None = None
    as_json: bool = False

    @contextmanager
    def account(self) -> Iterator[Account]:
        """The account that is meant, while one works with it. Raises `Trouble` where there is not one."""
        with opened(self.work.outside, self.work.stack, self.api_key, self.waba, self.number) as account:
            yield account

    @contextmanager
    def other(self, waba: str | None, stack: str | None, api_key: str | None) -> Iterator[Account]:
        """Another account: of this stack, or of the named one in the same AWS account and Region."""
        where = self.work.where
        there = self.work.stack
        if stack is not None:
            there = self.work.outside.open_stack(Where(stack, where.region, where.profile))
        same_key = self.api_key if stack is None else None
        with opened(self.work.outside, there, api_key or same_key, waba, None) as account:
            yield account


def asked_of(ctx: typer.Context) -> Asked:
    """What the options made of this run."""
    asked: Asked = ctx.obj
    return asked


def print_json(value: Any) -> None:
    """A result for a script."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def opened(
    outside: Outside, stack: Stack, api_key: str | None, waba: str | None, number: str | None
) -> Iterator[Account]:
    """An account of a stack. Which one it is is read from the secret, unless it is named."""
    with outside.http() as http:
        api = api_of(stack, http, api_key, outside.sleep, _NO_KEY)
        yield Account(api, _waba_meant(stack, waba, number), stack, outside, number)


def _waba_meant(stack: Stack, waba: str | None, number: str | None) -> str:
    if number is None and waba is not None:
        return waba
    numbers = _numbers(stack)
    if number is not None:
        return _waba_of(number, numbers, waba)
    match sorted({held["waba_id"] for held in numbers.values()}):
        case [one]:
            return str(one)
        case []:
            raise Trouble("The secret holds no number yet, so no account is known. Fill it with: casement secrets set")
        case several:
            raise Trouble(f"The stack serves the accounts {_listed(several)}: choose with --waba.")


def _waba_of(number: str, numbers: Mapping[str, Any], waba: str | None) -> str:
    held = numbers.get(number)
    if held is None:
        raise Trouble(f"The secret holds no number {number}. `casement secrets show` lists them.")
    if waba is not None and waba != held["waba_id"]:
        raise Trouble(f"The number {number} belongs to WABA {held['waba_id']}, not to {waba}: leave one of them out.")
    return str(held["waba_id"])


def _numbers(stack: Stack) -> Mapping[str, Any]:
    return load(stack).get("numbers") or {}


def _listed(ids: list[str]) -> str:
    return ", ".join(ids)
