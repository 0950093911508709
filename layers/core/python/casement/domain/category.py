"""What a template's category costs, as far as an owner must be warned: marketing costs more than the other two."""

_RANK = {"UTILITY": 1, "AUTHENTICATION": 1, "MARKETING": 2}


def is_dearer(category: str, declared: str) -> bool:
    """Whether a message of `category` costs more than one of the category that was declared.

    Of a category that we do not know, nothing is known to cost more. Meta's prices differ by country; in all of them
    marketing was the dearest: https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing.
    """
    return _RANK.get(category, 0) > _RANK.get(declared, 2)
