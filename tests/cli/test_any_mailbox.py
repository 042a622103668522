"""Whatever a file holds, its messages are all of its octets in order."""

from hypothesis import given
from hypothesis import strategies as st

from bounced.cli.mailbox import read_messages

LINES = st.sampled_from(
    [
        b"From ann@example.com Mon Nov 23 09:33:53 2026\n",
        b"From - Mon Nov 23 09:33:53 2026\r\n",
        b"From here to there\n",
        b">From x\n",
        b"From " + b"x" * 300 + b" Mon Nov 23 09:33\n",
        b"\n",
        b"\r\n",
        b" \n",
        b"X: y\n",
        b"no end",
        b"\xff\0\n",
    ]
)


@given(octets=st.binary(max_size=200) | st.lists(LINES, max_size=30).map(b"".join))
def test_nothing_in_a_mailbox_is_lost_or_comes_twice(tmp_path_factory, octets):
    path = tmp_path_factory.getbasetemp() / "mailbox"
    path.write_bytes(octets)
    messages = list(read_messages(path))
    assert b"".join(raw for _, raw in messages) == octets
    assert len({name for name, _ in messages}) == len(messages)
    assert len(messages) <= octets.count(b"From ") + 1
