import pytest

from bounced.identify import read_original, sent_to
from bounced.model import Finding, Original


def test_fields_without_a_place_of_their_own_are_kept_by_name():
    original = read_original({"message-id": "<1@example.net>", "from": "news@example.net", "x-campaign": "autumn"})
    assert (original.message_id, original.from_) == ("<1@example.net>", "news@example.net")
    assert (original.to, original.subject, original.date, original.list_id) == (None, None, None, None)
    assert original.headers == {"x-campaign": "autumn"}


@pytest.mark.parametrize(
    ("original_recipient", "to", "expected"),
    [
        ("ann@example.org", "Ann <Ann@Example.org>", "ann@example.org"),
        ("ann@example.org", "somebody@example.org", "private@example.com"),
        ("ann@example.org", None, "private@example.com"),
        ("ann@example.org", "joann@example.org", "private@example.com"),
        ("ann@example.org", "ann@example.org.test", "private@example.com"),
        ("ann@example.org", "joann@example.org, ann@example.org", "ann@example.org"),
        (None, "ann@example.org", "private@example.com"),
    ],
)
def test_the_original_recipient_counts_where_the_returned_mail_proves_it(original_recipient, to, expected):
    finding = Finding("private@example.com", original_recipient=original_recipient)
    assert sent_to(finding, Original(to=to)) == expected
