"""How hard property tests look."""

import os


def examples(usual: int) -> int:
    """The number of examples of a test: `usual`, times CASEMENT_EFFORT (1) for whoever hunts a bug."""
    return usual * int(os.environ.get("CASEMENT_EFFORT", "1"))
