"""What an operator is told when a command can't go on: what is the case, and what to do about it."""

import sys
from pathlib import Path

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from casement.domain.errors import CasementError

_LOG_IN = "Log in (for example `aws sso login`), set AWS_PROFILE or --profile, or use --local for the local stack."
_STALE_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_FORBIDDEN = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class Trouble(Exception):
    """A command can't go on. The text is shown as it is, so it holds no secret."""


def text_of(path: str) -> str:
    """What a file that an operator names says; `-` is standard input. Raises `Trouble`."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Trouble(f"{path} can't be read: there is no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{path} can't be read: {type(error).__name__}.") from None


def in_words(error: BaseException) -> str:
    """What an AWS error means to an operator.

    Of what AWS answers only the code is taken: its messages may quote what was sent.
    """
    if isinstance(error, CasementError) and isinstance(error.__cause__, BotoCoreError | ClientError):
        return in_words(error.__cause__)
    match error:
        case NoCredentialsError():
            return f"There are no AWS credentials. {_LOG_IN}"
        case NoRegionError():
            return "No AWS Region is set. Name it with --region, or set AWS_REGION."
        case ProfileNotFound():
            return f"{error}. `aws configure list-profiles` lists those there are."
        case EndpointConnectionError():
            return f"{error} Is the Region right, and is the network up? (For the local stack: make run)"
        case ClientError():
            return _refused(error.response["Error"].get("Code", "unknown"), error.operation_name)
    return str(error)


def _refused(code: str, operation: str) -> str:
    if code in _STALE_CREDENTIALS:
        return f"AWS does not take these credentials ({code}). {_LOG_IN}"
    if code in _FORBIDDEN:
        return f"These AWS credentials may not call {operation} ({code}). Use a profile that may, with --profile."
    return f"AWS refused {operation}: {code}."
