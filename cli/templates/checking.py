"""What Meta would not take, told before it is asked: the rules that the functions go by too."""

from collections.abc import Iterable

from casement.domain.template_rules import faults as faults_of
from casement.domain.template_rules import library_faults
from cli.api import Fault
from cli.templates.definition import Definition, Place, place_of


def faults(template: Definition) -> tuple[str, ...]:
    """Every reason for which Meta would not take this template, each with its place in it."""
    found = library_faults(template) if "library_template_name" in template else faults_of(template)
    return tuple(str(Fault(each.path, each.why)) for each in found)


def faulty(templates: Iterable[Definition]) -> dict[Place, tuple[str, ...]]:
    """Those that Meta would not take, and why."""
    return {place_of(each): wrong for each in templates if (wrong := faults(each))}
