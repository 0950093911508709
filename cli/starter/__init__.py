"""The starter library: templates to begin with, one a file, in the shape in which Meta takes them.

A file holds what all its translations share, and `translations`, a list of `{"language", "components"}`. What goes to
Meta is one translation with what is shared, `creation`. Which purposes of a number they serve is a constant of its own,
`casement.domain.starter`, since the send path reads no files; a test keeps the two together.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Starter:
    """A template of the library. `components` are those of each language."""

    name: str
    purpose: str
    about: str
    category: str
    parameter_format: str | None  # None: it has no variables
    components: Mapping[str, tuple[Mapping[str, Any], ...]]

    def creation(self, language: str) -> dict[str, Any]:
        """What is POSTed to `/{waba_id}/message_templates` for one language."""
        shared = {"name": self.name, "language": language, "category": self.category}
        named = {"parameter_format": self.parameter_format} if self.parameter_format else {}
        return {**shared, **named, "components": list(self.components[language])}


@cache
def library() -> Mapping[str, Starter]:
    """All of it, by name."""
    return {
        path.stem: _starter(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(_FOLDER.glob("*.json"))
    }


def _starter(said: Mapping[str, Any]) -> Starter:
    return Starter(
        said["name"],
        said["purpose"],
        said["about"],
        said["category"],
        said.get("parameter_format"),
        {each["language"]: tuple(each["components"]) for each in said["translations"]},
    )
