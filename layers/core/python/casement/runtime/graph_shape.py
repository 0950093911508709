"""Errors in Meta's own shape, so that any Graph client understands them.

One table says what each of our errors is to a caller; a test asserts that no leaf of the tree is missing.
"""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from casement.domain.errors import (
    AutomationsFaulty,
    CasementError,
    CategoryMoved,
    ChangedMeanwhile,
    GraphOutcomeUnknown,
    GraphRejected,
    GraphUnavailable,
    IdempotencyKeyReused,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NumberNotConfigured,
    NumberStopped,
    OptedOut,
    RefusedAsMetaWould,
    SecretUnavailable,
    StillUnderWay,
    StoreUnavailable,
    TemplateChangeRefused,
    TemplateFaulty,
    TemplateNotFound,
    TemplateNotSendable,
    WindowClosed,
)
from casement.runtime.http import Response


class GraphShape(NamedTuple):
    """HTTP status, Graph error code and subcode."""

    status: HTTPStatus
    code: int
    subcode: int | None = None


GRAPH_ERROR: Mapping[type[CasementError], GraphShape] = {
    NotAuthenticated: GraphShape(HTTPStatus.UNAUTHORIZED, 190),
    NotAllowed: GraphShape(HTTPStatus.FORBIDDEN, 10),
    InvalidRequest: GraphShape(HTTPStatus.BAD_REQUEST, 100),
    NotFound: GraphShape(HTTPStatus.NOT_FOUND, 100, 33),
    NumberNotConfigured: GraphShape(HTTPStatus.BAD_REQUEST, 100, 33),
    WindowClosed: GraphShape(HTTPStatus.BAD_REQUEST, 131047),
    TemplateNotFound: GraphShape(HTTPStatus.NOT_FOUND, 132001),
    TemplateFaulty: GraphShape(HTTPStatus.BAD_REQUEST, 100),
    AutomationsFaulty: GraphShape(HTTPStatus.BAD_REQUEST, 100),
    TemplateChangeRefused: GraphShape(HTTPStatus.BAD_REQUEST, 100),  # the error brings its subcode
    TemplateNotSendable: GraphShape(HTTPStatus.BAD_REQUEST, 132015),  # the error brings its own code
    CategoryMoved: GraphShape(HTTPStatus.BAD_REQUEST, 100),  # Meta would send it
    OptedOut: GraphShape(HTTPStatus.BAD_REQUEST, 131050),
    NumberStopped: GraphShape(HTTPStatus.UNAUTHORIZED, 190),
    IdempotencyKeyReused: GraphShape(HTTPStatus.UNPROCESSABLE_ENTITY, 100),
    StillUnderWay: GraphShape(HTTPStatus.CONFLICT, 2),
    ChangedMeanwhile: GraphShape(HTTPStatus.PRECONDITION_FAILED, 100),
    StoreUnavailable: GraphShape(HTTPStatus.SERVICE_UNAVAILABLE, 2),
    SecretUnavailable: GraphShape(HTTPStatus.SERVICE_UNAVAILABLE, 2),
    GraphRejected: GraphShape(HTTPStatus.BAD_REQUEST, 100),  # Meta's own answer is passed on
    GraphUnavailable: GraphShape(HTTPStatus.SERVICE_UNAVAILABLE, 2),  # the same, where there is one
    # Of what may be repeated: a receipt, or a template, which Meta makes and deletes once. For a message it is an
    # answer, `message_status: unknown`.
    GraphOutcomeUnknown: GraphShape(HTTPStatus.SERVICE_UNAVAILABLE, 2),
}
_TITLE = {131047: "Re-engagement message"}


def error_response(error: CasementError) -> Response:
    """What the caller of a Graph-compatible route gets for `error`."""
    status, body = shown(error)
    return Response.json(body, status, problem=type(error).__name__)


def shown(error: CasementError) -> tuple[int, Mapping[str, Any]]:
    """HTTP status and body of `error`, in Meta's shape."""
    if isinstance(error, GraphRejected | GraphUnavailable) and error.body is not None:
        return error.status, error.body
    shape = GRAPH_ERROR[type(error)]
    code = error.code if isinstance(error, RefusedAsMetaWould) else shape.code
    body: dict[str, Any] = {
        "message": f"(#{code}) {_TITLE.get(code, str(error))}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": str(error)},
        "fbtrace_id": f"casement-{uuid.uuid4().hex}",
    }
    subcode = error.subcode if isinstance(error, TemplateChangeRefused) else shape.subcode
    if subcode is not None:
        body["error_subcode"] = subcode
    if ours := _ours(error):
        body["error_data"]["casement"] = ours
    if isinstance(error, StillUnderWay):
        body["is_transient"] = True
    if isinstance(error, TemplateFaulty | TemplateChangeRefused):  # where Meta says what is wrong with a template
        body |= {"error_user_title": "Message template refused", "error_user_msg": str(error)}
    return int(shape.status), {"error": body}


def _ours(error: CasementError) -> Mapping[str, Any]:
    """What a caller of Casement may want to know that Graph has no word for."""
    if isinstance(error, WindowClosed):
        return error.details
    if isinstance(error, InvalidRequest) and error.parameter:
        return {"parameter": error.parameter}
    if isinstance(error, TemplateFaulty | AutomationsFaulty):
        return {"faults": [{"path": fault.path, "why": fault.why} for fault in error.faults]}
    if isinstance(error, TemplateChangeRefused) and error.retry_after is not None:
        return {"retry_after": error.retry_after}
    return {}
