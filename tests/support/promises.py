"""What Casement promises of every message, whatever went wrong on the way, checked against Meta's own ledger: what the
simulator took, and whether its own window was open.

A message is known by its label: its text, or the parameter of the template that stands in for it. No two requests of a
story have the same.
"""

from collections import defaultdict
from collections.abc import Iterable

from local.simulator.messages import Sent
from tests.support.crashes import Asked, Stage
from tests.support.deployment import API_KEY, NUMBER, Deployment, Json

RE_ENGAGEMENT = 131047
WENT_OUT = {"accepted", "sent", "delivered", "read"}
NOT_KNOWN = {"unknown", "unresolved"}
CAME_TO_NOTHING = {"refused", "failed", "expired", "cancelled", "superseded", "handed_off"}
ENDS = WENT_OUT | {"unresolved", "released"} | CAME_TO_NOTHING
TRY_AGAIN = (409, 429, 503)


def said(body: Json) -> str:
    """The label of a message, given its body."""
    if body.get("type") == "template":
        label: str = body["template"]["components"][0]["parameters"][0]["text"]
        return label
    words: str = body["text"]["body"]
    return words


def ledger(casement: Deployment) -> dict[str, list[Sent]]:
    """What Meta took, in order, by label."""
    by_label: dict[str, list[Sent]] = defaultdict(list)
    for sent in casement.simulator.sent:
        by_label[said(sent.body)].append(sent)
    return by_label


def reached(casement: Deployment) -> list[str]:
    """The labels of what customers have seen, in order."""
    return [said(sent.body) for sent in casement.simulator.sent if sent.failed is None]


def check(stage: Stage) -> None:
    """Everything that must be true once nothing happens any more."""
    check_meta(stage.casement)
    check_api(stage)
    for asked in stage.asked:
        check_answers(asked, stage.casement)


def check_meta(casement: Deployment) -> None:
    """Nothing free-form outside of the window; nothing twice, unless Meta has refused it for the window before."""
    outside = [said(sent.body) for sent in casement.simulator.sent if sent.kind == "free_form" and not sent.window_open]
    assert outside == [], f"sent outside of the window: {outside}"
    for label, times in ledger(casement).items():
        for earlier in times[:-1]:
            assert earlier.failed == RE_ENGAGEMENT, f"sent {len(times)} times: {label}"


def check_answers(asked: Asked, casement: Deployment) -> None:
    """What a caller was told is what happened."""
    was_seen = asked.label in reached(casement)
    assert len(asked.ids) <= 1, f"{asked.label} is {len(asked.ids)} messages to its caller"
    wamids = {sent.wamid for sent in ledger(casement).get(asked.label, ())}
    for answer in asked.answers:
        if answer.status == 200 and answer.body["messages"][0]["id"].startswith("wamid."):
            assert answer.body["messages"][0]["id"] in wamids
        if answer.status != 200 and answer.status not in TRY_AGAIN:
            assert not was_seen, f"{asked.label} was refused ({answer.status}) and went out all the same"


def check_api(stage: Stage) -> None:
    """Every message has an end that the API shows, and the one it had; nothing waits any more."""
    casement = stage.casement
    waiting = [str(pending.key) for pending in casement.pendings.all(NUMBER)]
    assert waiting == [], f"still waiting: {waiting}"
    shown = sends(casement)
    for view in shown.values():
        assert view["casement"]["status"] in ENDS, f"no end: {view}"
        for attempt in view["casement"].get("attempts", ()):
            assert attempt["casement"]["status"] in ENDS, f"a try without an end: {view}"
            assert attempt["casement"]["id"] in shown, f"a try that was never asked for: {view}"
    for asked in stage.asked:
        assert asked.ids <= shown.keys(), f"not listed: {asked.label}"
    by_label: dict[str, list[Json]] = defaultdict(list)
    for view in shown.values():
        by_label[said(view)].append(view)
    for label, views in by_label.items():
        _check_honest(label, views, casement)


def _check_honest(label: str, views: Iterable[Json], casement: Deployment) -> None:
    """What is shown as sent was sent, and what is shown to have come to nothing reached nobody. `views` are of one
    message: the one that was asked for, and every try."""
    statuses = {view["casement"]["status"] for view in views}
    if label in reached(casement):
        assert statuses & (WENT_OUT | NOT_KNOWN), f"{label} went out, and is shown as {statuses}"
        assert not statuses & (CAME_TO_NOTHING - {"failed"}), f"{label} went out, and is shown as {statuses}"
    else:
        assert not statuses & WENT_OUT, f"{label} reached nobody, and is shown as {statuses}"
        assert statuses & (NOT_KNOWN | CAME_TO_NOTHING), f"{label} reached nobody, and is shown as {statuses}"


def sends(casement: Deployment) -> dict[str, Json]:
    """Every send that the API lists, by its key, each as `messages/{id}` shows it."""
    found: dict[str, Json] = {}
    query = "limit=100"
    while True:
        page = _get(casement, f"/v25.0/{NUMBER}/messages", query)
        for view in page["data"]:
            if view["casement"]["kind"] == "send":
                id_ = view["casement"]["id"]
                found[id_] = _get(casement, f"/v25.0/{NUMBER}/messages/{id_}")
        if "next" not in page.get("paging", {}):
            return found
        query = f"limit=100&after={page['paging']['cursors']['after']}"


def _get(casement: Deployment, path: str, query: str = "") -> Json:
    """What the API shows, without anything else happening."""
    answer = casement.request("GET", path, query=query, headers={"authorization": f"Bearer {API_KEY}"})
    assert answer.status == 200, answer.body
    body: Json = answer.body
    return body


def in_order(labels: Iterable[str], asked: Iterable[Asked]) -> bool:
    """Whether `labels` went out in the order in which they were asked for."""
    wanted = [each.label for each in asked]
    places = [wanted.index(label) for label in labels]
    return places == sorted(places)
