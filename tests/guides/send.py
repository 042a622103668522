"""Send a newsletter, or a bounce from elsewhere, to the mail server: ``send.py SENDER RECIPIENT [XVERP]``."""

import smtplib
import sys
from pathlib import Path

BOUNCE = Path(__file__).parents[2] / "bounced" / "samples" / "1-user-unknown.eml"
NEWS = b"""\
From: Example News <news@example.com>\r
To: %s\r
Subject: The November issue\r
Date: Mon, 23 Nov 2026 09:33:50 +0000\r
Message-ID: <november.1@example.com>\r
\r
Here it is.\r
"""

if __name__ == "__main__":
    sender, recipient, *options = sys.argv[1:]
    is_bounce = not sender
    mail = BOUNCE.read_bytes() if is_bounce else NEWS % recipient.encode()
    with smtplib.SMTP("127.0.0.1", 25, local_hostname="client.example.com", timeout=30) as client:
        client.sendmail(sender, [recipient], mail, mail_options=options)
