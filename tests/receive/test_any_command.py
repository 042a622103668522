"""Whatever a client says instead of a command, it is read or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounced.receive.addresses import check_mail_parameters, read_path, split_command
from bounced.receive.replies import RefusedError
from bounced.receive.wire import Wire

ODD = st.sampled_from(
    ["<", ">", "@", '"', "\\", ":", " ", "\t", "=", ",", ".", "a", "é", "[", "]", "SIZE=", "BODY=", "\u2028"]
)
ARGUMENTS = st.text(max_size=60) | st.lists(ODD, max_size=60).map("".join)


@given(st.binary(max_size=200))
def test_a_command_line_is_split_or_refused(line):
    try:
        verb, argument = split_command(line)
    except RefusedError as refused:
        assert str(refused).startswith("500 5.5.2 ")  # noqa: PT017 - both ends are right
    else:
        assert verb == verb.upper()
        assert " " not in verb
        assert argument == argument.strip()


@given(ARGUMENTS)
def test_a_path_is_read_or_refused(argument):
    try:
        path = read_path(f"TO:{argument}", "TO:")
        check_mail_parameters(path.parameters, 1000)
    except RefusedError as refused:
        assert str(refused)[:3] in {"501", "552", "553"}  # noqa: PT017 - the same
    else:
        assert not {"<", ">"} & set(path.address) or '"' in path.address
        assert all(parameter.split() == [parameter] for parameter in path.parameters)


@pytest.mark.parametrize("unit", ["@", "<", '"', "\\", '"\\', " ", "a@", "<@", "@a:", "a=", "=", '""', ".", "\t<"])
def test_a_line_of_one_sign_is_refused(unit):
    with pytest.raises(RefusedError):
        read_path("FROM:" + unit * 2000, "FROM:")


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"x", b"\0", b"x" * 1000]), max_size=30).map(b"".join),
    st.integers(1, 5000),
)
def test_lines_are_what_stands_between_line_ends(octets, step):
    wire, lines, is_refused = Wire(), [], False
    for at in range(0, len(octets), step):
        wire.receive(octets[at : at + step])
        while True:
            try:
                line, is_refused = wire.line(), False
            except RefusedError:
                line, is_refused = None, True
            if line is None and not is_refused:
                break
            lines.append(line)
    whole = [line.removesuffix(b"\r") for line in octets.split(b"\n")[:-1]]
    assert all(one == line for one, line in zip(lines, whole, strict=True) if one is not None)
    assert all(len(line) >= 2047 for one, line in zip(lines, whole, strict=True) if one is None)
