"""Tell bait from reports: mail in the words of a report that is meant for its reader, not about a recipient."""

from collections.abc import Collection

from bounced.parse.address import addresses_in
from bounced.parse.codes import read_codes
from bounced.parse.mail import Mail


def is_bait(mail: Mail, found: Collection[str]) -> bool:
    """Whether it tells its own addressee that mail to him failed: a report goes to who sent the mail.

    Who wants his password writes so, or a worm that attaches itself, from an address that takes answers; and who shows
    us that his mail to us failed. What has a null reverse-path is bait only where it leads on, speaks of nobody else,
    and no server is quoted.

    Args:
        mail: The message.
        found: Who it seems to say was not reached.
    """
    path = mail.return_path
    leads_on = "://" in mail.text or any(name.startswith(("application/", "text/html")) for name in mail.types)
    if mail.returned is not None or not (path or leads_on or mail.is_forwarded):
        return False
    ours = (mail.headers.get("to") or "").lower()
    named = found or addresses_in(mail.report_text)
    if path == "<>" and (not (named and leads_on) or _is_quoting(mail)):
        return False
    return all(address.lower() in ours for address in named or [""])


def _is_quoting(mail: Mail) -> bool:
    """Whether the report has a server's answer, or a field that only mail systems set."""
    return "x-failed-recipients" in mail.headers or read_codes(mail.report_text).reply is not None
