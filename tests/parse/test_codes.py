import pytest

from bounced.parse.codes import read_codes


@pytest.mark.parametrize(
    ("text", "reply", "status"),
    [
        ("550 5.1.1 User unknown", "550", "5.1.1"),
        ("550-5.1.1 User\n550 5.1.1 unknown", "550", "5.1.1"),
        ("550 #5.1.1 User unknown", "550", "5.1.1"),
        ("550 (5.1.1) User unknown", "550", "5.1.1"),
        ("RCPT TO: 550 5.1.1 User unknown", "550", "5.1.1"),
        ("MAIL+RCPT 550 User unknown", "550", None),
        ("DATA closing 554 no", "554", None),
        ("host mx.example.com[192.0.2.11] said: 550 no", "550", None),
        ("Sorry, no mailbox here by that name. (#5.1.1)", None, "5.1.1"),
        ("550 4.2.2 Mailbox full", "550", "4.2.2"),
        ("250 2.1.5 fine, then 550 5.1.1 not", "550", "5.1.1"),
        ("2.1.5 fine, then 5.1.1 not", None, "5.1.1"),
        ("5.7.17 and 5.1.1", None, "5.7.17"),
        ("connect to 192.0.2.5 5.1.1.1 refused", None, None),
        ("Ticket 5.1.1-20261126: refused", None, None),
        ("queued as 5510042, size 550", None, None),
        ("554 554 5.7.0 no", "554", "5.7.0"),
        ("MSEXCH:IMS:EXAMPLE:HQ:MX 3550 (000B09B6) 550 <ann@example.com>... User unknown", "550", None),
        ("原因\uff1a550 User not found", "550", None),
        ("status=550", "550", None),
        ("The server said:\n          550 no", "550", None),
        ("The server said:\n\t550 no", "550", None),
        ("550", "550", None),
        ("", None, None),
    ],
)
def test_codes_are_found_where_they_are_codes(text, reply, status):
    codes = read_codes(text)
    assert (codes.reply and str(codes.reply), codes.status and str(codes.status)) == (reply, status)


def test_only_the_start_is_looked_at():
    assert read_codes("x " * 4000 + "550 5.1.1").status is None
