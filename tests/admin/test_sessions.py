"""Who has logged in, and for how long."""

import pytest

from bounced.admin.sessions import LIFETIME_SECONDS, Sessions
from bounced.admin.tokens import Scope, Tokens

WRITER, READER = "a-token-of-some-length", "a-token-that-may-only-read"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def tokens():
    return [Tokens([WRITER], [READER])]


@pytest.fixture
def sessions(tokens, clock):
    return Sessions(lambda: tokens[0], clock)


@pytest.mark.parametrize(("token", "scope"), [(WRITER, Scope.WRITE), (READER, Scope.READ)])
def test_a_session_may_what_its_token_may(sessions, token, scope):
    assert sessions.find(sessions.open(token)).scope is scope


@pytest.mark.parametrize("token", ["", "x", WRITER[:-1], WRITER + "x", "\udcff"])
def test_what_is_no_token_opens_nothing(sessions, token):
    assert sessions.open(token) is None


@pytest.mark.parametrize("name", ["", "x", "\udcff", "A" * 10_000])
def test_a_name_that_was_made_up_finds_nothing(sessions, name):
    sessions.open(WRITER)
    assert sessions.find(name) is None


def test_names_and_keys_of_forms_are_different_every_time(sessions):
    names = [sessions.open(WRITER) for _ in range(20)]
    keys = {sessions.find(name).form_key for name in names}
    assert len({*names, *keys}) == 40


def test_a_session_ends_with_its_time(sessions, clock):
    name = sessions.open(WRITER)
    clock.now += LIFETIME_SECONDS - 1
    assert sessions.find(name)
    clock.now += 1
    assert sessions.find(name) is None


def test_a_session_ends_when_it_is_closed(sessions):
    name, other = sessions.open(WRITER), sessions.open(WRITER)
    sessions.close(name)
    assert sessions.find(name) is None
    assert sessions.find(other)


def test_a_session_ends_when_its_token_is_taken_back(sessions, tokens):
    name, other = sessions.open(WRITER), sessions.open(READER)
    tokens[0] = Tokens([READER])
    assert sessions.find(name) is None
    assert sessions.find(other).scope is Scope.WRITE


def test_the_oldest_makes_room(sessions):
    names = [sessions.open(WRITER) for _ in range(1001)]
    assert sessions.find(names[0]) is None
    assert sessions.find(names[1])


def test_a_form_has_to_hold_the_key(sessions):
    session = sessions.find(sessions.open(WRITER))
    assert session.has_sent(session.form_key)
    assert not any(map(session.has_sent, ["", "x", session.form_key[:-1], "\udcff"]))
