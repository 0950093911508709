"""What can go wrong, as the caller must tell it apart.

    CasementError
    ├── NotAuthenticated        no key, or one we do not know
    ├── NotAllowed              the key is known and may not do this
    ├── InvalidRequest          the request cannot be understood; says which parameter
    ├── NotFound                no such path or object
    ├── NumberNotConfigured     we hold no token for this number or account
    ├── WindowClosed            free-form outside the customer service window
    ├── TemplateNotFound        no such template in that language
    ├── TemplateFaulty          Meta would not review it: every fault, with its place
    ├── AutomationsFaulty       rules that cannot be kept: every fault, with its place
    ├── RefusedAsMetaWould      Meta would refuse it now, with this code
    │   ├── TemplateNotSendable     the template exists, and is not approved or does not fit
    │   ├── TemplateChangeRefused   its name is taken, or it may not be changed yet, or ever
    │   ├── OptedOut                the customer does not want it
    │   └── NumberStopped           Meta lets this number send nothing
    ├── CategoryMoved           Meta moved the template to a category that costs more than the one declared
    ├── IdempotencyKeyReused    the key was used for another request
    ├── StillUnderWay           the same request is being worked on
    ├── ChangedMeanwhile        it is no longer as the caller knows it
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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from casement.domain.template_rules import Fault


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
    """We hold no token for this number, or for this WhatsApp Business Account."""


class WindowClosed(CasementError):
    """A free-form message outside the customer service window.

    `details` goes to the caller as `error_data.casement`.
    """

    def __init__(self, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.details = details


class TemplateNotFound(CasementError):
    """No such template in that language."""


class TemplateFaulty(CasementError):
    """What is to become a template breaks Meta's rules. `faults` are all of them, in words and with their places."""

    def __init__(self, faults: "tuple[Fault, ...]") -> None:
        super().__init__(" ".join(f"{fault.path}: {fault.why}" if fault.path else fault.why for fault in faults))
        self.faults = faults


class AutomationsFaulty(CasementError):
    """Automations that cannot be kept. `faults` are all of them, in words and with their places."""

    def __init__(self, faults: "tuple[Fault, ...]") -> None:
        super().__init__(" ".join(f"{fault.path}: {fault.why}" if fault.path else fault.why for fault in faults))
        self.faults = faults


class RefusedAsMetaWould(CasementError):
    """What Meta would refuse now. `code` is the code Meta would use."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class TemplateNotSendable(RefusedAsMetaWould):
    """The template exists, and is not approved, or the parameters do not fit it."""


class TemplateChangeRefused(RefusedAsMetaWould):
    """The template can't be made, changed or deleted now. `subcode` is Meta's, where there is one; `retry_after` the
    seconds until it can, where time alone brings that about."""

    def __init__(
        self, message: str, *, code: int = 100, subcode: int | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.subcode = subcode
        self.retry_after = retry_after


class OptedOut(RefusedAsMetaWould):
    """The customer does not want it."""


class NumberStopped(RefusedAsMetaWould):
    """Meta lets this number send nothing."""


class CategoryMoved(CasementError):
    """Meta moved the template to a category that costs more than the one declared, and the number sends no such."""


class IdempotencyKeyReused(CasementError):
    """The idempotency key was used for another request within the last day."""


class StillUnderWay(CasementError):
    """The same request is being worked on at this moment: ask again."""


class ChangedMeanwhile(CasementError):
    """What the caller wants to change is no longer as the caller knows it: read it again."""

    def __init__(self, message: str = "It was changed meanwhile: read it again, and change what is there now.") -> None:
        super().__init__(message)


class StoreUnavailable(CasementError):
    """What had to be durable is not."""


class SecretUnavailable(CasementError):
    """No usable secret: nothing can be verified or sent."""


class GraphError(CasementError):
    """Something between us and Meta. `code` is Meta's error code, None where none came."""

    code: int | None = None


class GraphRejected(GraphError):
    """Meta said no; final. `status` and `body` are Meta's own answer, to be passed on as they are."""

    code: int

    def __init__(self, status: int, body: Mapping[str, Any], code: int) -> None:
        super().__init__(f"Meta answered {status} with code {code}")
        self.status = status
        self.body = body
        self.code = code


class GraphUnavailable(GraphError):
    """Nothing was sent; the same call may be made again. `body` is Meta's answer where there is one, `retry_after`
    the seconds that it asks for."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 503,
        body: Mapping[str, Any] | None = None,
        code: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.code = code
        self.retry_after = retry_after


class GraphOutcomeUnknown(GraphError):
    """The request left and no answer told us what became of it. Never sent again automatically."""
