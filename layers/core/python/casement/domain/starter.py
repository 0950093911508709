"""The purposes that a number has before its owner sets any: those of the starter library, which the CLI files at Meta.

A purpose lists templates by name and by the category that they were written for, best first: one that fits the customer
better and needs parameters comes before one that needs none. A constant and nothing else, since every send imports it.
The templates themselves are in `cli/starter`, and a test compares the two.
"""

STARTER_PURPOSES: dict[str, tuple[tuple[str, str], ...]] = {
    "re_engage": (("continue_request", "UTILITY"), ("continue_conversation", "UTILITY")),
    "re_engage_marketing": (("news_from_us", "MARKETING"),),
    "purchase_help": (("purchase_help_order", "UTILITY"), ("purchase_help", "UTILITY")),
    "appointment_reminder": (("appointment_reminder", "UTILITY"),),
    "order_update": (("order_update", "UTILITY"),),
    "shipping_update": (("shipping_update", "UTILITY"),),
    "account_notice": (("account_notice", "UTILITY"),),
    "feedback_request": (("feedback_request", "UTILITY"),),
}
