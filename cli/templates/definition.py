"""What makes a template: of what Meta says about one, that which Meta needs to make the same again.

Sets of templates are compared by what a customer sees and by what it costs. Examples don't count: reviewers see them,
and Meta tells those of media as links that end.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from casement.domain.template_shape import AUTHENTICATION, MEDIA_FORMATS, is_named, type_of, variables

Definition = Mapping[str, Any]
Place = tuple[str, str]  # name and language

GONE = frozenset({"DELETED", "PENDING_DELETION"})
OPTIONAL = ("message_send_ttl_seconds", "cta_url_link_tracking_opted_out")  # Meta has its own unless one says
_OTP_PATH = "/otp/code"
_SPELLED_ANYHOW = ("type", "format", "otp_type")


def place_of(definition: Definition) -> Place:
    """A template's identity within a WABA."""
    return str(definition.get("name", "")), str(definition.get("language", ""))


def is_there(listed: Definition) -> bool:
    """Whether a listed template still is one."""
    return str(listed.get("status", "")).upper() not in GONE


def creation(listed: Definition) -> dict[str, Any]:
    """What is POSTed to make the same template.

    Samples of media are left out where Meta tells them as links: they must be uploaded again. Of authentication
    templates Meta writes the words, and takes none.
    """
    shared = {name: listed[name] for name in ("name", "language", "category") if name in listed}
    optional = {name: listed[name] for name in OPTIONAL if listed.get(name) is not None}
    components = _objects(listed.get("components"))
    if str(listed.get("category")).upper() == AUTHENTICATION:
        return {**shared, **optional, "components": [_authentication(each) for each in components]}
    named = {"parameter_format": "NAMED"} if _has_variables(components) and is_named(listed) else {}
    return {**shared, **named, **optional, "components": [_each_part(each, _without_link) for each in components]}


def differences(wanted: Definition, there: Definition) -> tuple[str, ...]:
    """In what `there` is not what `wanted` asks for: names of fields, types of components.

    A field that Meta fills by itself is compared only where `wanted` has it.
    """
    one, other = creation(wanted), creation(there)
    fields = ("category", "parameter_format", *(name for name in OPTIONAL if name in one))
    parts, others = _by_type(one), _by_type(other)
    return (
        *(name for name in fields if one.get(name) != other.get(name)),
        *(kind for kind in dict.fromkeys((*parts, *others)) if parts.get(kind) != others.get(kind)),
    )


def _by_type(definition: Definition) -> dict[str, Any]:
    return {type_of(component): _comparable(component) for component in definition["components"]}


def _comparable(value: Any) -> Any:
    """A component in one spelling, without its examples."""
    if isinstance(value, list):
        return [_comparable(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: each.upper() if key in _SPELLED_ANYHOW and isinstance(each, str) else _comparable(each)
        for key, each in value.items()
        if key != "example"
    }


def _has_variables(components: list[dict[str, Any]]) -> bool:
    """Whether any text has some, in cards too: only then does it matter how they are named."""
    inner = [
        part for each in components for card in _objects(each.get("cards")) for part in _objects(card.get("components"))
    ]
    return any(variables(part.get("text")) for part in (*components, *inner))


def _each_part(component: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """The component, changed, and so the components of its cards."""
    if not isinstance(component.get("cards"), list):
        return change(component)
    cards = [
        {**card, "components": [change(part) for part in _objects(card.get("components"))]}
        for card in _objects(component["cards"])
    ]
    return {**component, "cards": cards}


def _without_link(component: dict[str, Any]) -> dict[str, Any]:
    """A component without its example, if that is the link to a medium: a handle, which an upload gives, may stay."""
    example = component.get("example")
    handles = example.get("header_handle") if isinstance(example, dict) else None
    handle = handles[0] if isinstance(handles, list) and handles else handles
    is_medium = type_of(component) == "HEADER" and str(component.get("format")).upper() in MEDIA_FORMATS
    if not is_medium or not isinstance(handle, str) or not handle.startswith("http"):
        return component
    return {name: value for name, value in component.items() if name != "example"}


def _authentication(component: dict[str, Any]) -> dict[str, Any]:
    """A component of an authentication template as one asks for it: without the words, with OTP buttons."""
    if type_of(component) == "BUTTONS":
        return {**component, "buttons": [_otp_button(each) for each in _objects(component.get("buttons"))]}
    return {name: value for name, value in component.items() if name not in ("text", "example")}


def _otp_button(button: dict[str, Any]) -> dict[str, Any]:
    """Meta tells an OTP button as one with a URL of its own, in which everything about it stands."""
    url = button.get("url")
    parts = urlsplit(url) if type_of(button) == "URL" and isinstance(url, str) else None
    if parts is None or not parts.path.startswith(_OTP_PATH):
        return {name: value for name, value in button.items() if name != "example"}
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    made = {"type": "OTP", "otp_type": said.get("otp_type", "COPY_CODE"), "text": button.get("text")}
    app = {name: said[name] for name in ("package_name", "signature_hash") if name in said}
    if len(app) == 2:
        made |= {"autofill_text": said.get("cta_display_name"), "supported_apps": [app]}
    return {name: value for name, value in made.items() if value is not None}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in (value if isinstance(value, list) else ()) if isinstance(each, dict)]
