"""The forms in which people have suppression lists."""

import pytest

from bounced.admin.importing import MAX_LINE_BYTES, ListReader, Rejected, UnreadableListError


def read(text, *, pieces=None):
    octets = text if isinstance(text, bytes) else text.encode()
    reader, size = ListReader(), pieces or max(1, len(octets))
    found = [one for start in range(0, len(octets), size) for one in reader.feed(octets[start : start + size])]
    return [*found, *reader.finish()]


def summary(found):
    return [
        one
        if isinstance(one, Rejected)
        else (one.address, str(one.state), one.reason, one.since and one.since.isoformat(), one.note)
        for one in found
    ]


AUTUMN = "2025-10-21T11:02:55+00:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "ann@example.com\n<ben@example.com>\r\n\n", [("ann@example.com",), ("ben@example.com",)], id="bare"
        ),
        pytest.param("\ufeffann@example.com", [("ann@example.com",)], id="byte order mark, no line end"),
        pytest.param(
            "ann@example.com,BOUNCE\nben@example.com,COMPLAINT\n",
            [
                ("ann@example.com", "suppressed", None, None, "BOUNCE"),
                ("ben@example.com", "complained", None, None, "COMPLAINT"),
            ],
            id="SES bulk",
        ),
        pytest.param(
            '{"EmailAddress": "ann@example.com", "Reason": "COMPLAINT", "LastUpdateTime": "2025-10-21T11:02:55Z"}\n',
            [("ann@example.com", "complained", None, AUTUMN, "COMPLAINT")],
            id="SES list",
        ),
        pytest.param(
            'status,reason,email,created\n5.1.1,"550 5.1.1 no such\nuser, ""ann""",ann@example.com,1761044575\n',
            [("ann@example.com", "suppressed", None, AUTUMN, '550 5.1.1 no such\nuser, "ann"')],
            id="SendGrid",
        ),
        pytest.param(
            'address,code,error,created_at\nann@example.com,550,No such user,"Tue, 21 Oct 2025 11:02:55 UTC"\n',
            [("ann@example.com", "suppressed", None, AUTUMN, "No such user")],
            id="Mailgun",
        ),
        pytest.param(
            "EmailAddress,SuppressionReason,Origin,CreatedAt\nann@example.com,SpamComplaint,Recipient,"
            "2025-10-21T13:02:55+02:00\nben@example.com,HardBounce,Recipient,\n",
            [
                ("ann@example.com", "complained", None, AUTUMN, "SpamComplaint"),
                ("ben@example.com", "suppressed", None, None, "HardBounce"),
            ],
            id="Postmark",
        ),
        pytest.param(
            "Email address;Date;Reason\nann@example.com;2025-10-21 11:02:55;user_unknown\n",
            [("ann@example.com", "suppressed", "user_unknown", AUTUMN, None)],
            id="semicolons",
        ),
        pytest.param(
            "address,state,note\nann@example.com,undeliverable,moved\n",
            [("ann@example.com", "undeliverable", None, None, "moved")],
            id="our own",
        ),
        pytest.param("email,since\nann@example.com,soon\n", [("ann@example.com",)], id="a time that is none"),
        pytest.param("email,since\nann@example.com,99999999999999\n", [("ann@example.com",)], id="a time too far"),
        pytest.param("email,since\nann@example.com,9000-01-01\n", [("ann@example.com",)], id="a time to come"),
        pytest.param(
            '{"email": "ann@example.com", "error": "a\\u0000b\\ud800c", "created": null}\n',
            [("ann@example.com", "suppressed", None, None, "a?b?c")],
            id="characters that nobody can store",
        ),
    ],
)
@pytest.mark.parametrize("pieces", [None, 1, 7])
def test_common_lists_are_read(text, expected, pieces):
    nothing = (None, "suppressed", None, None, None)
    assert summary(read(text, pieces=pieces)) == [one + nothing[len(one) :] for one in expected]


@pytest.mark.parametrize(
    ("text", "rejected"),
    [
        ("a@b.example\nnobody\n\nc@d.example\na b@c.example", [(2, "no address"), (5, "no address")]),
        ("a@b.example\n\x00@b.example\n", [(2, "no address")]),
        (b"a@b.example\n\xff@b.example\n", [(2, "not UTF-8")]),
        (
            '{"email": "a@b.example"}\n{"email": \n[]\n{}\n',
            [(2, "not JSON"), (3, "not a JSON object"), (4, "no address")],
        ),
        ("[" * 60_000 + "@", [(1, "no address")]),
        ('{"email": ' + "[" * 60_000 + "\n", [(1, "not JSON")]),
        ("email,state\na@b.example,active\n", [(2, "the state is none of undeliverable, suppressed, complained")]),
        ("email\na@b.example,x\ry\n", [(2, "not CSV")]),
        ("a@b.example\n" + "x" * MAX_LINE_BYTES + "@b.example\nc@d.example\n", [(2, "longer than 65536 octets")]),
        (
            'a@b.example\n"c@d.example\ne@f.example\n',
            [(2, "a quotation mark is never closed; nothing is read up to line 3")],
        ),
    ],
)
@pytest.mark.parametrize("pieces", [None, 4096])
def test_a_line_that_says_nothing_is_rejected_with_its_number_and_the_rest_is_read(text, rejected, pieces):
    found = [one for one in read(text, pieces=pieces) if isinstance(one, Rejected)]
    assert [(one.line, one.problem) for one in found] == rejected


def test_a_quotation_mark_that_is_never_closed_takes_no_more_than_a_bounded_part():
    lines = "".join(f"user{number}@example.com\n" for number in range(10_000))
    found = read(f'first@example.com\n"{lines}')
    assert len([one for one in found if isinstance(one, Rejected)]) == 1
    assert found[-1].address == "user9999@example.com"


@pytest.mark.parametrize("text", ["name,city\n", "[\n", "nobody\n", ",,,\n"])
def test_a_list_whose_first_line_names_no_address_is_refused(text):
    with pytest.raises(UnreadableListError, match="line 1"):
        read(text)


def test_an_empty_list_holds_nothing():
    assert read("") == read("\n\n") == []
