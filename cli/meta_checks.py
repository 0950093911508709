"""The doctor's checks at Meta: tokens, numbers, subscriptions, and the webhook as Meta would call it.

Meta's own messages are never shown: some quote the token. Its codes are.
"""

import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from casement.domain.errors import GraphError, GraphRejected
from casement.runtime.secret import Number, Secret
from cli.finding import Finding, attention, broken, ok
from cli.inspector import Inspector
from cli.secret_document import fingerprint

NEEDED_SCOPES = ("whatsapp_business_messaging", "whatsapp_business_management")
SOON_S = 14 * 86_400

_NEW_TOKEN = (
    f"Make a system user's token without expiry, with {' and '.join(NEEDED_SCOPES)}, and store it: casement secrets set"
)
_INVALID_TOKEN = 190
_WHY_INVALID = {  # https://developers.facebook.com/docs/graph-api/guides/error-handling
    458: "its user removed the app",
    460: "its user changed the password",
    463: "it has expired",
    464: "its user is not confirmed",
    467: "it was revoked",
}
_STATUS_WORKS = frozenset({"CONNECTED"})
_STATUS_LIMITED = frozenset({"FLAGGED", "RATE_LIMITED", "RESTRICTED"})
_LOW_QUALITY = frozenset({"YELLOW", "RED"})
_NAME_MISSING = frozenset({"DECLINED", "EXPIRED", "NONE"})


def check_webhook(http: httpx.Client, url: str, verify_token: str) -> Finding:
    """Meta's handshake, by us: the challenge must come back unchanged."""
    what = "webhook"
    challenge = secrets.token_hex(8)
    query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
    try:
        answer = http.get(url, params=query)
    except httpx.HTTPError as error:
        return broken(what, f"{url} can't be reached: {type(error).__name__}", "Is the stack deployed whole, and up?")
    if answer.status_code == httpx.codes.OK and hmac.compare_digest(answer.content, challenge.encode()):
        return ok(what, f"{url} answers Meta's handshake")
    if answer.status_code == httpx.codes.FORBIDDEN:
        return broken(
            what,
            f"{url} does not know the verify token",
            "If it was changed a moment ago, wait until the functions read the secret again; else deploy again.",
        )
    return broken(
        what, f"{url} answers the handshake with HTTP {answer.status_code}", "Look at the log of receive_webhook."
    )


def check_tokens(secret: Secret, inspector: Inspector, now: int) -> Iterator[Finding]:
    """Every token once, for all the numbers that it is for."""
    for token, numbers in _by_token(secret).items():
        what = f"token {fingerprint(token)}"
        try:
            said = inspector.token(token)
        except GraphError as error:
            yield _token_not_inspected(what, error)
        else:
            yield judge_token(what, said, {number.waba_id for number in numbers}, now)


def judge_token(what: str, said: Mapping[str, Any], wabas: set[str], now: int) -> Finding:
    """What Meta's `debug_token` says of a token that is to act for `wabas`; `now` is epoch milliseconds."""
    if said.get("is_valid") is not True:
        error = said.get("error")
        return broken(what, _why_invalid(error.get("subcode") if isinstance(error, dict) else None), _NEW_TOKEN)
    scopes = said.get("scopes")
    if absent := [scope for scope in NEEDED_SCOPES if not isinstance(scopes, list) or scope not in scopes]:
        return broken(what, f"It lacks {' and '.join(absent)}", _NEW_TOKEN)
    if barred := sorted(wabas - _targets(said.get("granular_scopes"), wabas)):
        return broken(
            what,
            f"It may not act for WABA {', '.join(barred)}",
            "Assign that WhatsApp account to the system user, with full control, in Meta's Business settings.",
        )
    return _judge_expiry(what, said, now)


def check_numbers(secret: Secret, inspector: Inspector) -> Iterator[Finding]:
    """Every number: may its token use it, and what does Meta think of it?"""
    for number in secret.numbers.values():
        what = f"number {number.number}"
        try:
            said = inspector.number(number.number, number.token)
        except GraphError as error:
            yield broken(what, _why_refused(error), f"Is the id right, and the token one for it? {_NEW_TOKEN}")
        else:
            yield judge_number(what, said)


def judge_number(what: str, said: Mapping[str, Any]) -> Finding:
    """What Meta says of a number. Fields that it leaves out are not held against it."""
    status, quality = str(said.get("status") or "CONNECTED"), str(said.get("quality_rating") or "UNKNOWN")
    throughput = said.get("throughput")
    level = throughput.get("level", "unknown") if isinstance(throughput, dict) else "unknown"
    shown = f"{said.get('display_phone_number') or 'it'} is {status}, quality {quality}, throughput {level}"
    dashboard = "Meta's WhatsApp Manager, under Phone numbers, says why."
    if status not in _STATUS_WORKS | _STATUS_LIMITED:
        return broken(what, shown, f"It can't send. Register or verify it again; {dashboard}")
    if status in _STATUS_LIMITED or quality in _LOW_QUALITY:
        return attention(what, shown, f"Send fewer and more welcome templates, or Meta will limit it. {dashboard}")
    if said.get("name_status") in _NAME_MISSING:
        return attention(
            what, f"{shown}; its display name is {said['name_status']}", f"Ask for another name. {dashboard}"
        )
    return ok(what, shown)


def check_flow_keys(secret: Secret, inspector: Inspector) -> Iterator[Finding]:
    """Every number: does Meta encrypt its Flows for a key of ours? Nothing is asked where there is no such key."""
    if not secret.flow_keys:
        return
    from cli.flow_keys import public_half  # cryptography, which few commands need

    ours = [public_half(pem) for pem in secret.flow_keys]
    for number in secret.numbers.values():
        what = f"key for Flows of {number.number}"
        try:
            said = inspector.flow_key(number.number, number.token)
        except GraphError as error:
            yield attention(what, _why_refused(error), f"Is the id right, and the token one for it? {_NEW_TOKEN}")
        else:
            yield judge_flow_key(what, said, ours)


def judge_flow_key(what: str, said: Mapping[str, Any], ours: Sequence[str]) -> Finding:
    """What Meta says of the key that it encrypts a number's Flows for; `ours` are the public keys, newest first."""
    upload = "casement flows key --upload-only"
    kept, known = str(said.get("business_public_key") or "").split(), [pem.split() for pem in ours]
    if not kept:
        return attention(what, "Meta has none", f"If its Flows ask an endpoint: {upload}")
    if kept not in known:
        return broken(what, "Meta has another than the stack: none of its Flows' requests can be read", upload)
    if said.get("business_public_key_signature_status") not in (None, "VALID"):
        return broken(what, "Meta does not hold it to be valid", upload)
    if kept != known[0]:
        return attention(what, "Meta has the older one", upload)
    return ok(what, "Meta has the newest")


def check_wabas(secret: Secret, inspector: Inspector, webhook_url: str) -> Iterator[Finding]:
    """Every WABA: do its webhooks come here, and are the numbers really its own?"""
    for waba_id, token in secret.wabas().items():
        what = f"WABA {waba_id}"
        numbers = {number.number for number in secret.numbers.values() if number.waba_id == waba_id}
        try:
            strangers = numbers - inspector.phone_number_ids(waba_id, token)
            apps = inspector.subscribed_apps(waba_id, token)
            app_id = _app_of(token, inspector)
        except GraphError as error:
            yield broken(what, _why_refused(error), f"Is the WABA id right, and the token one for it? {_NEW_TOKEN}")
            continue
        if strangers:
            yield broken(
                what,
                f"Meta does not list {', '.join(sorted(strangers))} among its numbers",
                "Store each number with the WABA it belongs to: casement secrets set",
            )
        yield judge_subscription(what, apps, app_id, webhook_url)


def judge_subscription(what: str, apps: Iterable[Mapping[str, Any]], app_id: str | None, webhook_url: str) -> Finding:
    """Whether a WABA's webhooks go to the token's app (None: not known which it is), and on to us."""
    named = {_app_id(app): app for app in apps}
    if not named or (app_id and app_id not in named):
        return broken(
            what,
            "Its webhooks do not go to the app: nothing arrives",
            "Subscribe the app: POST /{waba_id}/subscribed_apps with the token, see docs/deploy.md",
        )
    elsewhere = named.get(app_id or "", {}).get("override_callback_uri")
    if elsewhere and elsewhere != webhook_url:
        return attention(
            what,
            "Its messages go to another callback URL than this stack's",
            "If they should come here, subscribe the app again without override_callback_uri.",
        )
    return ok(what, "The app is subscribed to its webhooks")


def _app_of(token: str, inspector: Inspector) -> str | None:
    """The app that a token belongs to, None if Meta does not say."""
    try:
        app_id = inspector.token(token).get("app_id")
    except GraphRejected:
        return None
    return str(app_id) if app_id else None


def _app_id(app: Mapping[str, Any]) -> str:
    data = app.get("whatsapp_business_api_data")
    return str(data.get("id")) if isinstance(data, dict) else ""


def _by_token(secret: Secret) -> dict[str, list[Number]]:
    by_token: dict[str, list[Number]] = {}
    for number in secret.numbers.values():
        by_token.setdefault(number.token, []).append(number)
    return by_token


def _token_not_inspected(what: str, error: GraphError) -> Finding:
    if isinstance(error, GraphRejected) and error.code == _INVALID_TOKEN:
        return broken(what, _why_refused(error), _NEW_TOKEN)
    if isinstance(error, GraphRejected):
        return attention(
            what, f"Meta does not let it look at itself (code {error.code})", "See whether its numbers work, below."
        )
    return broken(what, str(error), "Look at Meta's status page, and at the network. Then run doctor again.")


def _why_refused(error: GraphError) -> str:
    if isinstance(error, GraphRejected) and error.code == _INVALID_TOKEN:
        details = error.body.get("error")
        return _why_invalid(details.get("error_subcode") if isinstance(details, dict) else None)
    return str(error)


def _why_invalid(subcode: Any) -> str:
    known = _WHY_INVALID.get(subcode) if isinstance(subcode, int) else None
    return f"Meta does not take this token{f': {known}' if known else ''}"


def _targets(granular: Any, wabas: set[str]) -> set[str]:
    """The WABAs among `wabas` that every needed scope covers; a scope that names no targets covers all."""
    covered = set(wabas)
    for each in granular if isinstance(granular, list) else ():
        if isinstance(each, dict) and each.get("scope") in NEEDED_SCOPES and isinstance(each.get("target_ids"), list):
            covered &= {str(target) for target in each["target_ids"]}
    return covered


def _judge_expiry(what: str, said: Mapping[str, Any], now: int) -> Finding:
    ends = [end for name in ("expires_at", "data_access_expires_at") if isinstance(end := said.get(name), int) and end]
    if not ends:
        return ok(what, "Valid without expiry, with the scopes it needs")
    left = min(ends) - now // 1000
    day = datetime.fromtimestamp(min(ends), UTC).strftime("%Y-%m-%d %H:%M UTC")
    if left <= 0:
        return broken(what, f"It expired on {day}", _NEW_TOKEN)
    if left <= SOON_S:
        return attention(what, f"It expires on {day}", _NEW_TOKEN)
    return ok(what, f"Valid until {day}, with the scopes it needs")
