"""Templates in step with Meta: complete listings, single re-reads, and what must not change when either fails."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from casement.domain.errors import GraphUnavailable, StoreUnavailable
from casement.domain.templates import Held, Notice, Source
from casement.meta.graph import Graph
from casement.store.templates import Templates
from functions.sync_templates.app import noticed_in, refresh, refresh_noticed, sync_all
from local.simulator import LOCAL_NUMBER
from tests.support import fresh_interpreter
from tests.support.deployment import NOON, OTHER_NUMBER, WABA, Deployment, Json, deployed
from tests.support.faults import watching
from tests.support.tables import Items, snapshot

MINUTE = 60_000


@pytest.fixture
def synced(casement: Deployment) -> Deployment:
    casement.sync()
    casement.now += 15 * MINUTE
    return casement


def held(casement: Deployment, waba_id: str = WABA) -> dict[tuple[str, str], Held]:
    return {(each.template.name, each.template.language): each for each in casement.templates.all(waba_id)}


def templates_of(casement: Deployment) -> Items:
    """Every item about templates but the records of the syncs."""
    items = snapshot(casement.client, casement.name)
    return {key: item for key, item in items.items() if key[0].startswith("T#") and key[1] != "!sync"}


def add(casement: Deployment, count: int) -> None:
    for number in range(count):
        casement.simulator.add_template(
            {"name": f"extra_{number:04}", "language": "en_US", "category": "UTILITY", "components": []}
        )


def test_the_first_sync_stores_what_meta_has(casement):
    first, second = casement.sync()

    assert (first.waba_id, first.listed, first.changed, first.error) == (WABA, 5, 5, None)
    assert (second.waba_id, second.listed) == (OTHER_NUMBER.waba_id, 5)
    at_meta = {(each.data["name"], each.data["language"]): each for each in casement.simulator.templates.all(WABA)}
    stored = held(casement)
    assert stored.keys() == at_meta.keys()
    for place, one in stored.items():
        data = at_meta[place].data
        assert (one.template.id, one.template.status, one.template.category) == (
            data["id"],
            "APPROVED",
            data["category"],
        )
        assert one.template.definition["components"] == data["components"]
        assert (one.read_at, one.deleted_at) == (NOON, None)
    record = casement.templates.sync_record(WABA)
    assert (record.last_attempt_at, record.last_success_at, record.last_error, record.templates) == (
        NOON,
        NOON,
        None,
        5,
    )


def test_a_sync_that_changes_nothing_writes_nothing_but_its_own_record(synced):
    before = templates_of(synced)

    with watching(synced.client) as calls:
        assert [each.changed for each in synced.sync()] == [0, 0]

    assert calls.operations["PutItem"] == 2  # a record for each WABA
    assert calls.operations["BatchWriteItem"] == 0
    assert templates_of(synced) == before
    assert synced.templates.sync_record(WABA).last_success_at == synced.now


def test_what_changed_is_written_and_nothing_else(synced):
    before = templates_of(synced)
    synced.simulator.review("seasonal_offer", "pause", notify=False)

    assert [each.changed for each in synced.sync()] == [1, 1]

    after = templates_of(synced)
    assert {key for key in after if after[key] != before[key]} == {
        (f"T#{waba}", "seasonal_offer#en_US") for waba in (WABA, OTHER_NUMBER.waba_id)
    }
    assert held(synced)["seasonal_offer", "en_US"].template.status == "PAUSED"


@pytest.mark.parametrize(
    ("fault", "page"),
    [
        ({"how": "timeout_before", "n": 3}, 0),  # once for each size of a page
        ({"how": "5xx_before", "n": 3, "proxy_page": True}, 0),
        ({"how": "rate_limit"}, 0),
        ({"how": "error", "code": 190, "http_status": 401}, 0),
        ({"how": "connect"}, 0),
        ({"how": "5xx_before", "n": 3}, 1),
        ({"how": "drop_before", "n": 3}, 2),
    ],
)
def test_a_page_that_fails_leaves_the_set_as_it_was_and_is_told(synced, page, fault):
    add(synced, 200 * page)  # as many to a page
    synced.sync()
    synced.now += 15 * MINUTE
    before, record = templates_of(synced), synced.templates.sync_record(WABA)
    synced.simulator.review("hello_world", "delete")
    synced.simulator.review("seasonal_offer", "pause")
    synced.simulator.fail_next(**fault, match=f"GET /{WABA}/message_templates", skip=page)

    first, second = synced.sync()

    assert first.error
    assert second.error is None  # one WABA that fails does not keep the others from it
    assert {key: item for key, item in templates_of(synced).items() if key[0] == f"T#{WABA}"} == {
        key: item for key, item in before.items() if key[0] == f"T#{WABA}"
    }
    failed = synced.templates.sync_record(WABA)
    assert failed == replace(record, last_attempt_at=synced.now, last_error=first.error)
    synced.now += 15 * MINUTE
    assert synced.sync()[0].changed == 2
    assert synced.templates.sync_record(WABA).last_error is None


def test_hundreds_of_templates(dynamodb):
    with deployed(dynamodb, [LOCAL_NUMBER]) as casement:
        add(casement, 500)

        assert casement.sync()[0].listed == 505
        casement.now += 1
        with watching(casement.client) as calls:
            assert casement.sync()[0].changed == 0
    assert calls.operations["PutItem"] == 1
    assert calls.operations["BatchWriteItem"] == 0


def answering(pages: Mapping[str | None, Any]) -> httpx.MockTransport:
    """Meta's listing as these pages, by cursor."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=pages[request.url.params.get("after")])

    return httpx.MockTransport(answer)


def row(name: str, **more: Any) -> Json:
    return {"id": f"id-{name}", "name": name, "language": "en_US", "status": "APPROVED", "category": "UTILITY", **more}


def page(*rows: Any, after: str | None = None) -> Json:
    paging = {"cursors": {"after": after}, "next": f"https://x.test/?after={after}"} if after else {}
    return {"data": list(rows), "paging": paging}


def test_a_listing_that_runs_in_circles_ends_and_changes_nothing(synced):
    before = templates_of(synced)
    synced.wire.meta = answering(
        {None: page(row("a"), after="1"), "1": page(row("b"), after="2"), "2": page(after="1")}
    )

    first, _ = synced.sync()

    assert first.error is not None
    assert "came round" in first.error
    assert templates_of(synced) == before


def test_a_next_page_without_a_cursor_deletes_nothing(synced):
    before = templates_of(synced)
    synced.wire.meta = answering({None: {"data": [row("hello_world")], "paging": {"next": "https://x.test/"}}})

    assert synced.sync()[0].error
    assert templates_of(synced) == before


@pytest.mark.parametrize(
    "odd",
    [None, 5, "x", [], {}, {"id": "1"}, row("x", language=None), row("x", status=5.5), {**row("x"), "name": ["x"]}],
)
def test_an_odd_row_does_not_stop_the_others(casement, odd):
    casement.wire.meta = answering({None: page(row("a"), odd, row("b"))})

    first, _ = casement.sync()

    assert first.error is None
    assert {name for name, _ in held(casement)} >= {"a", "b"}


def test_a_row_that_can_no_longer_be_read_is_not_a_template_that_is_gone(casement):
    casement.wire.meta = answering({None: page(row("a"), row("b"))})
    casement.sync()
    casement.now += MINUTE
    casement.wire.meta = answering({None: page(row("a", language=None), row("b"))})

    casement.sync()

    assert held(casement)["a", "en_US"].deleted_at is None


def test_lower_case_and_unknown_statuses_are_kept(casement):
    casement.wire.meta = answering({None: page(row("a", status="approved"), row("b", status="TELEPORTED"))})
    casement.sync()

    stored = held(casement)
    assert stored["a", "en_US"].template.sendable
    assert not stored["b", "en_US"].template.sendable


def test_a_template_that_comes_back_is_there_again(synced):
    synced.simulator.review("hello_world", "delete", notify=False)
    synced.sync()
    gone = held(synced)["hello_world", "en_US"]
    assert (gone.template.status, gone.deleted_at) == ("DELETED", synced.now)
    synced.now += MINUTE
    with watching(synced.client) as calls:
        assert synced.sync()[0].changed == 0  # it is not marked again
    assert calls.operations["BatchWriteItem"] == 0
    synced.simulator.add_template({"name": "hello_world", "language": "en_US", "category": "UTILITY", "components": []})
    synced.now += MINUTE

    synced.sync()

    back = held(synced)["hello_world", "en_US"]
    assert (back.template.status, back.deleted_at) == ("APPROVED", None)
    assert back.template.id != gone.template.id


# --- one template, because Meta said that something happened to it ---------------------------------------


def events(casement: Deployment) -> list[Json]:
    """What the stream shows of the template events that Meta just told us of."""
    before = snapshot(casement.client, casement.name).keys()
    casement.deliver()
    items = snapshot(casement.client, casement.name)
    return [
        {"dynamodb": {"NewImage": item, "SequenceNumber": str(number)}}
        for number, (key, item) in enumerate(items.items())
        if key not in before and key[0].startswith("E#")
    ]


def refresh_all(casement: Deployment, records: Iterable[Json]) -> int:
    return sum(refresh_of(casement, waba_id, noticed.notices) for waba_id, noticed in noticed_in(records).items())


def refresh_of(casement: Deployment, waba_id: str, notices: Mapping[str, Notice]) -> int:
    templates, graph = casement.templates, casement.graph
    return refresh(waba_id, notices, casement.secret(), templates=templates, graph=graph, now=casement.now)


@pytest.mark.parametrize(
    ("decision", "status"),
    [("pause", "PAUSED"), ("reject", "REJECTED"), ("disable", "DISABLED"), ("flag", "APPROVED"), ("delete", "DELETED")],
)
def test_an_event_makes_the_template_be_read_again(synced, decision, status):
    synced.simulator.review("we_are_here", decision, language="es")
    records = events(synced)

    refresh_all(synced, records)

    assert held(synced)["we_are_here", "es"].template.status == status
    assert held(synced)["we_are_here", "en_US"].template.status == "APPROVED"
    assert held(synced)["hello_world", "en_US"].template.status == "APPROVED"


def test_what_meta_told_of_a_rejection_outlasts_every_later_reading(synced):
    synced.simulator.review("hello_world", "reject", reason="INVALID_FORMAT", advice="Put a word before it.")
    refresh_all(synced, events(synced))

    told = held(synced)["hello_world", "en_US"]
    assert (told.source, told.told_at, told.read_at) == (Source.WEBHOOK, synced.now, synced.now)
    assert told.why is not None
    assert (told.why["event"], told.why["reason"], told.why["at"]) == ("REJECTED", "INVALID_FORMAT", synced.now)
    assert told.why["rejection_info"]["recommendation"] == "Put a word before it."

    synced.now += 15 * MINUTE
    synced.simulator.score("hello_world", "YELLOW", notify=False)
    assert synced.sync()[0].changed == 1
    again = held(synced)["hello_world", "en_US"]
    assert (again.source, again.told_at, again.why) == (Source.SYNC, None, told.why)

    synced.simulator.review("hello_world", "approve", notify=False)
    synced.now += 15 * MINUTE
    synced.sync()
    assert held(synced)["hello_world", "en_US"].told is None


def test_a_rejection_whose_webhook_was_lost_still_has_its_reason(synced):
    synced.simulator.review("hello_world", "reject", reason="SCAM", notify=False)

    synced.sync()

    rejected = held(synced)["hello_world", "en_US"]
    assert (rejected.template.status, rejected.source, rejected.told) == ("REJECTED", Source.SYNC, None)
    assert rejected.template.definition["rejected_reason"] == "SCAM"


def test_a_deleted_template_is_still_explained(synced):
    before = held(synced)["we_are_here", "es"]
    synced.simulator.review("we_are_here", "delete", language="es")

    refresh_all(synced, events(synced))

    gone = held(synced)["we_are_here", "es"]
    assert (gone.template.status, gone.deleted_at, gone.source) == ("DELETED", synced.now, Source.WEBHOOK)
    assert gone.template.definition["components"] == before.template.definition["components"]
    assert gone.why is not None
    assert gone.why["event"] == "DELETED"
    synced.now += 15 * MINUTE
    assert synced.sync()[0].changed == 0


def test_a_deletion_that_a_listing_saw_first_is_explained_by_the_webhook(synced):
    synced.simulator.review("we_are_here", "delete", language="es")
    records = events(synced)
    synced.sync()
    assert held(synced)["we_are_here", "es"].told is None
    synced.now += MINUTE

    assert refresh_all(synced, records) == 2  # at each of the two accounts
    gone = held(synced)["we_are_here", "es"]
    assert gone.why is not None
    assert (gone.why["event"], gone.deleted_at) == ("DELETED", synced.now - MINUTE)


def test_events_that_come_in_another_order_end_in_the_same(synced):
    synced.simulator.review("hello_world", "reject", reason="SCAM")
    synced.now += 5_000
    synced.simulator.review("hello_world", "reject", reason="INVALID_FORMAT", advice="Put a word before it.")
    records = events(synced)

    for record in reversed(records):
        synced.now += 1_000
        refresh_all(synced, [record])

    why = held(synced)["hello_world", "en_US"].why
    assert why is not None
    assert why["reason"] == "INVALID_FORMAT"


def test_of_a_batch_the_last_event_counts_whatever_its_place(synced):
    synced.simulator.review("hello_world", "reject", reason="SCAM")
    synced.now += 5_000
    synced.simulator.review("hello_world", "reject", reason="INVALID_FORMAT")
    synced.now += 5_000
    synced.simulator.recategorise("hello_world", "MARKETING", announce=True)
    records = events(synced)

    for order in (records, records[::-1]):
        (notice,) = noticed_in(order)[WABA].notices.values()
        assert notice.at == synced.now
        assert notice.told is not None
        assert (notice.told["reason"], notice.told["at"]) == ("INVALID_FORMAT", synced.now - 5_000)
    assert noticed_in(records)[WABA].sequence_number == min(
        record["dynamodb"]["SequenceNumber"] for record in records if WABA in record["dynamodb"]["NewImage"]["PK"]["S"]
    )


def test_several_deletions_are_one_listing(synced):
    add(synced, 3)
    synced.sync()
    synced.now += MINUTE
    for number in range(3):
        synced.simulator.review(f"extra_{number:04}", "delete")
    asked = len(synced.wire.requests)

    assert refresh_all(synced, events(synced)) == 3
    assert len(synced.wire.requests) == asked + 4  # each by its id, then all


def test_an_account_that_fails_comes_again_and_keeps_no_other_from_being_read(synced):
    synced.simulator.review("hello_world", "pause")
    records = events(synced)
    synced.simulator.fail_next("error", 1, code=190, http_status=401)

    def again() -> list[str]:
        templates, graph = synced.templates, synced.graph
        return refresh_noticed(records, synced.secret(), templates=templates, graph=graph, now=synced.now)

    first, second = noticed_in(records)
    assert again() == [noticed_in(records)[first].sequence_number]
    assert [held(synced, waba)["hello_world", "en_US"].template.status for waba in (first, second)] == [
        "APPROVED",
        "PAUSED",
    ]
    assert again() == []
    assert held(synced, first)["hello_world", "en_US"].template.status == "PAUSED"


def test_a_category_change_and_a_score_are_read_too(synced):
    synced.simulator.recategorise("hello_world", "MARKETING")
    synced.simulator.score("hello_world", "RED")

    refresh_all(synced, events(synced))

    stored = held(synced)["hello_world", "en_US"].template
    assert stored.category == "MARKETING"
    assert stored.definition["quality_score"]["score"] == "RED"


def test_many_events_of_one_template_are_one_reading(synced):
    for decision in ("pause", "unpause", "pause", "unpause"):
        synced.now += 1_000
        synced.simulator.review("hello_world", decision, language="en_US")
    records = [record for record in events(synced) if "200000000000001" in record["dynamodb"]["NewImage"]["PK"]["S"]]
    asked = len(synced.wire.requests)

    assert len(records) == 4
    assert refresh_all(synced, records) == 1  # nothing but what Meta said of it
    assert len(synced.wire.requests) == asked + 1


def test_a_listing_that_began_earlier_does_not_overwrite_a_newer_reading(synced):
    def pause() -> None:
        """While Meta's answer is on its way."""
        synced.wire.after = lambda: None
        synced.now += 2_000
        synced.simulator.review("hello_world", "pause")
        refresh_all(synced, events(synced))

    synced.wire.after = pause

    assert synced.sync()[0].changed == 0
    assert held(synced)["hello_world", "en_US"].template.status == "PAUSED"


def test_a_failed_reading_changes_nothing(synced):
    synced.simulator.review("hello_world", "pause")
    records = events(synced)
    before = templates_of(synced)
    for fault in ({"how": "timeout_before"}, {"how": "5xx_before"}, {"how": "error", "code": 190, "http_status": 401}):
        synced.simulator.fail_next(**fault)
        with pytest.raises(Exception, match="Meta"):
            refresh_all(synced, records)
    assert templates_of(synced) == before


def test_an_event_of_a_waba_nobody_configured_asks_nobody(synced):
    asked = len(synced.wire.requests)

    assert refresh_of(synced, "999", {"1": Notice(synced.now)}) == 0
    assert len(synced.wire.requests) == asked


def test_an_event_without_an_id_makes_all_be_read_again(synced):
    synced.simulator.review("hello_world", "pause", notify=False)
    synced.simulator.webhook("message_template_status_update", {"event": "PAUSED"}, time=synced.now // 1000)

    assert refresh_all(synced, events(synced)) == 1
    assert held(synced)["hello_world", "en_US"].template.status == "PAUSED"


def test_a_secret_with_no_numbers_syncs_nothing(dynamodb):
    with deployed(dynamodb, []) as empty:
        assert empty.sync() == []


# --- what looks like a deletion and is none ---------------------------------------------------------------


def test_a_template_that_a_token_may_not_see_is_not_deleted(synced):
    synced.simulator.review("hello_world", "flag")
    records = events(synced)
    before = held(synced)
    synced.now += MINUTE
    synced.simulator.fail_next("error", 1, code=33, http_status=400)

    refresh_all(synced, records)  # Meta's answer for "gone" and for "not yours"; the listing still has it

    assert {place: one.template for place, one in held(synced).items()} == {
        place: one.template for place, one in before.items()
    }
    why = held(synced)["hello_world", "en_US"].why
    assert why is not None
    assert why["event"] == "FLAGGED"


@pytest.mark.parametrize("odd", [{"language": None}, {"status": None}, {"name": None}])
def test_a_reread_that_can_not_be_read_deletes_nothing(synced, odd):
    one = held(synced)["hello_world", "en_US"].template
    answer = {**one.definition, **odd}
    meta = Graph(
        httpx.Client(
            transport=httpx.MockTransport(
                lambda request: (
                    httpx.Response(503, json={"error": {"code": 2}})
                    if "message_templates" in request.url.path
                    else httpx.Response(200, json=answer)
                )
            )
        ),
        base_url="https://graph.example",
        version="v25.0",
    )

    with pytest.raises(GraphUnavailable):
        refresh(WABA, {one.id: Notice(1)}, synced.secret(), templates=synced.templates, graph=meta, now=synced.now)

    assert held(synced)["hello_world", "en_US"].template.status == "APPROVED"


def test_an_event_that_overtakes_a_listing_is_not_overwritten_by_it(synced):
    was = held(synced)["hello_world", "en_US"]
    paused = Held(replace(was.template, status="PAUSED"), synced.now + 2)
    synced.templates.keep(paused)

    synced.templates.keep(Held(was.template, synced.now))  # what a listing that began before had read

    assert held(synced)["hello_world", "en_US"] == paused


def test_a_store_that_fails_for_one_waba_does_not_keep_the_other_from_its_sync(casement):
    class Failing(Templates):
        def known(self, waba_id):
            if waba_id == WABA:
                raise StoreUnavailable("DynamoDB did not answer Query: ThrottlingException")
            return super().known(waba_id)

    first, second = sync_all(
        casement.secret(), templates=Failing(casement.table), graph=casement.graph, now=casement.now
    )

    assert (first.changed, first.error) == (0, "DynamoDB did not answer Query: ThrottlingException")
    assert (second.changed, second.error) == (5, None)
    assert casement.templates.sync_record(WABA).last_error == first.error


def test_before_there_is_a_secret_the_schedule_does_nothing_and_does_not_fail():
    program = """
import io
from botocore.awsrequest import AWSResponse
from casement.runtime import wiring
from functions.sync_templates.app import handler

class Raw(io.BytesIO):
    def stream(self, **_):
        yield self.read()

def nothing(request, **_):
    return AWSResponse(request.url, 400, {}, Raw(b'{"__type": "ResourceNotFoundException"}'))

wiring._secrets_manager().meta.events.register("before-send", nothing)

class Context:
    function_name = "sync_templates"

print(handler({"source": "aws.scheduler"}, Context()))
"""
    printed = fresh_interpreter.run(
        program, POWERTOOLS_METRICS_NAMESPACE="Casement", POWERTOOLS_SERVICE_NAME="sync_templates"
    )

    assert "{'synced': []}" in printed
    assert '"SyncAgeSeconds":[1000000000.0]' in printed  # so the alarm says that nothing was ever synced
