"""Send a bounce to port 25 over STARTTLS, and print the serial number of the certificate: ``starttls.py TO``."""

import smtplib
import ssl
import sys
from pathlib import Path

BOUNCE = Path(__file__).parents[2] / "bounced" / "samples" / "1-user-unknown.eml"

if __name__ == "__main__":
    context = ssl.create_default_context(cafile="/etc/bounced/tls.crt")
    context.check_hostname = False
    with smtplib.SMTP("127.0.0.1", 25, local_hostname="client.example.net", timeout=30) as client:
        client.starttls(context=context)
        client.sendmail("", [sys.argv[1]], BOUNCE.read_bytes())
        print(client.sock.getpeercert()["serialNumber"])  # noqa: T201 - what was asked for
