"""A group of commands whose own options may stand anywhere after its name: the parser wants them before a command."""

from collections.abc import Collection, Iterable
from typing import Any

from typer.core import TyperGroup


class OptionsAnywhere(TyperGroup):
    """A group whose own options may stand anywhere on the rest of the line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = [each for each in self.params if each.param_type_name == "option"]
        flags = {name for each in options if getattr(each, "is_flag", False) for name in each.opts}
        with_value = {name for each in options for name in each.opts} - flags
        return super().parse_args(ctx, put_first(args, with_value, flags))


def put_first(arguments: Iterable[str], with_value: Collection[str], flags: Collection[str]) -> list[str]:
    """The same arguments with these options in front, in their order."""
    ours: list[str] = []
    others: list[str] = []
    left = iter(arguments)
    for argument in left:
        name, has_value, _ = argument.partition("=")
        if argument == "--":
            others += [argument, *left]
        elif argument in flags or (name in with_value and has_value):
            ours.append(argument)
        elif name in with_value:
            ours += [argument, *([value] if (value := next(left, None)) is not None else [])]
        else:
            others.append(argument)
    return ours + others
