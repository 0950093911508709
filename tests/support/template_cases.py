"""Meta's rules for templates as a table: one case a rule, with both sides of every limit.

A case is a template, the path of its only fault (None if Meta takes it, several where each of them is there) and words
of the sentences that say so.
"""

from typing import Any

Json = dict[str, Any]
Case = tuple[Any, str | tuple[str, ...] | None, str]

HANDLE = {"header_handle": ["4::aW"]}
APP = {"package_name": "com.example.shop", "signature_hash": "K8a/AINcGX7"}
LONG = "https://shop.test/"


def template(*components: Any, **frame: Any) -> Json:
    usual = {"name": "news", "language": "en_US", "category": "MARKETING"}
    return usual | {"components": [*components]} | frame


def body(text: Any = "We have news for you.", *examples: Any) -> Json:
    return {"type": "BODY", "text": text} | ({"example": {"body_text": [[*examples]]}} if examples else {})


def named_body(text: str, **examples: Any) -> Json:
    given = [{"param_name": name, "example": example} for name, example in examples.items()]
    return {"type": "BODY", "text": text, "example": {"body_text_named_params": given}}


def header(text: Any, *examples: Any) -> Json:
    more = {"example": {"header_text": [*examples]}} if examples else {}
    return {"type": "HEADER", "format": "TEXT", "text": text} | more


def media(format_: Any = "IMAGE", **fields: Any) -> Json:
    return {"type": "HEADER", "format": format_, "example": HANDLE} | fields


def footer(text: Any = "Reply STOP to stop") -> Json:
    return {"type": "FOOTER", "text": text}


def buttons(*wanted: Any) -> Json:
    return {"type": "BUTTONS", "buttons": [*wanted]}


def reply(text: Any = "Yes") -> Json:
    return {"type": "QUICK_REPLY", "text": text}


def url(address: Any = "https://shop.test", *examples: Any, text: Any = "Open") -> Json:
    return {"type": "URL", "text": text, "url": address} | ({"example": [*examples]} if examples else {})


def phone(number: Any = "+15550051310") -> Json:
    return {"type": "PHONE_NUMBER", "text": "Call", "phone_number": number}


def coupon(example: Any) -> Json:
    return {"type": "COPY_CODE", "example": example}


def flow(**fields: Any) -> Json:
    return {"type": "FLOW", "text": "Sign up", **fields}


def offer(text: Any = "Ends soon", **fields: Any) -> Json:
    return {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": text, **fields}}


def card(*components: Any) -> Json:
    return {"components": [*components]}


def carousel(*cards: Any) -> Json:
    return template(body(), {"type": "CAROUSEL", "cards": [*cards]})


def otp(otp_type: Any = "COPY_CODE", **fields: Any) -> Json:
    return {"type": "OTP", "otp_type": otp_type, **fields}


def authentication(*row: Any, **parts: Json) -> Json:
    components = [{"type": "BODY", **parts.get("body", {})}]
    components += [{"type": "FOOTER", **parts["footer"]}] if "footer" in parts else []
    return template(*components, buttons(*row), category="AUTHENTICATION")


def of_card(*components: Any) -> Json:
    """A carousel whose two cards are these components."""
    return carousel(card(*components), card(*components))


def row(*wanted: Any) -> Json:
    return template(body(), buttons(*wanted))


def worded(text: str, *examples: Any, **frame: Any) -> Json:
    return template(body(text, *examples), **frame)


def named(text: str, **examples: Any) -> Json:
    return template(named_body(text, **examples), parameter_format="NAMED")


def each(*values: Any) -> tuple[Any, ...]:
    return values


def without(key: str, whole: Json) -> Json:
    return {name: value for name, value in whole.items() if name != key}


NEWS = template(body())

FRAMES: tuple[Case, ...] = (
    (NEWS, None, ""),
    (template({"type": "body", "text": "News."}, category="marketing", parameter_format="positional"), None, ""),
    (template(body(), allow_category_change=True, sub_category="CUSTOM", name="a" * 512), None, ""),
    ([NEWS], "", "object"),
    (None, "", "object"),
    (without("name", NEWS), "name", "1 to 512"),
    (template(body(), name=""), "name", "1 to 512"),
    (template(body(), name="a" * 513), "name", "1 to 512"),
    (template(body(), name="News"), "name", "lower-case"),
    (template(body(), name="neuigkeiten_für"), "name", "lower-case"),
    (template(body(), name=7), "name", "lower-case"),
    *((template(body(), language=code), None, "") for code in each("en", "fil", "zh_CN", "prs_AF")),
    *(
        (template(body(), language=code), "language", "code")
        for code in each("en-US", "English", "e", "", None, ["en"])
    ),
    *(
        (template(body(), category=category), "category", "UTILITY")
        for category in each("OFFER", "", None, 1, ["UTILITY"])
    ),
    (template(body(), parameter_format=None), None, ""),
    (template(body(), parameter_format="MIXED"), "parameter_format", "POSITIONAL or NAMED"),
    (template(body(), parameter_format=True), "parameter_format", "POSITIONAL or NAMED"),
    (template(body("Half \ud800 a character.")), "components[0].text", "half a character"),
    (template(body(), note=[{"a b": "\udc00"}]), "note[0].…", "half a character"),
    (template(body(), note={"\ud800": 1}), "note", "key"),
)

TTLS: tuple[Case, ...] = tuple(
    (
        template(*([body()] if category != "AUTHENTICATION" else authentication(otp())["components"]), **frame),
        path,
        words,
    )
    for category, lowest, highest in each(
        ("MARKETING", 43_200, 2_592_000),
        ("UTILITY", 30, 43_200),
        ("AUTHENTICATION", 30, 900),
    )
    for ttl, path, words in each(
        *((ttl, None, "") for ttl in each(None, -1, lowest, highest)),
        *((ttl, "message_send_ttl_seconds", f"{lowest} to {highest}") for ttl in each(lowest - 1, highest + 1, 0, -2)),
        *((ttl, "message_send_ttl_seconds", "whole number") for ttl in each("60", True, 60.0, -1.0, 10**30, [60])),
    )
    for frame in [{"category": category, "message_send_ttl_seconds": ttl}]
)

COMPONENTS: tuple[Case, ...] = (
    *((template(body(), components=value), "components", "list") for value in each(None, [], {}, "x", 1)),
    (template(footer()), "components", "BODY"),
    (template(body(), body()), "components[1]", "type BODY"),
    (template(body(), footer(), footer()), "components[2]", "type FOOTER"),
    (template(body(), "footer"), "components[1]", "object"),
    (template(body(), None), "components[1]", "object"),
    (template(body(), {"text": "x"}), "components[1].type", "HEADER, BODY"),
    (template(body(), {"type": "SIDEBAR"}), "components[1].type", "HEADER, BODY"),
    (template(body(), {"type": ["BODY"]}), "components[1].type", "HEADER, BODY"),
    (template(body(), {"type": "GREETING", "x": 1}, {"type": "album"}, {"type": "ALBUM"}), None, ""),
    (template(body(), {"type": "call_permission_request"}), None, ""),
    *(
        (template(body(), {"type": "CALL_PERMISSION_REQUEST"}, more), "components[1]", "neither buttons")
        for more in each(buttons(reply()), {"type": "CAROUSEL", "cards": [{"components": [media()]}] * 2})
    ),
)

HEADERS: tuple[Case, ...] = (
    (template(header("x" * 60), body()), None, ""),
    (template(header("x" * 61), body()), "components[0].text", "up to 60 characters; this one has 61"),
    *((template(header(text), body()), "components[0].text", "needs a text") for text in each("", " ", None, 7)),
    *(
        (template(header(f"Our {odd} sale"), body()), "components[0].text", "line breaks")
        for odd in each("\n", "\r", "*", "🎉")
    ),
    (template(header("Our _new_ {1} sale"), body()), None, ""),
    (template(header("{{1}} is here", "A sale"), body()), None, ""),
    (
        template(header("Our {{1}} for {{2}}", "sale", "you"), body()),
        "components[0].text",
        "one variable; this one has 2",
    ),
    (template(header("Our {{1}} is on"), body()), "components[0].example", "`example.header_text`"),
    (template(header("Our {{2}} is on", "sale"), body()), "components[0].text", "{{1}} is missing"),
    *((template(media(format_), body()), None, "") for format_ in each("IMAGE", "video", "GIF", "DOCUMENT")),
    *((template(media(format_, example=None), body()), None, "") for format_ in each("LOCATION", "PRODUCT")),
    *((template(media(format_), body()), "components[0].format", "TEXT, IMAGE") for format_ in each("AUDIO", None, 7)),
    *((template(media(example={"header_handle": x}), body()), None, "") for x in each("4::aW", ["4::aW", ""])),
    *(
        (template(media(example=example), body()), "components[0].example", "`example.header_handle`")
        for example in each(
            None, [], {}, "4::aW", {"header_handle": []}, {"header_handle": [""]}, {"header_handle": [7]}
        )
    ),
)

BODIES: tuple[Case, ...] = (
    (worded("x" * 1024), None, ""),
    (worded("x" * 1025), "components[0].text", "up to 1024 characters; this one has 1025"),
    *((template(body(text)), "components[0].text", "needs a text") for text in each("", " \n", None, 7, ["x"])),
    (worded("Hello {{1}}, your order {{2}} is ready.", "Ana", "A-1"), None, ""),
    (worded("Hello {{2}}, your order {{1}} is ready.", "A-1", "Ana"), None, ""),
    (worded("Hello {{ 1 }}, hello {{1}} to you.", "Ana"), None, ""),
    (worded("Hello {{2}}, how are you?", "Ana"), "components[0].text", "{{1}} is missing"),
    (worded("Hello {{1}}, your order {{3}} is ready.", "Ana", "A-1"), "components[0].text", "{{2}} is missing"),
    (worded("Hello {{01}}, how are you?", "Ana"), "components[0].text", "{{1}} is missing"),
    (worded("Hello {{who}}, how are you?", "Ana"), "components[0].text", "{{who}}; variables are numbered"),
    (worded("Hello {{}}, how are you?", "Ana"), "components[0].text", "{{…}}"),
    (worded("Hello {{1}, how are you?"), "components[0].text", "double braces"),
    (worded("Hello {1}}, how are you?"), "components[0].text", "double braces"),
    (worded("Hello {1}, {how} are you?"), None, ""),
    (worded("{{1}} is the customer's name.", "Ana"), "components[0].text", "start"),
    (worded(" \n{{1}} is the customer's name.", "Ana"), "components[0].text", "start"),
    (worded("*{{1}}* is the customer's name.", "Ana"), None, ""),
    (worded("The customer's name is {{1}}", "Ana"), "components[0].text", "end"),
    (worded("The customer's name is {{1}} \n", "Ana"), "components[0].text", "end"),
    (worded("The customer's name is {{1}}.", "Ana"), None, ""),
    (worded("The customer's name is {{1}}{{2}}, or so they say.", "A", "B"), "components[0].text", "{{1}}, {{2}} next"),
    (worded("The customer's name is {{1}} \t{{2}}, or so they say.", "A", "B"), "components[0].text", "next to each"),
    (worded("The customer's name is {{1}}\n{{2}}, or so they say.", "A", "B"), None, ""),
    (worded("The customer's name is {{1}}-{{2}}, or so they say.", "A", "B"), None, ""),
    (worded("Forget something, {{1}}?", "Ana"), None, ""),
    (worded("Forget {{1}}?", "it"), "components[0].text", "1 variable among 2 words; it needs 3"),
    (worded("One two {{1}} three four {{2}} five", "a", "b"), None, ""),
    (worded("One two {{1}} three {{2}} four", "a", "b"), "components[0].text", "5 words"),
    (worded("您好{{1}}、订单{{2}}已发货。", "a", "b"), None, ""),
    (worded("สวัสดี{{1}}", "a"), "components[0].text", "end"),
    (worded("สวัสดี{{1}}ครับ", "a"), None, ""),
)

EXAMPLES: tuple[Case, ...] = (
    *(
        (template({**body("Hello {{1}}, how are you?"), "example": {"body_text": given}}), None, "")
        for given in each("Ana", ["Ana"], [["Ana"]], [[7]], [1.5], [["Ana"], ["Ben", ""]])
    ),
    *(
        (template({**body("Hello {{1}}, how are you?"), "example": given}), "components[0].example", "1 variable")
        for given in each(
            *(None, [], "Ana", {}, {"body_text": None}, {"body_text": []}, {"body_text": [[]]}, {"body_text": [[""]]}),
            *({"body_text": ["Ana", "Ben"]}, {"body_text": [[True]]}, {"body_text": [{}]}, {"header_text": ["Ana"]}),
        )
    ),
    (worded("Hello {{1}}, your order {{2}} is ready.", "Ana"), "components[0].example", "2 variables"),
    (worded("No variable at all.", "Ana"), None, ""),
    (named("Hello {{who}}, your order {{order_2}} is ready.", who="Ana", order_2="A-1"), None, ""),
    (
        named("Hello {{who}}, your order {{order_2}} is ready.", who="Ana"),
        "components[0].example",
        "missing: {{order_2}}",
    ),
    (named("Hello {{who}}, how are you?", who=" "), "components[0].example", "missing: {{who}}"),
    (named("Hello {{who}}, how are you?", who="Ana", what="x"), None, ""),
    (named("Hello {{2nd}}, how are you?", **{"2nd": "Ana"}), None, ""),
    (named("Hello {{1}}, how are you?", **{"1": "Ana"}), "components[0].text", "{{1}}; with `parameter_format` NAMED"),
    (named("Hello {{Who}}, how are you?", Who="Ana"), "components[0].text", "{{Who}}"),
    (named("Hello {{w o}}, how are you?", **{"w o": "Ana"}), "components[0].text", "{{…}}"),
    (
        template(body("Hello {{who}}, how are you?", "Ana"), parameter_format="NAMED"),
        "components[0].example",
        "`example.body_text_named_params`",
    ),
    (
        template({**body("Hello {{who}}, how are you?"), "example": {"body_text_named_params": {"who": "Ana"}}})
        | {"parameter_format": "named"},
        "components[0].example",
        "missing: {{who}}",
    ),
)

FOOTERS: tuple[Case, ...] = (
    (template(body(), footer("x" * 60)), None, ""),
    (template(body(), footer("x" * 61)), "components[1].text", "up to 60 characters; this one has 61"),
    *((template(body(), footer(text)), "components[1].text", "needs a text") for text in each("", None, 7)),
    (template(body(), footer("For {{1}}")), "components[1].text", "no variables"),
    *(
        (template(body(), footer(f"One{odd}two")), "components[1].text", "line breaks")
        for odd in each("\n", "\r", "🎉")
    ),
    (template(body(), {"type": "FOOTER", "code_expiration_minutes": 5}), "components[1].text", "needs a text"),
)

BUTTONS: tuple[Case, ...] = (
    *(
        (template(body(), {"type": "BUTTONS", "buttons": value}), "components[1].buttons", "1 to 10")
        for value in each(None, [], {})
    ),
    (row(*[reply()] * 10), None, ""),
    (row(*[reply()] * 11), "components[1].buttons", "up to 10 buttons; there are 11"),
    (row("Yes"), "components[1].buttons[0]", "object"),
    (row(reply(), {"type": "TELEPATHY"}), "components[1].buttons[1].type", "QUICK_REPLY"),
    (row(reply(), {"text": "Yes"}), "components[1].buttons[1].type", "QUICK_REPLY"),
    (row({"type": "quick_reply", "text": "Yes"}), None, ""),
    (row(reply("x" * 25)), None, ""),
    (
        row(reply(), reply("x" * 26)),
        "components[1].buttons[1].text",
        "button 1 may have up to 25 characters; this one has 26",
    ),
    *((row(reply(text)), "components[1].buttons[0].text", "1 to 25") for text in each("", " ", None, 7)),
    *((row(reply(f"A{odd}b")), "components[1].buttons[0].text", "no variables") for odd in each("{{1}}", "\n", "🎉")),
    *(
        (row({"type": kind}), "components[1].buttons[0].text", "1 to 25")
        for kind in each("CATALOG", "MPM", "SPM", "VOICE_CALL")
    ),
    *((row({"type": kind}), None, "") for kind in each("APP", "REQUEST_CONTACT_INFO", "CALL_PERMISSION_REQUEST")),
    (row(reply(), reply(), url(), phone()), None, ""),
    (row(url(), phone(), reply(), reply()), None, ""),
    (row(reply(), url(), reply()), "components[1].buttons", "stand together"),
    (row(url(), reply(), phone()), "components[1].buttons", "stand together"),
    (row(url(), url()), None, ""),
    (row(url(), url(), url()), "components[1].buttons", "up to 2 buttons of type URL; there are 3"),
    (row(phone(), phone()), "components[1].buttons", "1 button of type PHONE_NUMBER"),
    (row(coupon("A"), coupon("B")), "components[1].buttons", "1 button of type COPY_CODE"),
    *((row({"type": kind, "text": "View"}), None, "") for kind in each("CATALOG", "MPM")),
    *(
        (row(*[{"type": kind, "text": "View"}] * 2), "components[1].buttons", f"1 button of type {kind}")
        for kind in each("CATALOG", "MPM")
    ),
    (row(flow(flow_id="1"), flow(flow_id="2")), "components[1].buttons", "1 button of type FLOW"),
    (row(phone("1" * 20)), None, ""),
    (row(phone("1" * 21)), "components[1].buttons[0].phone_number", "phone number of button 0 may have up to 20"),
    *(
        (row(phone(number)), "components[1].buttons[0].phone_number", "needs a text")
        for number in each("", None, 15550051310)
    ),
    *((row(coupon(code)), None, "") for code in each("SAVE", ["SAVE"], "x" * 20)),
    (row(coupon("x" * 21)), "components[1].buttons[0].example", "up to 20 characters; this one has 21"),
    *((row(coupon(code)), "components[1].buttons[0].example", "needs a text") for code in each("", None, [], [[]], 7)),
    (row(otp()), "components[1].buttons[0].type", "AUTHENTICATION"),
)

URLS: tuple[Case, ...] = (
    (row(url(LONG + "x" * (2000 - len(LONG)))), None, ""),
    (
        row(url(LONG + "x" * (2001 - len(LONG)))),
        "components[1].buttons[0].url",
        "up to 2000 characters; this one has 2001",
    ),
    *((row(url(address)), "components[1].buttons[0].url", "needs a text") for address in each("", None, 7)),
    *(
        (row(url(address)), "components[1].buttons[0].url", "scheme")
        for address in each("shop.test", "/a", "//shop.test")
    ),
    *((row(url(address)), None, "") for address in each("HTTP://shop.test", "myshop://order", "https://shop.test/a b")),
    (row(url("https://shop.test/{{1}}", "A-1")), None, ""),
    (row({**url("https://shop.test/{{1}}"), "example": "A-1"}), None, ""),
    (row(url("https://shop.test/{{1}}")), "components[1].buttons[0].example", "URL of button 0 has a variable"),
    (row(url("https://shop.test/{{1}}", "")), "components[1].buttons[0].example", "URL of button 0 has a variable"),
    *(
        (
            row(url(f"https://shop.test/{end}", "A-1")),
            "components[1].buttons[0].url",
            "one variable, {{1}}, at its very end",
        )
        for end in each("{{1}}/a", "{{2}}", "{{order}}", "{{1}}{{1}}", "{{1}}/{{2}}", "{{1}} ", "{{1}}}}")
    ),
    *(
        (row(url(f"https://shop.test/{end}")), "components[1].buttons[0].url", "one variable")
        for end in each("{{1", "1}}")
    ),
)

FLOWS: tuple[Case, ...] = (
    *((row(flow(**{key: "x"})), None, "") for key in each("flow_id", "flow_name", "flow_json")),
    (row(flow(flow_id=12345, flow_action="data_exchange")), None, ""),
    (row(flow(flow_json={"version": "7.0"}, flow_id=None)), None, ""),
    (row(flow()), "components[1].buttons[0]", "`flow_id`, `flow_name` or `flow_json`; 0 given"),
    (row(flow(flow_id="", flow_name=[], flow_json={})), "components[1].buttons[0]", "0 given"),
    (row(flow(flow_id=True)), "components[1].buttons[0]", "0 given"),
    (row(flow(flow_id="1", flow_name="a")), "components[1].buttons[0]", "2 given"),
)

OFFERS: tuple[Case, ...] = (
    (template(media(), offer("x" * 16, has_expiration=True), body(), buttons(coupon("SAVE"), url())), None, ""),
    (template(offer(has_expiration=None), body()), None, ""),
    (
        template(offer("x" * 17), body()),
        "components[0].limited_time_offer.text",
        "up to 16 characters; this one has 17",
    ),
    (template(offer(None), body()), "components[0].limited_time_offer.text", "needs a text"),
    *(
        (template({"type": "LIMITED_TIME_OFFER", **more}, body()), "components[0].limited_time_offer", "object")
        for more in each({}, {"limited_time_offer": "Ends soon"}, {"limited_time_offer": []})
    ),
    (template(offer(has_expiration="yes"), body()), "components[0].limited_time_offer.has_expiration", "true or false"),
    (template(offer(), body("x" * 600)), None, ""),
    (template(offer(), body("x" * 601)), "components[1].text", "up to 600 characters"),
    (template(offer(), body(), footer()), "components[2]", "no footer"),
    (template(header("Sale"), offer(), body()), "components[0].format", "IMAGE or VIDEO"),
    (template(media("DOCUMENT"), offer(), body()), "components[0].format", "IMAGE or VIDEO"),
    (template(offer(), body(), category="UTILITY"), "components[0]", "category MARKETING, not UTILITY"),
)

CAROUSELS: tuple[Case, ...] = (
    (of_card(media(), body("A {{1}}", "red"), buttons(reply(), url())), None, ""),
    (of_card(media("VIDEO"), body("x" * 160)), None, ""),
    (of_card(media("PRODUCT", example=None), buttons({"type": "SPM", "text": "View"})), None, ""),
    (carousel(*[card(media())] * 10), None, ""),
    (carousel(*[card(media())] * 11), "components[1].cards", "2 to 10; there are 11"),
    (carousel(card(media())), "components[1].cards", "2 to 10; there are 1"),
    (carousel(), "components[1].cards", "there are 0"),
    (template(body(), {"type": "CAROUSEL", "cards": {}}), "components[1].cards", "2 to 10"),
    *(
        (carousel(card(media()), wrong), "components[1].cards[1].components", "Card 1 needs `components`")
        for wrong in each("x", {}, {"components": []}, {"components": {}}, None)
    ),
    (carousel(card(media(), body()), card(media())), "components[1].cards[1]", "Card 1 is made otherwise than card 0"),
    (carousel(card(media()), card(media("VIDEO"))), "components[1].cards[1]", "headers of one format"),
    (
        carousel(card(media(), buttons(reply(), url())), card(media(), buttons(url(), reply()))),
        "components[1].cards[1]",
        "same types of button",
    ),
    (carousel(card(media(), body("One")), card(body("Two"), media())), None, ""),
    (template(*of_card(media())["components"], category="UTILITY"), "components[1]", "category MARKETING, not UTILITY"),
)

# What is wrong with one card, of two that are made the same.
CARDS: tuple[Case, ...] = tuple(
    (carousel(card(*right), card(*wrong)), f"components[1].cards[1].components{path}", words)
    for right, wrong, path, words in each(
        (
            [media(), body("x" * 160)],
            [media(), body("x" * 161)],
            "[1].text",
            "body of card 1 may have up to 160 characters",
        ),
        (
            [media(), body("A {{1}}", "x")],
            [media(), body("A {{1}}")],
            "[1].example",
            "body of card 1 has 1 variable and needs",
        ),
        ([media(), body("A")], [media(), body("A {{2}}", "x")], "[1].text", "{{1}} is missing"),
        ([media()], [media(example=None)], "[0].example", "header of card 1"),
        (
            [media(), buttons(reply())],
            [media(), buttons(reply(""))],
            "[1].buttons[0].text",
            "text of button 0 of card 1",
        ),
    )
)

# What is wrong with how cards are made, and so with both.
CARD_PAIRS: tuple[Case, ...] = tuple(
    (of_card(*components), tuple(f"components[1].cards[{index}].components{path}" for index in (0, 1)), words)
    for components, path, words in each(
        ([body()], "", "needs a component of type HEADER"),
        ([header("Sale")], "[0].format", "IMAGE, VIDEO or PRODUCT"),
        ([media("GIF")], "[0].format", "IMAGE, VIDEO or PRODUCT"),
        ([media(), footer()], "[1].type", "HEADER, BODY or BUTTONS"),
        ([media(), "x"], "[1]", "object"),
        ([media(), media()], "[1]", "type HEADER"),
        ([media(), buttons(reply(), url(), phone())], "[1].buttons", "up to 2 buttons of card"),
        ([media(), buttons()], "[1].buttons", "1 to 2"),
    )
)

AUTHENTICATION: tuple[Case, ...] = (
    (authentication(otp()), None, ""),
    (authentication({"type": "otp", "otp_type": "copy_code"}), None, ""),
    (authentication(otp("NO_BUTTONS")), None, ""),
    (
        authentication(otp(), body={"add_security_recommendation": True}, footer={"code_expiration_minutes": 1}),
        None,
        "",
    ),
    (authentication(otp(), body={"text": "*{{1}}* is your code."}, footer={}), None, ""),
    (
        authentication(otp(), body={"add_security_recommendation": "yes"}),
        "components[0].add_security_recommendation",
        "true or false",
    ),
    (authentication(otp(), footer={"code_expiration_minutes": 90}), None, ""),
    *(
        (
            authentication(otp(), footer={"code_expiration_minutes": minutes}),
            "components[1].code_expiration_minutes",
            "1 to 90",
        )
        for minutes in each(0, 91, "5", True, 5.0)
    ),
    (template({"type": "BODY"}, category="AUTHENTICATION"), "components", "button of type OTP"),
    (
        authentication({"type": "APP"}),
        ("components[1].buttons[0].type", "components[1].buttons"),
        "AUTHENTICATION",
    ),
    (authentication(otp(), otp()), "components[1].buttons", "1 button of type OTP"),
    (authentication(otp(), reply()), "components[1].buttons[1].type", "no others"),
    *(
        (authentication(otp(kind)), "components[1].buttons[0].otp_type", "COPY_CODE")
        for kind in each(None, "", "TWO_TAP", 7)
    ),
    (authentication(otp(text="x" * 25, autofill_text=None)), None, ""),
    (authentication(otp(text="", autofill_text="")), None, ""),
    (authentication(otp(text="x" * 26)), "components[1].buttons[0].text", "up to 25"),
    (authentication(otp(autofill_text=7)), "components[1].buttons[0].autofill_text", "1 to 25"),
    (authentication(otp("ONE_TAP", supported_apps=[APP])), None, ""),
    (authentication(otp("ONE_TAP", supported_apps=[APP] * 5)), None, ""),
    (authentication(otp("ONE_TAP", **APP)), None, ""),
    *(
        (authentication(otp("ONE_TAP", supported_apps=apps)), "components[1].buttons[0].supported_apps", "1 to 5")
        for apps in each(None, [], {}, [APP] * 6)
    ),
    *(
        (
            authentication(otp("ONE_TAP", supported_apps=[APP, app])),
            "components[1].buttons[0].supported_apps[1]",
            "App 1",
        )
        for app in each(
            *(
                "shop",
                {},
                APP | {"package_name": "shop"},
                APP | {"package_name": "com.1shop"},
                APP | {"package_name": 7},
            ),
            *(
                APP | {"package_name": "com." + "a" * 221},
                APP | {"signature_hash": "K8a/AINcGX"},
                APP | {"signature_hash": 7},
            ),
        )
    ),
    (authentication(otp("ONE_TAP", supported_apps=[APP | {"package_name": "com." + "a" * 220}])), None, ""),
    (authentication(otp("ZERO_TAP", supported_apps=[APP], zero_tap_terms_accepted=True)), None, ""),
    *(
        (
            authentication(otp("ZERO_TAP", supported_apps=[APP], zero_tap_terms_accepted=accepted)),
            "components[1].buttons[0].zero_tap_terms_accepted",
            "must be true",
        )
        for accepted in each(None, False, "true", 1)
    ),
    *(
        (
            template(*authentication(otp())["components"], part, category="AUTHENTICATION"),
            "components[2]",
            "not AUTHENTICATION",
        )
        for part in each(header("Code"), offer(), {"type": "CAROUSEL"}, {"type": "CALL_PERMISSION_REQUEST"})
    ),
)

CASES: tuple[Case, ...] = (
    *FRAMES,
    *TTLS,
    *COMPONENTS,
    *HEADERS,
    *BODIES,
    *EXAMPLES,
    *FOOTERS,
    *BUTTONS,
    *URLS,
    *FLOWS,
    *OFFERS,
    *CAROUSELS,
    *CARDS,
    *CARD_PAIRS,
    *AUTHENTICATION,
)


# --- made from Meta's library --------------------------------------------------------------------------------------


def from_library(**fields: Any) -> Json:
    usual = {"name": "news", "language": "en_US", "category": "UTILITY", "library_template_name": "delivery_update_1"}
    return usual | fields


def button_inputs(*inputs: Any) -> Json:
    return from_library(library_template_button_inputs=[*inputs])


def body_inputs(**inputs: Any) -> Json:
    return from_library(library_template_body_inputs=inputs)


LIBRARY_CASES: tuple[Case, ...] = (
    (from_library(), None, ""),
    (from_library(category="authentication", message_send_ttl_seconds=900), None, ""),
    (from_library(components=[]), None, ""),
    ("delivery_update_1", "", "object"),
    (from_library(category="MARKETING"), "category", "UTILITY or AUTHENTICATION"),
    (from_library(name="News"), "name", "lower-case"),
    (from_library(language=None), "language", "code"),
    (from_library(message_send_ttl_seconds=29), "message_send_ttl_seconds", "30 to 43200"),
    *((from_library(library_template_name=name), "library_template_name", "name") for name in each(None, "", 7)),
    (from_library(components=[body()]), "components", "none of its own"),
    (from_library(library_template_button_inputs="[{type: 'URL'}]", library_template_body_inputs="{}"), None, ""),
    (from_library(library_template_button_inputs={}), "library_template_button_inputs", "list"),
    (button_inputs({"type": "QUICK_REPLY"}, {"type": "app"}), None, ""),
    (button_inputs("URL"), "library_template_button_inputs[0]", "object"),
    (button_inputs({"type": "X"}), "library_template_button_inputs[0].type", "URL"),
    (button_inputs({"type": "URL", "url": {"base_url": "https://shop.test"}}), None, ""),
    (button_inputs({"type": "URL"}), "library_template_button_inputs[0].url", "`base_url`"),
    (button_inputs({"type": "URL", "url": {}}), "library_template_button_inputs[0].url.base_url", "needs a text"),
    (
        button_inputs(
            {"type": "URL", "url": {"base_url": "https://shop.test/{{1}}", "url_suffix_example": "https://x"}}
        ),
        None,
        "",
    ),
    (
        button_inputs({"type": "URL", "url": {"base_url": "https://shop.test/{{1}}"}}),
        "library_template_button_inputs[0].url.url_suffix_example",
        "`url_suffix_example`",
    ),
    (button_inputs({"type": "PHONE_NUMBER", "phone_number": "+1555"}), None, ""),
    (button_inputs({"type": "PHONE_NUMBER"}), "library_template_button_inputs[0].phone_number", "needs a text"),
    (button_inputs(otp("ONE_TAP", supported_apps=[APP])), None, ""),
    (button_inputs(otp("ONE_TAP")), "library_template_button_inputs[0].supported_apps", "1 to 5"),
    (body_inputs(add_contact_number=True, add_learn_more_link=False, code_expiration_minutes=90, more=1), None, ""),
    (from_library(library_template_body_inputs=[{"add_contact_number": True}, {}]), None, ""),
    (
        from_library(library_template_body_inputs=[{}, {"add_contact_number": 1}]),
        "library_template_body_inputs[1].add_contact_number",
        "true or false",
    ),
    (body_inputs(add_track_package_link="yes"), "library_template_body_inputs.add_track_package_link", "true or false"),
    (body_inputs(code_expiration_minutes=91), "library_template_body_inputs.code_expiration_minutes", "1 to 90"),
    *(
        (from_library(library_template_body_inputs=value), "library_template_body_inputs", "object")
        for value in each(7, ["x"])
    ),
)


# --- edits: of this template, unless the case says otherwise -------------------------------------------------------

APPROVED = template(body(), id="1", status="APPROVED", category="UTILITY")
REJECTED = APPROVED | {"status": "REJECTED"}
SIGN_IN = authentication(otp()) | {"status": "PAUSED"}
NAMED = named("Hello {{who}}, how are you?", who="Ana") | {"status": "REJECTED"}

EDIT_CASES: tuple[tuple[Any, Json, str | None, str], ...] = (
    ({"components": [body("Other news.")]}, APPROVED, None, ""),
    ({"message_send_ttl_seconds": 60}, APPROVED, None, ""),
    ({"cta_url_link_tracking_opted_out": True}, APPROVED, None, ""),
    ({"category": "utility", "name": "news", "language": "en_US"}, APPROVED, None, ""),
    ({"category": "MARKETING"}, REJECTED, None, ""),
    ({"category": "MARKETING"}, APPROVED, "category", "approved"),
    ({"category": "SALE"}, REJECTED, "category", "one of"),
    *((change, APPROVED, "", "Nothing") for change in each({}, {"category": None}, {"name": "news"}, {"id": "1"})),
    *((change, APPROVED, "", "object") for change in each(None, [], "x", 7)),
    ({"name": "other", "category": "UTILITY"}, APPROVED, "name", "can't be changed"),
    ({"name": "other"}, APPROVED, "name", "can't be changed"),
    ({"language": "es"}, APPROVED, "language", "can't be changed"),
    ({"language": "es", "category": "UTILITY"}, APPROVED, "language", "can't be changed"),
    ({"name": ["news"], "category": "UTILITY"}, APPROVED, "name", "can't be changed"),
    ({"parameter_format": "MIXED"}, APPROVED, "parameter_format", "one of"),
    ({"parameter_format": "NAMED"}, APPROVED, None, ""),
    ({"message_send_ttl_seconds": 43_201}, APPROVED, "message_send_ttl_seconds", "UTILITY"),
    ({"message_send_ttl_seconds": 43_201, "category": "MARKETING"}, REJECTED, None, ""),
    ({"message_send_ttl_seconds": 901}, SIGN_IN, "message_send_ttl_seconds", "AUTHENTICATION"),
    *(({"message_send_ttl_seconds": ttl}, without("category", APPROVED), None, "") for ttl in (30, 2_592_000)),
    *(
        ({"message_send_ttl_seconds": ttl}, without("category", APPROVED), "message_send_ttl_seconds", "30 to 2592000")
        for ttl in (29, 2_592_001)
    ),
    ({"message_send_ttl_seconds": 60}, APPROVED | {"components": [body("From the library: {{1}}")]}, None, ""),
    ({"components": []}, APPROVED, "components", "list"),
    ({"components": [footer()]}, APPROVED, "components", "BODY"),
    ({"components": [body("x" * 1025)]}, APPROVED, "components[0].text", "1024"),
    ({"components": [body(), offer()]}, APPROVED, "components[1]", "MARKETING"),
    ({"components": [{"type": "BODY"}, buttons(otp())]}, SIGN_IN, None, ""),
    ({"components": [{"type": "BODY"}]}, SIGN_IN, "components", "OTP"),
    ({"components": [named_body("Hi {{you}}, how are you?", you="Ana")]}, NAMED, None, ""),
    ({"components": [named_body("Hi {{1}}, how are you?", **{"1": "Ana"})]}, NAMED, "components[0].text", "{{1}}"),
    ({"components": [body("Hi {{1}}, how are you?", "Ana")], "parameter_format": "positional"}, NAMED, None, ""),
    ({"components": [body()]}, {"status": 7, "category": [], "components": "x"}, None, ""),
    ({"components": [body("Half \ud800.")]}, APPROVED, "components[0].text", "half a character"),
)
