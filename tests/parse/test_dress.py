"""A report says the same in whatever dress it comes: encoded, as a page, with what gateways put around it."""

import base64
import html
import quopri
import re
from email import message_from_bytes

import pytest

from bounced.pipeline import understand
from tests.parse.test_corpus import CASES


def judged(raw):
    understanding = understand(raw)
    outcomes = [
        (one.recipient.lower(), one.finding.status, one.finding.reply, one.verdict and one.verdict.reason)
        for one in understanding.outcomes
    ]
    return (
        understanding.kind,
        sorted(outcomes, key=str),
        {o.verdict and o.verdict.advice for o in understanding.outcomes},
    )


def first_text(message):
    """Return the part that people read, where it is plain text that was sent as it is."""
    while message.is_multipart():
        message = message.get_payload()[0]
        if message.get_content_maintype() not in {"text", "multipart"}:
            return None
    is_plain = message.get_content_type() == "text/plain" and message.get("Content-Transfer-Encoding", "7bit") == "7bit"
    return message if is_plain and message.get_payload().isascii() and "\x1b" not in message.get_payload() else None


def encode(part, name, octets):
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = name
    part.set_payload(octets.decode())


def as_page(part):
    lines = html.escape(part.get_payload(), quote=False).replace("\n", "<br>\n")
    part.set_payload(f"<html><head><title>Report</title></head><body>{lines}</body></html>\n")
    part.set_type("text/html")


DRESSES = {
    "base64": lambda part: encode(part, "base64", base64.encodebytes(part.get_payload().encode())),
    "quoted-printable": lambda part: encode(part, "quoted-printable", quopri.encodestring(part.get_payload().encode())),
    "page": as_page,
    "blanks": lambda part: part.set_payload(re.sub("$", "  ", part.get_payload(), flags=re.MULTILINE)),
    "banner": lambda part: part.set_payload(
        f"[EXTERNAL] This message came from outside the organization. Do not click links.\n\n{part.get_payload()}"
    ),
    "footer": lambda part: part.set_payload(
        f"{part.get_payload()}\n\n-- \nThis message was scanned for viruses and spam by Example Gateway.\n"
    ),
}


def dressed():
    """Yield each message that survives being taken apart and put together, in each dress that its text can wear."""
    for case in CASES:
        raw = case.read_bytes()
        message = message_from_bytes(raw)
        part = first_text(message)
        for name in DRESSES if part is not None and message.as_bytes() == raw else ():
            # Below mail that comes back in the same text a remark is a part of that, above a letter one of its writer.
            is_below_mail = name == "footer" and not message.is_multipart()
            is_in_letter = name == "banner" and case.parent.name == "people"
            if not (is_below_mail or is_in_letter):
                yield pytest.param(case, name, id=f"{case.parent.name}/{case.stem}-{name}")


@pytest.mark.parametrize(("case", "dress"), [*dressed()])
def test_a_report_says_the_same_in_whatever_dress(case, dress):
    message = message_from_bytes(case.read_bytes())
    DRESSES[dress](first_text(message))
    assert judged(message.as_bytes()) == judged(case.read_bytes())


@pytest.mark.parametrize("tag", ["[EXTERNAL] ", "*****SPAM***** "])
@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_tag_before_the_subject_says_nothing(case, tag):
    raw = case.read_bytes()
    tagged = re.sub(rb"(?im)^subject: ?", b"Subject: " + tag.encode(), raw, count=1)
    assert judged(tagged) == judged(raw)
