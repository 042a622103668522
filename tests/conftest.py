import os
import uuid

import psycopg
import pytest
from hypothesis import settings

POSTGRES = os.environ.get("BOUNCED_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/test")
SKIP_IS_FAILURE = os.environ.get("BOUNCED_REQUIRE_SERVICES") == "1"

# How long an example takes says more about the machine than about the code.
settings.register_profile("bounced", deadline=None)
settings.load_profile("bounced")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if SKIP_IS_FAILURE and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"BOUNCED_REQUIRE_SERVICES is set and {item.nodeid} was skipped: {call.excinfo.value}"
    return report


@pytest.fixture
def postgresql_url():
    """A fresh schema, dropped afterwards; also its name is the connections' application name."""
    try:
        connection = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRES}: {error}")
    name = f"bounced_{uuid.uuid4().hex}"
    with connection:
        connection.execute(f"CREATE SCHEMA {name}")
        separator = "&" if "?" in POSTGRES else "?"
        yield f"{POSTGRES}{separator}options=-csearch_path%3D{name}&application_name={name[:40]}"
        connection.execute(f"DROP SCHEMA {name} CASCADE")
