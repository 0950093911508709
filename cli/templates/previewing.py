"""`casement templates preview`: a template as a customer would see it, and whether it may go to them now."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from cli.outside import console
from cli.starter import library
from cli.templates.account import Account, asked_of, print_json
from cli.templates.bubble import bubble
from cli.templates.definition import Definition, is_there, place_of
from cli.templates.files import read_set
from cli.trouble import Trouble

_SAID_ALREADY = "Missing parameters: "  # each in a line of its own


def preview(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A template of the account.")] = None,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Its language; the only one if none is named.")
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(metavar="PURPOSE", help="Whichever template serves this purpose of the number.")
    ] = None,
    starter: Annotated[
        str | None, typer.Option(metavar="NAME", help="A template of the starter library, before it is submitted.")
    ] = None,
    file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Your own, before it is submitted: a JSON file; - is stdin.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="KEY=VALUE", help="A value for a variable; may be given again."),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="WA_ID", help="Whom it would go to: may it, now? A phone number or BSUID.")
    ] = None,
) -> None:
    """Show a template with its values, as a telephone does. Nothing is sent."""
    asked = asked_of(ctx)
    if sum(each is not None for each in (name, purpose, starter, file)) != 1:
        raise Trouble("Show which one? Give a NAME, or one of --purpose, --starter and --file.")
    values = dict(map(_value, param or []))
    with asked.account() as account:
        if name is not None:
            meant: dict[str, Any] = {"name": name, "language": _language(account, name, language)}
        elif purpose is not None:
            meant = {"purpose": purpose} | ({"language": language} if language else {})
        else:
            definition = _draft(starter, file, language)
            values = values or dict(examples(definition))
            meant = {"definition": definition}
        whom = {"contact": contact} if contact is not None else {}
        wanted = {"phone_number_id": account.number_meant(), **meant, **whom, "parameters": values}
        shown = account.api.preview(wanted)
    if asked.as_json:
        print_json(shown)
    else:
        _show(shown, contact)


def examples(definition: Definition) -> Iterator[tuple[str, str]]:
    """The values that a template itself gives for its variables, by the keys that fill them."""
    given = definition.get("components")
    for component in given if isinstance(given, list) else ():
        example = component.get("example") if isinstance(component, dict) else None
        if not isinstance(example, dict):
            continue
        for part, prefix in (("body", ""), ("header", "header.")):
            for each in _listed(example.get(f"{part}_text_named_params")):
                if isinstance(each, dict):
                    yield f"{prefix}{each.get('param_name')}", str(each.get("example"))
            row = _listed(example.get(f"{part}_text"))
            values = _listed(row[0]) if row and isinstance(row[0], list) else row
            yield from ((f"{prefix}{place}", str(value)) for place, value in enumerate(values, start=1))


def _value(given: str) -> tuple[str, Any]:
    """`customer=Ana`; an object, such as a medium, as JSON: `header={"link": "https://…"}`."""
    key, equals, value = given.partition("=")
    if not equals or not key:
        raise typer.BadParameter(f"{given!r} is no KEY=VALUE.", param_hint="--param")
    if not value.startswith("{"):
        return key, value
    try:
        return key, json.loads(value)
    except ValueError:
        raise typer.BadParameter(f"The value of {key} begins like JSON and is none.", param_hint="--param") from None


def _language(account: Account, name: str, wanted: str | None) -> str:
    """The language that is meant: the named one, or the only one. Raises `Trouble` where the template is not in it."""
    listed = account.api.templates(account.waba_id, {"name": name})
    match sorted(place_of(each)[1] for each in listed if is_there(each) and place_of(each)[0] == name):
        case [*there] if there and wanted is not None:
            if wanted not in there:
                raise Trouble(f"There is no {name} in {wanted!r}: it is there in {', '.join(there)}.")
            return wanted
        case [one]:
            return one
        case []:
            raise Trouble(
                f"WABA {account.waba_id} has no template {name}. `casement templates list` shows what it has."
            )
        case several:
            raise Trouble(f"{name} is there in {', '.join(several)}: choose with --language.")


def _draft(starter: str | None, file: str | None, language: str | None) -> Definition:
    """The one template of the library, or of a file, that is meant."""
    if starter is not None:
        known = library().get(starter)
        if known is None:
            raise Trouble(f"There is no {starter!r} in the starter library: see casement templates submit --list")
        drafts: Sequence[Definition] = [known.creation(each) for each in known.components]
        language = language or next(iter(known.components))
    else:
        drafts = read_set(str(file))
    match [each for each in drafts if language is None or each["language"] == language]:
        case [one]:
            return one
        case []:
            raise Trouble(f"It is not there in {language!r}, but in {', '.join(_languages(drafts))}.")
        case several:
            raise Trouble(
                f"There are {len(several)} templates: choose with --language, {', '.join(_languages(several))}."
            )


def _languages(drafts: Sequence[Definition]) -> list[str]:
    return sorted({str(each["language"]) for each in drafts})


def _show(shown: Mapping[str, Any], contact: str | None) -> None:
    template = shown.get("template") or {}
    if shown.get("message"):
        console().print(bubble(shown["message"]))
    facts = [template.get("category"), template.get("status")]
    if template.get("name"):
        typer.echo(f"{template['name']} ({template.get('language')}): {', '.join(filter(None, facts))}")
    for key in shown.get("missing") or ():
        typer.echo(f"It still needs: --param {key}=…")
    for misfit in shown.get("misfits") or ():
        if not str(misfit.get("why")).startswith(_SAID_ALREADY):
            typer.echo(f"Does not fit, {misfit.get('where')}: {misfit.get('why')}")
    for fault in shown.get("faults") or ():
        typer.echo(f"Faulty, {fault.get('path') or 'as a whole'}: {fault.get('why')}")
    for passed in shown.get("candidates") or ():
        typer.echo(f"Passed over: {passed.get('name')} ({passed.get('language') or 'any'}): {passed.get('why')}")
    whom = f" to {contact}" if contact else ""
    can_send = shown.get("can_send")  # None of what has not been submitted
    answer = "Not yet" if can_send is None else "Yes" if can_send else "No"
    typer.echo(f"May it go{whom} now? {answer}. {shown.get('why') or ''}".rstrip())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
