"""Meta's handshake: before a bot that was written for Meta gets anything, it shows that it knows its verify token.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint
"""

from urllib.parse import urlencode

from casement.domain.errors import InvalidRequest
from casement.webhooks.post import Caller, NoAnswer


def shake_hands(url: str, verify_token: str, challenge: str, caller: Caller) -> None:
    """GET as Meta does, and raise `InvalidRequest` unless the challenge comes back."""
    asked = urlencode({"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token})
    try:
        reply = caller.get(f"{url}{'&' if '?' in url else '?'}{asked}")
    except NoAnswer as error:
        raise InvalidRequest(f"url did not answer Meta's handshake. {error}", parameter="url") from error
    if not reply.ok or reply.body.decode(errors="replace").strip() != challenge:
        raise InvalidRequest(
            f"url answered Meta's handshake with {reply.status} and no challenge: does it know this verify token?",
            parameter="verify_token",
        )
