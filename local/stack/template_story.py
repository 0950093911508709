"""The second chapter: a template of the starter library, from the file to a message that was read and counted."""

from typing import Any

from cli.starter import library
from local.stack.seed import WABA_ID
from local.stack.story import Scene, Step, expect

CARLA = "16505550103"
NAME, LANGUAGE = "continue_conversation", "en_US"


def _file_it(scene: Scene) -> str:
    answer = scene.post(f"/{WABA_ID}/message_templates", library()[NAME].creation(LANGUAGE))
    expect(answer.status_code == 200, f"it was answered {answer.status_code}: {answer.text}")
    said = answer.json()
    listed = _stored(scene)
    expect(listed["status"] == said["status"] == "PENDING", f"Meta says {said['status']}, we show {listed['status']}")
    return f"It was checked, sent to Meta and stored: {said['status']}, {said['category']}."


def _what_is_wrong(scene: Scene) -> str:
    body = {"type": "BODY", "text": "{{1}}, your parcel {{3}} is on its way"}
    wanted = {"name": "My Parcel", "language": "en_US", "category": "UTILITY", "components": [body]}
    answer = scene.post(f"/{WABA_ID}/message_templates", wanted)
    expect(answer.status_code == 400, f"it was answered {answer.status_code}: {answer.text}")
    faults = answer.json()["error"]["error_data"]["casement"]["faults"]
    expect(len(faults) > 2, f"only {len(faults)} faults were found")
    told = "\n   ".join(f"{fault['path']}: {fault['why']}" for fault in faults)
    return f"Refused before Meta sees it, with everything that is wrong:\n   {told}"


def _meta_approves(scene: Scene) -> str:
    scene.meta(f"/templates/{NAME}/review", {"decision": "approve"})
    scene.until("approved template", lambda: _stored(scene)["status"] == "APPROVED" or None)

    def look() -> list[str] | None:
        (translation,) = scene.get(f"{_ours(scene)}/{NAME}")["data"]
        states = [change["now"] for change in translation["history"] if change["what"] == "status"]
        return states if "APPROVED" in states else None

    states = scene.until("history that ends with the approval", look)
    return f"Meta's webhook said so, and it was read again at once. Its history: {', '.join(states)}."


def _look_first(scene: Scene) -> str:
    found = scene.get(f"{_ours(scene)}/find", contact=CARLA, purpose="re_engage")["usable"]
    expect([each["name"] for each in found] == [NAME], f"the finder found {found}")
    needs = ", ".join(found[0]["needs"]) or "nothing"
    return f"The finder knows what the purpose re_engage comes to for her, and what it needs: {NAME}, {needs}."


def _to_carla(scene: Scene) -> str:
    text = {"type": "text", "text": {"body": "We have looked into it: your refund is on its way."}}
    answer = scene.send(CARLA, text, when_closed="template")
    expect(answer.status_code == 200, f"it was answered {answer.status_code}: {answer.text}")
    sent = answer.json()["casement"]["sent_instead"]["name"]
    expect(sent == NAME, f"{sent} was sent")
    scene.template_sent = answer.json()["messages"][0]["id"]
    return f"Her window was never open. The purpose re_engage chose {sent}, and Meta took it."


def _carla_answers(scene: Scene) -> str:
    scene.meta("/read", {"id": scene.template_sent})
    scene.meta("/tap", {"id": scene.template_sent})

    def look() -> dict[str, Any] | None:
        total: dict[str, Any] = scene.get(f"{_ours(scene)}/{NAME}/analytics")["total"]
        steps = ("asked", "sent", "delivered", "read", "replied", "taps")
        return total if all(total[step] for step in steps) else None

    total = scene.until("counts of a message that was asked, sent, delivered, read, answered and tapped", look)
    counted = ", ".join(f"{total[step]} {step}" for step in ("asked", "sent", "delivered", "read", "replied"))
    taps = ", ".join(f"'{text}' {count}" for text, count in total["taps"].items())
    return f"That opened her window. The template's analytics: {counted}; taps: {taps}."


def _ours(scene: Scene) -> str:
    """Where the routes are that Graph has no word for."""
    return f"{scene.api_url}/casement/v1/templates"


def _stored(scene: Scene) -> dict[str, Any]:
    """The template as the stored listing shows it."""
    (listed,) = scene.get(f"/{WABA_ID}/message_templates", name=NAME, language=LANGUAGE)["data"]
    return dict(listed)


A_TEMPLATE = (
    Step("A template is to be filed that Meta would refuse.", _what_is_wrong),
    Step(f"{NAME}, from the starter library, is filed for review.", _file_it),
    Step("Meta approves it.", _meta_approves),
    Step("What can go to Carla, who never wrote?", _look_first),
    Step("An answer in free text to Carla, or a template in its place.", _to_carla),
    Step("Carla reads it and taps its button.", _carla_answers),
)
