import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from bounced.deliver.signature import read_secrets, sign
from bounced.errors import ConfigurationError

keys = st.binary(min_size=24, max_size=64)


def encode(key):
    return "whsec_" + base64.b64encode(key).decode()


@given(st.lists(keys, max_size=3))
def test_secrets_are_read_in_order(live):
    assert read_secrets([encode(key) for key in live], sink="app") == tuple(live)


def test_a_secret_may_lack_its_padding():
    assert read_secrets([encode(b"k" * 25).rstrip("=")], sink="app") == (b"k" * 25,)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_c2hvcnQ=",
        encode(b"k" * 65),
        encode(b"k" * 32)[6:],
        "whsec_!" + "A" * 40,
        "whsec_ä" + "A" * 40,
    ],
)
def test_a_malformed_secret_is_named_but_not_shown(secret):
    with pytest.raises(ConfigurationError) as caught:
        read_secrets([encode(b"k" * 32), secret], sink="app")
    error = caught.value
    assert error.where == 'sink "app", secrets, number 2'
    assert error.remedy
    assert len(secret) < 7 or secret[6:] not in f"{error} {error.remedy}"


@given(keys, keys, st.text())
def test_the_independent_library_verifies_what_we_sign(first, second, text):
    timestamp = int(time.time())
    body = text.encode()
    signatures = sign((first, second), webhook_id="evt_1", timestamp=timestamp, body=body)
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(timestamp), "webhook-signature": signatures}
    for key in (first, second):
        Webhook(encode(key)).verify(body, headers, json_parse=False)


def test_the_first_secret_signs_first():
    signed = {"webhook_id": "evt_1", "timestamp": 1, "body": b"{}"}
    first, second = (sign((key,), **signed) for key in (b"a" * 24, b"b" * 24))
    assert sign((b"a" * 24, b"b" * 24), **signed) == f"{first} {second}"


def test_another_secret_does_not_verify():
    timestamp = int(time.time())
    signature = sign((b"a" * 24,), webhook_id="evt_1", timestamp=timestamp, body=b"{}")
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}
    with pytest.raises(WebhookVerificationError):
        Webhook(encode(b"b" * 24)).verify(b"{}", headers)
