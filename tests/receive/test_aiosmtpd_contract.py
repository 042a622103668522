"""What our session relies on in aiosmtpd, so that an upgrade fails here and not in production."""

import asyncio
import inspect
from importlib.metadata import version

from aiosmtpd.smtp import SMTP


def calls_of(method):
    """Return the names that the code of `method` mentions."""
    code = method.__code__
    return {*code.co_names, *code.co_consts}


def test_version_is_one_we_have_read():
    assert version("aiosmtpd").split(".")[:2] == ["1", "4"]


def test_session_is_a_stream_reader_protocol():
    assert SMTP.__mro__[1] is asyncio.StreamReaderProtocol


def test_constructor_takes_what_we_give():
    assert {"handler", "hostname", "timeout", "loop"} <= inspect.signature(SMTP).parameters.keys()


async def test_constructor_finds_members_by_dir_alone():
    class Hidden(SMTP):
        def __dir__(self):
            return ()

    session = Hidden.__new__(Hidden)
    session.__init__(session, hostname="mx.example.com", loop=asyncio.get_running_loop())
    assert not session._smtp_methods  # noqa: SLF001 - the table that is costly to fill
    assert not session._auth_methods  # noqa: SLF001 - the same
    assert not session._handle_hooks  # noqa: SLF001 - the same


def test_hooks_we_override_are_methods_there():
    ours = {"connection_made", "connection_lost", "eof_received", "_reset_timeout", "_timeout_cb", "_set_rset_state"}
    ours.add("_handle_client")
    assert all(inspect.isfunction(vars(SMTP)[name]) for name in ours)
    assert inspect.iscoroutinefunction(SMTP._handle_client)  # noqa: SLF001 - we replace it


def test_connection_made_resets_starts_the_timer_and_our_dialogue():
    used = calls_of(SMTP.connection_made)
    assert {"_set_rset_state", "_reset_timeout", "_handler_coroutine", "create_task", "_handle_client"} <= used


def test_the_stream_that_starts_tls_is_where_we_look_for_it():
    assert "_writer" in calls_of(SMTP._cb_client_connected)  # noqa: SLF001 - sets what we use


def test_timer_that_we_replace_is_kept_where_we_keep_ours():
    assert {"_timeout_handle", "_timeout_duration", "_timeout_cb"} <= calls_of(SMTP._reset_timeout)  # noqa: SLF001 - we replace it


def test_connection_lost_does_nothing_more_than_we_replace():
    # Ours leaves out the cancel, and STARTTLS goes through asyncio, so there is no original transport.
    expected = {
        "cancel",
        "_timeout_handle",
        "_handler_coroutine",
        "_original_transport",
        "connection_lost",
        "transport",
    }
    assert expected <= calls_of(SMTP.connection_lost)


async def test_asyncio_has_what_we_reach_into():
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    assert protocol._paused is False  # noqa: SLF001 - we listen only then
