"""What the outbox's queue is asked: in which groups, in what order, and no more than it takes."""

from typing import Any, cast

from casement.domain.automations import Happened, Kind, Send, State, decide
from casement.domain.automations_document import LARGEST_PART, automations_from
from casement.domain.jobs import Automatic, Do, Job, job_from
from casement.store.fifo_queue import LARGEST_BATCH
from casement.store.outbox import Outbox


class Queue:
    """An SQS client that takes what SQS takes."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []

    def send_message_batch(self, **asked: Any) -> dict[str, Any]:
        entries = asked["Entries"]
        assert len(entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) for entry in entries) <= LARGEST_BATCH
        self.batches.append(entries)
        return {}


def put(*jobs: Job) -> list[list[dict[str, Any]]]:
    queue = Queue()
    Outbox(cast("Any", queue), "https://sqs.example/outbox.fifo").put(jobs)
    return queue.batches


def automatic(number: int, what: Any) -> Job:
    return Job("1000", f"contact{number}", automatic=Automatic("rule", f"rule wamid.{number} 0", 1, Do.SEND, what))


def test_no_batch_is_larger_than_sqs_takes_and_none_is_left_out():
    jobs = [automatic(number, {"text": {"body": "\N{GRINNING FACE}" * 4_096}}) for number in range(23)]
    batches = put(*jobs, jobs[0])

    entries = [entry for batch in batches for entry in batch]
    assert [job_from(entry["MessageBody"]).contact for entry in entries] == [job.contact for job in jobs]
    assert all(len({entry["Id"] for entry in batch}) == len(batch) for batch in batches)


def test_the_largest_message_that_a_rule_may_send_is_taken():
    variables = "{{message.text}}" * 3_000
    body = {"type": "interactive", "interactive": {"body": variables, "more": "x" * (LARGEST_PART - 49_000)}}
    automations = automations_from({"rules": [{"id": "all", "when": "message", "then": {"reply": body}}]})
    element = {"type": "text", "text": {"body": "\N{GRINNING FACE}" * 4_096}}
    (fired,) = decide(automations, Happened(Kind.MESSAGE, "wamid.1", 1, element), State(), 1).fired

    (sent,) = fired.actions
    assert isinstance(sent, Send)

    ((entry,),) = put(automatic(1, sent.body))
    assert entry["MessageBody"].count("\\ud83d\\ude00") == 10_000
