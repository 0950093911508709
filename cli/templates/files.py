"""Sets of templates in files: one JSON file, or a folder with one for each translation.

A file holds a template as it is created, `{"name", "language", "category", "components", …}`; a list of them; one with
several `translations`, `[{"language", "components"}]`, as in the starter library; or Meta's listing, `{"data": […]}`.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cli.templates.definition import Definition, creation, place_of
from cli.trouble import Trouble

STDIO = "-"


def read_set(path: str) -> list[Definition]:
    """All templates of a file or folder; - is stdin. Raises `Trouble`, which names the file and what it lacks."""
    if path == STDIO:
        found = [("stdin", each) for each in _templates_in("stdin", sys.stdin.read())]
    else:
        found = [(str(file), each) for file in _files(Path(path)) for each in _templates_in(str(file), _text(file))]
    if not found:
        raise Trouble(f"There is no template in {path}.")
    places: dict[tuple[str, str], str] = {}
    for file, template in found:
        name, language = place = place_of(template)
        if place in places:
            raise Trouble(f"{file}: there is {name} ({language}) already, in {places[place]}.")
        places[place] = file
    return [template for _, template in found]


def write_set(path: str, templates: Iterable[Definition]) -> list[str]:
    """Write templates into a file (if its name ends in .json; - is stdout), or one by one into a folder.

    Answers with the names of those JSON files in the folder that belong to none of them. Raises `Trouble`.
    """
    listed = list(templates)
    if path == STDIO:
        sys.stdout.write(_dumped(listed))
        return []
    target = Path(path)
    try:
        if target.suffix == ".json":
            target.write_text(_dumped(listed), encoding="utf-8")
            return []
        target.mkdir(parents=True, exist_ok=True)
        written = {_file_of(template): template for template in listed}
        for name, template in written.items():
            (target / name).write_text(_dumped(template), encoding="utf-8")
        return sorted(file.name for file in target.glob("*.json") if file.name not in written)
    except OSError as error:
        raise Trouble(f"{path} can't be written: {type(error).__name__}.") from None


def _file_of(template: Definition) -> str:
    return ".".join((*(re.sub(r"[^A-Za-z0-9_]", "-", part) for part in place_of(template)), "json"))


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.json")) if path.is_dir() else [path]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Trouble(f"{file} can't be read: there is no such file or folder.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{file} can't be read: {type(error).__name__}.") from None


def _templates_in(file: str, text: str) -> Iterator[dict[str, Any]]:
    try:
        said = json.loads(text)
    except ValueError as error:
        raise Trouble(f"{file} is no JSON: {error}.") from None
    listed = said.get("data", [said]) if isinstance(said, dict) else said
    for template in listed if isinstance(listed, list) else [listed]:
        if not isinstance(template, dict):
            raise Trouble(f"{file} holds something that is no template: a template is a JSON object.")
        yield from _translations(file, template)


def _translations(file: str, template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "translations" not in template:
        checked = _checked(file, template)
        yield creation(checked) if "status" in checked else checked  # what Meta says of one is not what it takes
        return
    shared = {name: value for name, value in template.items() if name not in ("translations", "purpose", "about")}
    translations = template["translations"]
    if not isinstance(translations, list) or not all(isinstance(each, dict) for each in translations):
        raise Trouble(f"{file}: translations is a list of objects, each with language and components.")
    yield from (_checked(file, {**shared, **each}) for each in translations)


def _checked(file: str, template: dict[str, Any]) -> dict[str, Any]:
    for name in ("name", "language"):
        if not isinstance(template.get(name), str) or not template[name]:
            raise Trouble(f"{file}: a template needs a {name}.")
    return template


def _dumped(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
