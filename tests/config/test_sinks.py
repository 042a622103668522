"""Each type of sink is built from its table."""

import sys

import pytest

from bounced.app.sinks import make_subscription
from bounced.errors import ConfigurationError

URLS = {
    "nats": "nats://token@127.0.0.1",
    "rabbitmq": "amqp://guest@127.0.0.1",
    "redis": "redis://127.0.0.1/2",
    "kafka": "kafka://a.example,b.example",
}
LIBRARIES = {"nats": "nats", "rabbitmq": "aio_pika", "redis": "redis", "kafka": "aiokafka"}


@pytest.fixture
def subscribe(load_text):
    def build(kind, *keys, url=None):
        lines = ["[[sink]]", 'name = "queue"', f'type = "{kind}"', f'url = "{url or URLS[kind]}"', *keys]
        [section] = load_text("\n".join(lines)).sink
        return make_subscription(section)

    return build


@pytest.mark.parametrize("kind", URLS)
def test_a_url_is_enough_for_a_queue(kind, subscribe):
    subscription = subscribe(kind)
    assert subscription.sink.name == "queue"
    assert subscription.sink.batch_size == 100


@pytest.mark.parametrize("kind", URLS)
def test_a_missing_library_is_said_with_the_extra_that_brings_it(kind, subscribe, monkeypatch):
    monkeypatch.delitem(sys.modules, f"bounced.deliver.{kind}", raising=False)
    monkeypatch.delattr(f"bounced.deliver.{kind}", raising=False)
    for name in [LIBRARIES[kind], *(name for name in sys.modules if name.split(".")[0] == LIBRARIES[kind])]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigurationError) as caught:
        subscribe(kind)
    assert caught.value.remedy == f"pip install 'bounced[{kind}]'"


@pytest.mark.parametrize("kind", URLS)
def test_the_url_of_another_kind_is_refused(kind, subscribe):
    with pytest.raises(ConfigurationError) as caught:
        subscribe(kind, url="https://user:s3cret@127.0.0.1")
    assert caught.value.where == 'sink "queue", url'
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("redis", "redis://a,b"),
        ("redis", "redis://a/name"),
        ("rabbitmq", "amqp://a,b"),
        ("nats", "nats://a/stream"),
        ("kafka", "kafka://a/topic"),
        ("kafka", "kafka://user@a"),
    ],
)
def test_what_a_kind_of_broker_does_not_have_is_refused(kind, url, subscribe):
    with pytest.raises(ConfigurationError) as caught:
        subscribe(kind, url=url)
    assert caught.value.where == 'sink "queue", url'


def test_a_password_file_that_is_not_there_is_said(subscribe):
    with pytest.raises(ConfigurationError) as caught:
        subscribe("nats", 'password_file = "/nowhere/password"')
    assert "password_file" in caught.value.where
