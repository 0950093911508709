"""Signatures that others verify: Standard Webhooks by its own library, Meta's as Meta's documents say."""

import base64
import hashlib
import hmac
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from casement.domain.compact_json import dumps
from casement.webhooks.sign import meta_headers, standard_headers

OLD, NEW, OTHER = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in range(3))


@settings(max_examples=25)
@given(st.dictionaries(st.text(), st.text()))
def test_a_receiver_with_either_secret_verifies_it(event):
    body = dumps(event)
    headers = standard_headers([NEW, OLD], "evt_1", time.time_ns() // 1_000_000, body)

    for secret in (NEW, OLD):
        assert Webhook(secret).verify(body.encode(), headers) == event
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(body.encode(), headers)


def test_the_newest_secret_signs_first():
    both = standard_headers([NEW, OLD], "evt_1", 1_795_000_000_999, "{}")
    newest = standard_headers([NEW], "evt_1", 1_795_000_000_000, "{}")

    assert both["webhook-signature"].split(" ")[0] == newest["webhook-signature"]
    assert (both["webhook-id"], both["webhook-timestamp"]) == ("evt_1", "1795000000")


def test_metas_signature_is_over_the_bytes_as_they_are():
    body = '{"text":"é"}'.encode()
    digest = hmac.new(b"a secret of theirs", body, hashlib.sha256).hexdigest()
    assert meta_headers("a secret of theirs", body) == {"x-hub-signature-256": f"sha256={digest}"}
