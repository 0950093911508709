"""Languages by their codes, as Meta, browsers and people write them: `pt_BR`, `pt-br`, `pt`."""


def plain_code(code: str) -> str:
    """A code in one spelling."""
    return code.replace("-", "_").lower()


def base_of(code: str) -> str:
    """The language without its country."""
    return plain_code(code).partition("_")[0]
