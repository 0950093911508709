"""The local stack: `template.yaml` run on this machine, on loopback, with no Docker and no account."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - said kindly, before newer syntax says it otherwise
    raise SystemExit(
        "Casement needs Python 3.11 or newer, and this is {}.{}. Install a newer one, or let uv do it: "
        "`uv python install 3.13`.".format(*sys.version_info[:2])
    )

from local.stack.errors import StackError
from local.stack.handle import LocalStack

__all__ = ["LocalStack", "StackError"]
