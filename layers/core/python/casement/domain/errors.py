"""What can go wrong, as the caller must tell it apart.

    CasementError
    ├── NotAuthenticated        no key, or one we do not know
    ├── NotAllowed              the key is known and may not do this
    ├── InvalidRequest          the request cannot be understood; says which parameter
    ├── NotFound                no such path or object
    ├── NumberNotConfigured     we hold no token for this number
    ├── WindowClosed            free-form outside the customer service window
    ├── TemplateNotFound        no such template in that language
    ├── TemplateNotSendable     it exists, and Meta would refuse it now
    ├── StoreUnavailable        what had to be durable is not
    ├── SecretUnavailable       no usable secret: nothing can be verified or sent
    └── GraphError
        ├── GraphRejected       Meta said no; final
        ├── GraphUnavailable    it was not sent; may be tried again
        └── GraphOutcomeUnknown the request left and no answer told us; sending again may send twice

A class exists where a caller does something different. How each is shown to a Graph client is one table,
`casement.runtime.graph_shape.GRAPH_ERROR`.
"""

from collections.abc import Mapping
from typing import Any


class CasementError(Exception):
    """Something that a caller is told about, in words."""


class NotAuthenticated(CasementError):
    """No key, or one we do not know."""


class NotAllowed(CasementError):
    """The key is known and may not do this."""


class InvalidRequest(CasementError):
    """The request cannot be understood. `parameter` names what is wrong, where one thing is."""

    def __init__(self, message: str, *, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class NotFound(CasementError):
    """No such path or object."""


class NumberNotConfigured(CasementError):
    """We hold no token for this number."""


class WindowClosed(CasementError):
    """A free-form message outside the customer service window.

    `details` goes to the caller as `error_data.casement`.
    """

    def __init__(self, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.details = details


class TemplateNotFound(CasementError):
    """No such template in that language."""


class TemplateNotSendable(CasementError):
    """The template exists, and Meta would refuse it now. `code` is the code Meta would use."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class StoreUnavailable(CasementError):
    """What had to be durable is not."""


class SecretUnavailable(CasementError):
    """No usable secret: nothing can be verified or sent."""


class GraphError(CasementError):
    """Something between us and Meta."""


class GraphRejected(GraphError):
    """Meta said no; final. `status` and `body` are Meta's own answer, to be passed on as they are."""

    def __init__(self, status: int, body: Mapping[str, Any], code: int) -> None:
        super().__init__(f"Meta answered {status} with code {code}")
        self.status = status
        self.body = body
        self.code = code


class GraphUnavailable(GraphError):
    """Nothing was sent; the same call may be made again. `body` is Meta's answer where there is one."""

    def __init__(self, message: str, *, status: int = 503, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class GraphOutcomeUnknown(GraphError):
    """The request left and no answer told us what became of it. Never sent again automatically."""
