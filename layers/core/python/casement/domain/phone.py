"""Phone numbers as Meta writes them, and the one form under which a person is filed.

Meta rewrites some numbers: the `wa_id` of a webhook can differ from the digits a business wrote to (cloud-api notes:
Brazil's ninth digit, Mexico's 1, Argentina's 9). Both forms must lead to one conversation before any answer has shown
the pair, so keys use `canonical`, and what is shown to people stays as Meta sent it.
"""

import re

_NOT_DIGITS = re.compile(r"[^0-9]")

BRAZIL_LANDLINE_OR_OLD_MOBILE = 12  # 55 + two digits of area + eight digits
MEXICO_WITH_MOBILE_1 = 13  # 52 + 1 + ten digits
ARGENTINA_WITH_MOBILE_9 = 13  # 54 + 9 + ten digits


def digits(text: str) -> str:
    """The digits of a number as people write it: `+55 (11) 91234-5678` is `5511912345678`."""
    return text if text.isascii() and text.isdigit() else _NOT_DIGITS.sub("", text)


def canonical(number: str) -> str:
    """The form of `number` (digits only) that every spelling of the same line shares.

    Brazil: a mobile line has a 9 before its eight digits; older accounts lack it. Eight digits that start with 6 to 9
    were never a landline, so adding the 9 there joins no two lines. Mexico: the 1 after 52 once marked mobiles and no
    area starts with 1. Argentina: the 9 after 54 marks mobiles; the ten digits after it are one line with or without.
    """
    if number.startswith("55") and len(number) == BRAZIL_LANDLINE_OR_OLD_MOBILE and number[4] in "6789":
        return f"{number[:4]}9{number[4:]}"
    if number.startswith("521") and len(number) == MEXICO_WITH_MOBILE_1:
        return f"52{number[3:]}"
    if number.startswith("549") and len(number) == ARGENTINA_WITH_MOBILE_9:
        return f"54{number[3:]}"
    return number
