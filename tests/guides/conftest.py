import pytest

from tests.guides.host import open_host

STORE = '\n[store]\nurl = "sqlite:////var/lib/bounced/bounced.db"\n\n[admin]\nlisten = ""\n'


@pytest.fixture
def make_host(tmp_path):
    """Return a context manager that makes a mail host, with an MX that refuses all mail for example.net."""
    return lambda package="": open_host(tmp_path, package=package)


@pytest.fixture
def failed_at_example_net():
    """Return a function that fails unless an event says of a recipient what the MX of example.net said."""

    def check(event, recipient, *, message="<november.1@example.com>"):
        data = event["data"]
        assert (event["type"], data["recipient"]) == ("bounced.bounce", recipient), event
        assert (data["bounce_type"], data["advice"], data["reason"]) == ("hard", "suppress", "user_unknown"), event
        assert data["status"] in {"5.1.1", None}, event
        assert data["original"]["message_id"] == message, event

    return check
