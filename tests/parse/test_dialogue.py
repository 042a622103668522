import pytest

from bounced.model import Stage
from bounced.parse.dialogue import find_host, find_stage


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("550 no (in reply to RCPT TO command)", Stage.RCPT),
        ("SMTP error from remote mail server after end of data:", Stage.END_OF_DATA),
        (">>> MAIL From:<news@example.net>\n<<< 250 ok\n>>> RCPT To:<ann@example.com>\n<<< 550 no", Stage.RCPT),
        ("In:  DATA\nOut: 554 no", Stage.DATA),
        (">>> DATA\n<<< 554 no", Stage.DATA),
        ("... while talking to mx1.example.com.:\n<<< 554 no", Stage.CONNECT),
        (">>> DATA\n<<< 550 no\n<<< 503 Need RCPT (recipient)", Stage.RCPT),
        (">>> DATA\n<<< 550 no\n<<< 554 5.5.1 Error: no valid recipients", Stage.RCPT),
        ("550 no", None),
        ("", None),
    ],
)
def test_the_step_that_was_refused(text, stage):
    assert find_stage(text) is stage


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("host mx1.example.com[192.0.2.11] said: 550 no", "mx1.example.com"),
        ("... while talking to MX1.example.com.:", "mx1.example.com"),
        ("host [mx1.example.com] refused", "mx1.example.com"),
        ("mx1.example.com [192.0.2.11] did not like our RCPT TO:\n550 no", "mx1.example.com"),
        ("Delay reason: H=mx1.example.com [192.0.2.11]: SMTP error from remote mail server", "mx1.example.com"),
        ("<ann@example.com>:\n     mx1.example.com [2001:db8::1]:\n <<< 550 no", "mx1.example.com"),
        ("mx1.example.com refused", None),
        ("delivery to ann.bee+news@example.com failed", None),
        ("delivery to ann.bee@example.com failed", None),
        ("host 192.0.2.11 said no", None),
        ("", None),
    ],
)
def test_the_host_that_refused(text, host):
    assert find_host(text) == host
