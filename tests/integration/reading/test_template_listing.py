"""`GET /{waba_id}/message_templates` on what is stored, in the shape of Meta's own listing."""

import base64
from typing import Any

import pytest

from tests.support.deployment import OTHER_NUMBER, WABA, Deployment

SEEDED = [
    ("hello_world", "en_US"),
    ("order_on_its_way", "en_US"),
    ("seasonal_offer", "en_US"),
    ("we_are_here", "en_US"),
    ("we_are_here", "es"),
]


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.sync()


def listed(casement: Deployment, **query: Any) -> list[tuple[str, str]]:
    answer = casement.get("message_templates", number=WABA, **query)
    assert answer.status == 200, answer.body
    return [(each["name"], each["language"]) for each in answer.body["data"]]


def test_what_meta_said_is_shown_as_meta_said_it(casement):
    shown = casement.get("message_templates", number=WABA).body["data"]

    at_meta = {each.id: each.data for each in casement.simulator.templates.all(WABA)}
    assert {each["id"]: {name: value for name, value in each.items() if name != "casement"} for each in shown} == {
        id_: {name: value for name, value in data.items() if name in shown[0] or name in ("components",)}
        for id_, data in at_meta.items()
    }
    assert [(each["name"], each["language"]) for each in shown] == SEEDED


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"name": "we_are_here"}, SEEDED[3:]),
        ({"name": "we_are"}, []),
        ({"language": "es"}, SEEDED[4:]),
        ({"category": "MARKETING"}, [SEEDED[2]]),
        ({"category": "marketing,UTILITY"}, SEEDED),
        ({"status": "APPROVED"}, [SEEDED[0], *SEEDED[2:]]),
        ({"status": "PAUSED"}, [SEEDED[1]]),
        ({"status": "PAUSED,APPROVED"}, SEEDED),
        ({"status": "REJECTED"}, []),
        ({"name": "we_are_here", "language": "en_US"}, [SEEDED[3]]),
        ({"quality_score": "UNKNOWN,GREEN"}, SEEDED),
        ({"quality_score": "RED"}, []),
        ({"content": "LATEST"}, []),
        ({"content": "hola"}, [SEEDED[4]]),
        ({"name_or_content": "here"}, SEEDED[3:]),
        ({"name_or_content": "first message"}, [SEEDED[0]]),
    ],
)
def test_filters(casement, query, found):
    casement.simulator.review("order_on_its_way", "pause", notify=False)
    casement.now += 1_000
    casement.sync()

    assert listed(casement, **query) == found


def test_a_summary_counts_all_pages(casement):
    answer = casement.get("message_templates", number=WABA, language="en_US", limit=1, summary="total_count").body

    assert len(answer["data"]) == 1
    assert answer["summary"] == {
        "total_count": 4,
        "message_template_count": 4,
        "message_template_limit": None,
        "are_translations_complete": True,
    }


def test_fields(casement):
    shown = casement.get("message_templates", number=WABA, fields="name, status,quality_score{score},nothing").body

    assert all(set(each) == {"id", "name", "status", "quality_score"} for each in shown["data"])


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 100])
@pytest.mark.parametrize("filters", [{}, {"language": "en_US"}])
def test_paging(casement, limit, filters):
    pages = list(casement.pages("message_templates", number=WABA, limit=limit, **filters))

    found = [(each["name"], each["language"]) for page in pages for each in page]
    assert found == [each for each in SEEDED if each[1] == filters.get("language", each[1])]
    assert all(len(page) <= limit for page in pages)


def test_a_template_gone_from_meta_is_marked_not_erased(casement):
    casement.simulator.review("hello_world", "delete")
    casement.now += 1_000
    casement.sync()

    (shown,) = casement.get("message_templates", number=WABA, name="hello_world").body["data"]

    assert shown["status"] == "DELETED"
    assert shown["components"]


def test_nothing_is_known_of_another_waba(casement):
    assert casement.get("message_templates", number="999").code == 100
    assert len(casement.get("message_templates", number=OTHER_NUMBER.waba_id).body["data"]) == len(SEEDED)


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("after", ["!", "!sync", "", "\x00", "~~", "~~~", "\u00e9", "zzz", "hello_world#en_US"])
def test_a_cursor_that_nobody_gave_finds_what_is_behind_it(casement, after):
    found = listed(casement, after=cursor(after))

    assert found == [each for each in SEEDED if "#".join(each) > after]


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "x"), ("after", "!!!!x"), ("after", "\u00e9")])
def test_a_bad_parameter_is_graphs_400(casement, name, value):
    answer = casement.get("message_templates", number=WABA, **{name: value})

    assert (answer.status, answer.code) == (400, 100)
