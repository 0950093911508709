"""A client that somebody else wrote, unchanged: it must not be able to tell the simulator from Meta."""

from collections.abc import Iterator

import httpx
import pytest
from pywa import errors
from pywa.client import WhatsApp
from pywa.types.callback import Button

from local.simulator import LOCAL_NUMBER, Simulator
from tests.contract.conftest import ALICE


@pytest.fixture
def pywa(simulator: Simulator) -> Iterator[WhatsApp]:
    with httpx.Client(transport=httpx.WSGITransport(app=simulator)) as session:
        yield WhatsApp(
            phone_id=LOCAL_NUMBER.phone_number_id,
            waba_id=LOCAL_NUMBER.waba_id,
            token=LOCAL_NUMBER.token,
            session=session,
        )


def test_pywa_sends_uploads_and_reads(pywa: WhatsApp, simulator: Simulator) -> None:
    wamid = simulator.inbound("Hi", sender=ALICE)

    sent = pywa.send_message(ALICE, "Choose", buttons=[Button("Yes", "yes")])
    pywa.send_image(ALICE, image=b"\x89PNG", mime_type="image/png", caption="look")
    pywa.mark_message_as_read(wamid)
    names = {template.name for template in pywa.get_templates()}

    assert [message.type for message in simulator.sent] == ["interactive", "image"]
    assert simulator.sent[0].wamid == sent.id
    assert len(simulator.marked_read) == 1
    assert names >= {"hello_world", "we_are_here"}
    assert pywa.get_business_phone_number().verified_name == LOCAL_NUMBER.verified_name
    assert pywa.get_business_account().id == LOCAL_NUMBER.waba_id


def test_pywa_recognises_a_closed_window(pywa: WhatsApp, simulator: Simulator) -> None:
    simulator.set_options(window_refusal="sync")

    with pytest.raises(errors.ReEngagementMessage):
        pywa.send_message(ALICE, "too late")
