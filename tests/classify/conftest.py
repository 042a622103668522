import pytest

from bounced.knowledge import make_knowledge


@pytest.fixture(scope="session")
def knowledge():
    return make_knowledge()


@pytest.fixture(scope="session")
def make_report():
    """Write a status report on one recipient; what is None is left out."""

    def make(*, status=None, diagnostic=None, action="failed"):
        said = {"Action": action, "Status": status, "Diagnostic-Code": diagnostic}
        fields = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value is not None)
        return (
            "From: MAILER-DAEMON@mx.example.net\r\n"
            "To: bounces@example.net\r\n"
            "MIME-Version: 1.0\r\n"
            'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n'
            "\r\n"
            "--b\r\n\r\nSorry.\r\n"
            "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            "Reporting-MTA: dns; mx.example.net\r\n\r\n"
            f"Final-Recipient: rfc822; ann@example.com\r\n{fields}\r\n"
            "--b--\r\n"
        ).encode()

    return make
