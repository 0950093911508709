"""Templates for property tests: such as Meta takes, and such as have something wrong with them.

`valid_templates()` are right by construction and spelled as Meta gives templates back; `templates()` are whatever a
client may want created: right ones, right ones in lower case, ones with a few things changed, and no templates at all.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.support.template_aims import Place, aims, at, places, stretched
from tests.support.webhooks import any_json

Json = dict[str, Any]

CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
LANGUAGES = ("en", "en_US", "es", "pt_BR", "ar", "he", "zh_CN", "fil", "prs_AF")
TTL_SECONDS = {"AUTHENTICATION": (30, 900), "UTILITY": (30, 43_200), "MARKETING": (43_200, 2_592_000)}

_WORDS = (
    "Hello",
    "your",
    "order",
    "No.",
    "día",
    "שלום",
    "مرحبا",
    "您好",
    "ขอบคุณ",
    "100%",
    "{ok}",
    "a&b",
    "(now)",
    "#7",
    "don't",
)
_BODY_WORDS = (*_WORDS, "*new*", "_soft_", "🎉", "line\nbreak", "https://x.test/?a={b}")
_LENGTHS = tuple(limit + more for limit in (11, 15, 16, 20, 25, 60, 160, 600, 1024, 2000) for more in (0, 1))
_HANDLE = "4::aW1hZ2U="

names = st.text("abcxyz_019", min_size=1, max_size=20)
variable_names = names.filter(lambda name: not name.isdigit())


# --- texts ---------------------------------------------------------------------------------------------------------


@st.composite
def labels(draw: st.DrawFn, longest: int = 25) -> str:
    """A text without variables, line breaks, formatting and emoji."""
    return " ".join(draw(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=5)))[:longest].strip()


@st.composite
def texts(draw: st.DrawFn, variables: Sequence[str], words: Sequence[str] = _BODY_WORDS) -> str:
    """A text with these variables: none first, none last, none next to another, and with words enough for them."""
    piece = st.lists(st.sampled_from(words), min_size=2, max_size=4).map(" ".join)
    text = draw(piece)
    for name in variables:
        braces = draw(st.sampled_from(["{{%s}}", "{{%s}}", "{{ %s }}"])) % name
        text += draw(st.sampled_from([" ", ": ", "\n", " ("])) + braces + draw(st.sampled_from([" ", ", ", "! ", ") "]))
        text += draw(piece)
    return text


@st.composite
def variables(draw: st.DrawFn, named: bool, most: int) -> list[str]:
    """The names or numbers of a text's variables, each once."""
    if named:
        return draw(st.lists(variable_names, unique=True, max_size=most))
    numbers = [str(number + 1) for number in range(draw(st.integers(0, most)))]
    return draw(st.permutations(numbers) if draw(st.integers(0, 4)) == 0 else st.just(numbers))


def _examples(part: str, found: Sequence[str], named: bool) -> Json:
    if not found:
        return {}
    if named:
        given = [{"param_name": name, "example": f"Sample {index}"} for index, name in enumerate(found)]
        return {"example": {f"{part}_text_named_params": given}}
    row = [f"Sample {index}" for index in range(len(found))]
    return {"example": {f"{part}_text": [row] if part == "body" else row}}


# --- components ----------------------------------------------------------------------------------------------------


@st.composite
def text_headers(draw: st.DrawFn, named: bool) -> Json:
    found = draw(variables(named, 1))
    text = draw(texts(found, ("Our", "sale", "您好", "No.", "#7")) if found else labels(60)).replace("\n", " ")
    return {"type": "HEADER", "format": "TEXT", "text": text, **_examples("header", found, named)}


def media_headers(*formats: str) -> st.SearchStrategy[Json]:
    example = {"header_handle": [_HANDLE]}
    return st.sampled_from(formats).map(lambda format_: {"type": "HEADER", "format": format_, "example": example})


def headers(named: bool) -> st.SearchStrategy[Json]:
    return (
        text_headers(named)
        | media_headers("IMAGE", "VIDEO", "GIF", "DOCUMENT")
        | st.just({"type": "HEADER", "format": "LOCATION"})
    )


@st.composite
def bodies(draw: st.DrawFn, named: bool, most: int = 4) -> Json:
    found = draw(variables(named, most))
    return {"type": "BODY", "text": draw(texts(found)), **_examples("body", found, named)}


def footers() -> st.SearchStrategy[Json]:
    return st.builds(lambda text: {"type": "FOOTER", "text": text}, labels(60))


@st.composite
def url_buttons(draw: st.DrawFn) -> Json:
    """Half of them with a variable."""
    button: Json = {"type": "URL", "text": draw(labels()), "url": "https://shop.test/orders"}
    if draw(st.booleans()):
        button |= {"url": "https://shop.test/orders/{{1}}", "example": ["https://shop.test/orders/A-1042"]}
    return button


def quick_replies() -> st.SearchStrategy[Json]:
    return st.builds(lambda text: {"type": "QUICK_REPLY", "text": text}, labels())


def phone_buttons() -> st.SearchStrategy[Json]:
    return st.builds(lambda text: {"type": "PHONE_NUMBER", "text": text, "phone_number": "+15550051310"}, labels())


def coupon_buttons() -> st.SearchStrategy[Json]:
    return st.just({"type": "COPY_CODE", "example": "SAVE20"})


@st.composite
def flow_buttons(draw: st.DrawFn) -> Json:
    flow = draw(st.sampled_from([{"flow_id": "1234"}, {"flow_name": "sign_up"}, {"flow_json": '{"version": "7.0"}'}]))
    return {"type": "FLOW", "text": draw(labels()), **flow, "flow_action": "navigate", "navigate_screen": "START"}


def catalog_buttons() -> st.SearchStrategy[Json]:
    return st.sampled_from(["CATALOG", "MPM", "VOICE_CALL"]).map(lambda kind: {"type": kind, "text": "View items"})


@st.composite
def button_rows(draw: st.DrawFn) -> Json:
    """A BUTTONS component: quick replies before or after the others."""
    replies = draw(st.lists(quick_replies(), max_size=4))
    urls = draw(st.lists(url_buttons(), max_size=2))
    once = draw(st.sets(st.sampled_from([phone_buttons, coupon_buttons, flow_buttons, catalog_buttons]), max_size=2))
    others = [*urls, *(draw(kind()) for kind in sorted(once, key=lambda kind: kind.__name__))]
    row = draw(st.sampled_from([replies + others, others + replies])) or [draw(quick_replies())]
    return {"type": "BUTTONS", "buttons": row}


@st.composite
def carousels(draw: st.DrawFn, named: bool) -> Json:
    """Two to four cards of one make-up."""
    header = draw(media_headers("IMAGE", "VIDEO") | st.just({"type": "HEADER", "format": "PRODUCT"}))
    has_body = draw(st.booleans())
    button = draw(st.lists(st.sampled_from([quick_replies, url_buttons, phone_buttons]), max_size=2, unique=True))
    cards = []
    for _ in range(draw(st.integers(2, 4))):
        parts = [deepcopy(header)]
        if has_body:
            parts.append(draw(_card_bodies(named)))
        if button:
            parts.append({"type": "BUTTONS", "buttons": [draw(kind()) for kind in button]})
        cards.append({"components": parts})
    return {"type": "CAROUSEL", "cards": cards}


@st.composite
def _card_bodies(draw: st.DrawFn, named: bool) -> Json:
    found = draw(variables(named, 2))
    return {"type": "BODY", "text": draw(texts(found, _WORDS)), **_examples("body", found, named)}


@st.composite
def offers(draw: st.DrawFn) -> Json:
    terms: Json = {"text": draw(labels(16))}
    return {"type": "LIMITED_TIME_OFFER", "limited_time_offer": terms | draw(_some({"has_expiration": st.booleans()}))}


@st.composite
def otp_buttons(draw: st.DrawFn) -> Json:
    kind = draw(st.sampled_from(["COPY_CODE", "ONE_TAP", "ZERO_TAP"]))
    button: Json = {"type": "OTP", "otp_type": kind, **draw(_some({"text": labels()}))}
    if kind != "COPY_CODE":
        app = {"package_name": "com.example.shop", "signature_hash": "K8a/AINcGX7"}
        button["supported_apps"] = [app] * draw(st.integers(1, 5))
        button |= draw(_some({"autofill_text": labels()}))
    if kind == "ZERO_TAP":
        button["zero_tap_terms_accepted"] = True
    return button


def _some(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Json]:
    """An object with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


# --- whole templates -----------------------------------------------------------------------------------------------


@st.composite
def _frames(draw: st.DrawFn, category: str, named: bool) -> Json:
    """A template without its components."""
    lowest, highest = TTL_SECONDS[category]
    return {
        "name": draw(names),
        "language": draw(st.sampled_from(LANGUAGES)),
        "category": category,
        "parameter_format": "NAMED" if named else "POSITIONAL",
        **draw(_some({"message_send_ttl_seconds": st.just(-1) | st.integers(lowest, highest)})),
    }


@st.composite
def plain_templates(draw: st.DrawFn) -> Json:
    """Header, body, footer, buttons, of which only the body must be there."""
    named = draw(st.booleans())
    parts: dict[str, st.SearchStrategy[Any]] = {
        "header": headers(named),
        "footer": footers(),
        "buttons": button_rows(),
    }
    given = draw(_some(parts))
    around = [given.get("header"), draw(bodies(named)), given.get("footer"), given.get("buttons")]
    frame = draw(_frames(draw(st.sampled_from(["MARKETING", "UTILITY"])), named))
    return frame | {"components": [part for part in around if part]}


@st.composite
def offer_templates(draw: st.DrawFn) -> Json:
    named = draw(st.booleans())
    row = [draw(coupon_buttons()), draw(url_buttons())][draw(st.integers(0, 1)) :]
    parts = [draw(offers()), draw(bodies(named)), {"type": "BUTTONS", "buttons": row}]
    if draw(st.booleans()):
        parts.insert(0, draw(media_headers("IMAGE", "VIDEO")))
    return draw(_frames("MARKETING", named)) | {"components": parts}


@st.composite
def carousel_templates(draw: st.DrawFn) -> Json:
    named = draw(st.booleans())
    return draw(_frames("MARKETING", named)) | {"components": [draw(bodies(named)), draw(carousels(named))]}


@st.composite
def call_permission_templates(draw: st.DrawFn) -> Json:
    named = draw(st.booleans())
    frame = draw(_frames(draw(st.sampled_from(["MARKETING", "UTILITY"])), named))
    return frame | {"components": [draw(bodies(named)), {"type": "CALL_PERMISSION_REQUEST"}]}


@st.composite
def authentication_templates(draw: st.DrawFn) -> Json:
    """Meta writes the text of these."""
    body = {"type": "BODY", **draw(_some({"add_security_recommendation": st.booleans()}))}
    footer = {"type": "FOOTER", "code_expiration_minutes": draw(st.integers(1, 90))}
    parts = [body, *([footer] if draw(st.booleans()) else []), {"type": "BUTTONS", "buttons": [draw(otp_buttons())]}]
    return draw(_frames("AUTHENTICATION", named=False)) | {"components": parts}


def valid_templates() -> st.SearchStrategy[Json]:
    """Templates that Meta takes, of every kind, in the spelling in which Meta gives them back."""
    return (
        plain_templates()
        | plain_templates()
        | offer_templates()
        | carousel_templates()
        | call_permission_templates()
        | authentication_templates()
    )


@st.composite
def templates(draw: st.DrawFn) -> Any:
    """Whatever a client may want created: about as many that Meta takes as that it refuses."""
    return draw(
        [valid_templates(), valid_templates().map(respelled), changed(valid_templates()), any_json][draw(_share)]
    )


_share = st.sampled_from([0] * 2 + [1] * 2 + [2] * 8 + [3])


@st.composite
def library_templates(draw: st.DrawFn) -> Json:
    """Templates that Meta takes as made from one of its library."""
    frame = draw(_frames(draw(st.sampled_from(["UTILITY", "AUTHENTICATION"])), named=False))
    url = {"base_url": "https://shop.test/{{1}}", "url_suffix_example": "https://shop.test/A-1042"}
    inputs = st.sampled_from(
        [
            {"type": "URL", "url": url},
            {"type": "URL", "url": {"base_url": "https://shop.test"}},
            {"type": "PHONE_NUMBER", "phone_number": "+15550051310"},
            {"type": "QUICK_REPLY"},
        ]
    )
    body: dict[str, st.SearchStrategy[Any]] = {
        "add_contact_number": st.booleans(),
        "add_track_package_link": st.booleans(),
        "code_expiration_minutes": st.integers(1, 90),
    }
    more: dict[str, st.SearchStrategy[Any]] = {
        "library_template_button_inputs": st.lists(inputs | otp_buttons(), max_size=3) | st.just("[{'type': 'URL'}]"),
        "library_template_body_inputs": _some(body) | st.lists(_some(body), max_size=2),
    }
    return frame | {"library_template_name": "delivery_update_1"} | draw(_some(more))


@st.composite
def edits(draw: st.DrawFn) -> tuple[Any, Json]:
    """What a client may want changed, and the template as Meta gives it."""
    current = draw(valid_templates()) | {"id": "1", "status": draw(st.sampled_from(["APPROVED", "REJECTED", "PAUSED"]))}
    others = [
        changed(st.just(current)),
        changed(st.just(current)),
        changed(valid_templates()),
        valid_templates(),
        any_json,
    ]
    other = draw(draw(st.sampled_from(others)))
    if not isinstance(other, dict):
        return other, current
    most = st.sampled_from(["components", "category", "message_send_ttl_seconds", "parameter_format"])
    keys = draw(st.sets(most, min_size=1) | st.sets(st.sampled_from([*current, "cta_url_link_tracking_opted_out"])))
    return {key: other.get(key) for key in sorted(keys)}, current


# --- something wrong -----------------------------------------------------------------------------------------------

_KINDS = (
    "HEADER",
    "BODY",
    "FOOTER",
    "BUTTONS",
    "CAROUSEL",
    "LIMITED_TIME_OFFER",
    "CALL_PERMISSION_REQUEST",
    "GREETING",
)
_BUTTON_KINDS = ("QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE", "OTP", "FLOW", "SPM", "APP", "REQUEST_CONTACT_INFO")
_FORMATS = ("TEXT", "IMAGE", "GIF", "DOCUMENT", "LOCATION", "PRODUCT", "HOLOGRAM")
_OTP_TYPES = ("COPY_CODE", "ONE_TAP", "ZERO_TAP", "NO_BUTTONS", "TWO_TAP")
_NUMBERS = (-1, 0, 1, 29, 30, 90, 91, 900, 901, 43_199, 43_200, 43_201, 2_592_000, 2_592_001, 10**40, 1.5, True, False)
_VALUES: tuple[Any, ...] = (
    *_KINDS,
    *_BUTTON_KINDS,
    *_FORMATS,
    *_OTP_TYPES,
    *_NUMBERS,
    None,
    "",
    "  ",
    [],
    {},
    "NAMED",
    "en-US",
    "x",
    "1",
)
_EDITS: tuple[tuple[str, str], ...] = (
    ("{{1}}", "{{2}}"),
    ("{{2}}", "{{1}}"),
    ("{{1}}", "{{one}}"),
    ("}}", "}"),
    ("{{", "{"),
    ("{{", "{{{"),
    (" ", " {{1}} "),
    ("https:", ""),
    (" ", ""),
)
_ADDED = ("{{1}}", " {{9}}", "{{}}", "\n", "*", "🎉", "\ud800", "{{", "}}", " and more", "A", "-")


def respelled(template: Json) -> Json:
    """The same with Meta's words in lower case, as Meta's own pages have them."""
    lowered = ("type", "format", "category", "parameter_format", "otp_type")

    def spell(value: Any) -> Any:
        if isinstance(value, list):
            return [spell(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {key: each.lower() if key in lowered else spell(each) for key, each in value.items()}

    return {key: spell(value) for key, value in spell(template).items()}


@st.composite
def changed(draw: st.DrawFn, originals: st.SearchStrategy[Json]) -> Any:
    """One of `originals` with something changed, mostly one thing, which may leave it right.

    Half of the changes are aimed at a rule, the others at nothing.
    """
    document = deepcopy(draw(originals))
    for _ in range(draw(st.sampled_from([1, 1, 1, 1, 2, 3]))):
        if draw(st.booleans()):
            draw(_aimed(document))
        else:
            draw(_random_changes(document))
    return document


@st.composite
def _aimed(draw: st.DrawFn, document: Json) -> None:
    found = aims(document)
    if not found:
        return
    place, value = draw(st.sampled_from(found[draw(st.sampled_from(sorted(found)))]))
    at(document, place[:-1])[place[-1]] = deepcopy(value)


@st.composite
def _random_changes(draw: st.DrawFn, document: Json) -> None:
    everywhere = list(places(document))
    within = draw(st.sampled_from(["inside", "inside", "inside", "texts", "texts", "frame"]))
    if likely := [place for place in everywhere if _is_within(place, within)] or everywhere:
        draw(_changes(document, draw(st.sampled_from(likely))))


def _is_within(place: Place, region: str) -> bool:
    """Most of what can go wrong is deep inside a template, and most of that in its texts."""
    if region == "texts":
        return place[-1] in ("text", "url", "phone_number", "example")
    return (len(place) == 1) == (region == "frame")


@st.composite
def _changes(draw: st.DrawFn, document: Json, place: Place) -> None:
    """Changes what is at `place`: it goes, comes twice, becomes something else, longer, or slightly different."""
    holder, key = at(document, place[:-1]), place[-1]
    value = holder[key]
    ways = ["drop", "replace", "replace"]
    ways += ["repeat", "swap"] if isinstance(holder, list) else []
    ways += ["add", "add"] if isinstance(value, list) else []
    ways += ["stretch", "edit", "edit"] if isinstance(value, str) else []
    way = draw(st.sampled_from(ways))
    if way == "drop":
        del holder[key]
    elif way == "replace":
        holder[key] = draw(st.sampled_from(_values_for(key)) | st.sampled_from(_VALUES) | any_json)
    elif way == "repeat":
        holder.extend(deepcopy(value) for _ in range(draw(st.sampled_from([1, 1, 2, 9]))))
    elif way == "swap":
        holder.insert(draw(st.integers(0, len(holder) - 1)), holder.pop(int(key)))
    elif way == "add":
        value.append(draw(_elements_of(key)))
    elif way == "stretch":
        holder[key] = stretched(value, draw(st.sampled_from(_LENGTHS)))
    else:
        holder[key] = draw(_edited(value))


def _values_for(key: str | int) -> Sequence[Any]:
    """What may stand under a key as well as what is there: right elsewhere, so perhaps wrong here."""
    known: dict[str | int, Sequence[Any]] = {
        "category": CATEGORIES,
        "type": (*_KINDS, *_BUTTON_KINDS),
        "format": _FORMATS,
        "otp_type": _OTP_TYPES,
        "language": (*LANGUAGES, "en-US", "english", "EN"),
        "message_send_ttl_seconds": _NUMBERS,
        "code_expiration_minutes": _NUMBERS,
        "parameter_format": ("NAMED", "POSITIONAL", "named"),
    }
    return known.get(key, _VALUES)


def _elements_of(key: str | int) -> st.SearchStrategy[Any]:
    """What else might be in the list under a key."""
    if key == "components":
        return (
            headers(False) | bodies(False) | footers() | button_rows() | carousels(False) | offers() | otherwise_typed
        )
    if key == "buttons":
        return quick_replies() | url_buttons() | phone_buttons() | otp_buttons() | flow_buttons() | otherwise_typed
    return st.sampled_from(_VALUES)


otherwise_typed = st.sampled_from(["TELEPATHY", "CALL_PERMISSION_REQUEST", "ALBUM", "APP", 7]).map(
    lambda kind: {"type": kind}
)


@st.composite
def _edited(draw: st.DrawFn, text: str) -> str:
    if draw(st.booleans()):
        return text.replace(*draw(st.sampled_from(_EDITS)))
    added = draw(st.sampled_from(_ADDED))
    return draw(st.sampled_from([added + text, text + added, text.upper(), text.lower()]))
