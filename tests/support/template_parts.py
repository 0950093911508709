"""Small templates and sends, written as Graph has them, for tests that say them in one line."""

from typing import Any

Json = dict[str, Any]

PICTURE = {"link": "https://x.test/a.png"}
PLACE = {"latitude": 52.37, "longitude": "4.9", "name": "Shop", "address": "Street 1"}
PRODUCT = {"product_retailer_id": "sku-1", "catalog_id": "7"}
SECTIONS = [{"title": "New", "product_items": [{"product_retailer_id": "sku-1"}]}]


# --- templates -----------------------------------------------------------------------------------------------------


def template(*components: Any, **fields: Any) -> Json:
    return {"name": "t", "category": "UTILITY", "parameter_format": "POSITIONAL", "components": [*components], **fields}


def named(*components: Json) -> Json:
    return template(*components, parameter_format="NAMED")


def body(text: str) -> Json:
    return {"type": "BODY", "text": text}


def header(format_: str, **fields: Any) -> Json:
    return {"type": "HEADER", "format": format_, **fields}


def buttons(*wanted: Json) -> Json:
    return {"type": "BUTTONS", "buttons": [*wanted]}


def with_button(kind: str, **fields: Any) -> Json:
    """A template with one button."""
    return template(HELLO, buttons({"type": kind, "text": "Go", **fields}))


def carousel(*cards: list[Json]) -> Json:
    return template(
        HELLO, {"type": "CAROUSEL", "cards": [{"components": card} for card in cards]}, category="MARKETING"
    )


def offer(**terms: Any) -> Json:
    limited = {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Ends soon", **terms}}
    return template(limited, HELLO, category="MARKETING")


HELLO = body("Hello, it is open again.")
TWO = template(body("Hello {{1}}, your order {{2}} left."))
CUSTOMER = named(body("Hello {{customer}}, your order {{order_number}} left."))
TITLED = template(header("TEXT", text="News for {{1}} now"), HELLO)
IMAGE = template(header("IMAGE"), HELLO)
TRACK_URL = {"type": "URL", "text": "Track", "url": "https://x.test/{{1}}"}
TRACK = template(HELLO, buttons({"type": "QUICK_REPLY", "text": "Thanks"}, TRACK_URL))
COUPON = with_button("COPY_CODE")
OTP_BUTTON = {"type": "OTP", "otp_type": "COPY_CODE"}
OTP = template({"type": "BODY"}, buttons(OTP_BUTTON), category="AUTHENTICATION")
# As Meta keeps and lists it once it was created.
OTP_LISTED = template(
    body("*{{1}}* is your verification code."),
    buttons({"type": "URL", "text": "Copy code", "url": "https://www.whatsapp.com/otp/code/?code=otp{{1}}"}),
    category="AUTHENTICATION",
)
OFFER = offer(has_expiration=True)
_CARD = [header("IMAGE"), body("A card for {{1}} here"), buttons(TRACK_URL)]
CAROUSEL = carousel(_CARD, _CARD)
PRODUCTS = carousel([header("PRODUCT")], [header("PRODUCT")])


# --- sends ---------------------------------------------------------------------------------------------------------


def text(value: Any = "Ana", name: Any = None) -> Json:
    return {"type": "text", "text": value} | ({} if name is None else {"parameter_name": name})


def holding(kind: str, content: Any) -> Json:
    """A parameter of any type."""
    return {"type": kind, kind: content}


def sent(kind: str, *parameters: Any, **fields: Any) -> Json:
    return {"type": kind, **fields, "parameters": [*parameters]}


def button(index: Any, *parameters: Any, sub_type: str = "url") -> Json:
    return sent("button", *parameters, sub_type=sub_type, index=index)


def cards(*components: list[Json]) -> Json:
    """A carousel of these cards, in order."""
    return {"type": "carousel", "cards": [{"card_index": n, "components": each} for n, each in enumerate(components)]}


def card(value: str = "Ana", suffix: str = "a") -> list[Json]:
    """A card of `CAROUSEL`."""
    return [sent("header", holding("image", PICTURE)), sent("body", text(value)), button("0", text(suffix))]


def offer_end(at: Any) -> Json:
    return sent("limited_time_offer", holding("limited_time_offer", {"expiration_time_ms": at}))
