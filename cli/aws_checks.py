"""The doctor's checks of what Casement keeps in AWS: secret, table, templates, queues, alarms, quarantine, keys."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from casement.domain.api_key import ApiKey
from casement.domain.templates import SyncRecord
from casement.runtime.secret import Secret
from casement.store import keys
from casement.store.endpoints import Endpoints
from casement.store.subscriptions import Subscriptions
from casement.store.table import Table, text
from casement.store.templates import Templates
from cli.finding import Finding, attention, broken, ok
from cli.secret_document import missing

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

# What to do with a failure queue once the cause is mended. A job of the outbox is work: it goes back.
_AGAIN = {
    "React": "casement replay, then purge the queue",
    "SendOutbox": "start a DLQ redrive of the queue in the SQS console",
    "DeliverEvent": "start a DLQ redrive of the queue in the SQS console",
}
_SHOWN_IN_QUARANTINE = 50
_DEPLOY = "Deploy the stack again: make deploy"


def check_secret(secret: Secret) -> Finding:
    """Is everything in it?"""
    if lacks := missing(secret):
        return broken("secret", f"It lacks {', '.join(lacks)}", "casement secrets set")
    count = len(secret.app_secrets)
    if count > 1:
        return attention(
            "secret",
            f"Complete, with {count} app secrets that are both valid",
            "A week after the rotation: casement secrets rotate-app-secret --drop-older",
        )
    return ok("secret", f"Complete, {len(secret.numbers)} number(s)")


def check_table(client: "DynamoDBClient", name: str) -> Finding:
    """Does it answer, and does its stream feed what follows from facts?"""
    table = client.describe_table(TableName=name)["Table"]
    if table.get("TableStatus") != "ACTIVE":
        return broken("table", f"{name} is {table.get('TableStatus')}", "Wait, or look at it in the AWS console.")
    if table.get("StreamSpecification", {}).get("StreamViewType") != "NEW_AND_OLD_IMAGES":
        return broken("table", "Its stream is off, or gives no images: nothing follows from what comes in", _DEPLOY)
    return ok("table", f"{name} answers, its stream is on")


def check_expiry(client: "DynamoDBClient", name: str) -> Finding:
    """Is what has had its time deleted?"""
    said = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if said.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING") or said.get("AttributeName") != "ttl":
        return attention("retention", "TTL is off: nothing is ever deleted", _DEPLOY)
    return ok("retention", "TTL is on")


def check_backups(client: "DynamoDBClient", name: str) -> Finding:
    """Could the table be restored?"""
    said = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    if said.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
        return attention("backups", "Point-in-time recovery is off", _DEPLOY)
    return ok("backups", "Point-in-time recovery is on")


def check_subscriptions(subscriptions: Subscriptions, endpoints: Endpoints, now: int) -> Iterator[Finding]:
    """Does whoever is to be told what happens take it? `now` is epoch milliseconds."""
    for each in subscriptions.fresh():
        what = f"subscription {each.id}"
        health = endpoints.find(each.id).health
        if each.is_paused:
            do = f"When its endpoint is well: casement subscriptions resume {each.id}"
            yield attention(what, f"It is paused: {each.why}", do)
        elif health.is_open:
            minutes = (now - health.failing_since) // 60_000
            do = f"Look at its server; casement subscriptions deliveries {each.id} shows what it answers."
            yield attention(what, f"Its endpoint takes nothing, for {minutes} minutes; what happens waits", do)
        else:
            yield ok(what, "It is delivered to")


def check_syncs(wabas: Iterable[str], templates: Templates, max_age_s: int, now: int) -> Iterator[Finding]:
    """Are the templates of every WABA in step? Times are epoch milliseconds."""
    for waba_id in wabas:
        yield judge_sync(templates.sync_record(waba_id), max_age_s, now)


def judge_sync(record: SyncRecord, max_age_s: int, now: int) -> Finding:
    """What the record of a WABA's template readings says."""
    what = f"templates of WABA {record.waba_id}"
    if record.last_attempt_at is None:
        return attention(what, "Never read yet", "It happens every 15 minutes. If not, see the log of sync_templates.")
    failure = f", and the last attempt failed: {record.last_error}" if record.last_error else ""
    if record.last_success_at is None:
        return broken(what, f"Never read whole{failure}", "Mend its token, above, or see the log of sync_templates.")
    age_s = (now - record.last_success_at) // 1000
    shown = f"{record.templates} templates, read whole {_age(age_s)} ago{failure}"
    if age_s > max_age_s:
        return broken(what, shown, "Mend its token, above, or see the log of sync_templates.")
    if failure:
        return attention(
            what, shown, "If the next attempts fail too, mend its token, or see the log of sync_templates."
        )
    return ok(what, shown)


def check_failure_queues(client: "SQSClient", queues: Mapping[str, str]) -> Iterator[Finding]:
    """Was anything given up?"""
    for name, url in queues.items():
        said = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        waiting = int(said["ApproximateNumberOfMessages"]) + int(said["ApproximateNumberOfMessagesNotVisible"])
        what = f"queue {name}"
        if waiting:
            again = _AGAIN.get(next((of for of in _AGAIN if of in name), ""), "purge the queue")
            yield broken(what, f"{waiting} given up", f"Mend what the function's log says, then {again}.")
        else:
            yield ok(what, "Empty: nothing was given up")


def check_alarms(client: "CloudWatchClient", prefix: str) -> Iterator[Finding]:
    """Has any alarm gone off?"""
    pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    for alarm in alarms:
        if alarm.get("StateValue") == "ALARM":
            why = alarm.get("AlarmDescription") or "It has gone off"
            yield broken(f"alarm {alarm['AlarmName'].removeprefix(prefix)}", why, "See docs/deploy.md, Alarms.")
    if not alarms:
        yield attention("alarms", f"There are none whose name begins with {prefix}", _DEPLOY)
    elif not any(alarm.get("StateValue") == "ALARM" for alarm in alarms):
        yield ok("alarms", f"None of {len(alarms)} has gone off")


def check_quarantine(table: Table) -> Finding:
    """Is there anything that could not be understood?"""
    items = table.query(keys.QUARANTINE, "0", "g", limit=_SHOWN_IN_QUARANTINE, columns="reason")
    reasons = Counter(text(item, "reason") for item in islice(items, _SHOWN_IN_QUARANTINE))
    count = reasons.total()
    if not count:
        return ok("quarantine", "Empty: everything that came in was understood")
    or_more = " or more" if count == _SHOWN_IN_QUARANTINE else ""
    listed = "; ".join(f"{reason} ({times})" for reason, times in reasons.most_common(3))
    return attention(
        "quarantine",
        f"{count}{or_more} elements of webhooks were not understood and are kept whole: {listed}",
        "Nothing is lost. Report them, without personal data; they lie in the table under PK = Q.",
    )


def check_api_keys(kept: Iterable[ApiKey]) -> Finding:
    """Could anybody call?"""
    working = [key for key in kept if key.revoked_at is None]
    if not working:
        return attention("API keys", "There is none, so nobody can send", "casement keys create --name NAME")
    return ok("API keys", f"{len(working)} in use")


def _age(seconds: int) -> str:
    minutes = max(0, seconds) // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
