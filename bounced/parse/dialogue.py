"""Say at which step of the SMTP dialogue a server refused, and which server it was."""

import re

from bounced.model import Stage
from bounced.parse.transcript import NOBODY_LEFT
from bounced.parse.wording import shipped_wording
from bounced.phrases import fold

_COMMANDS = {"RCPT": Stage.RCPT, "MAIL": Stage.MAIL, "DATA": Stage.DATA, "EHLO": Stage.HELO, "HELO": Stage.HELO}
# The last command before the refusal: ">>> RCPT To:<ann@example.com>" of Sendmail, "In:  DATA" of Postfix.
_SENT = re.compile(r"^\s*(?:>>>|In:|Sent <<<)\s*(RCPT|MAIL|DATA|EHLO|HELO)\b", re.IGNORECASE | re.MULTILINE)
_SENT_BY_ARROW = re.compile(r"^[^<>@\n]{0,60}-->\s*(RCPT|MAIL|DATA|EHLO|HELO)\b", re.IGNORECASE | re.MULTILINE)
# Sendmail: the server spoke first.
_GREETED = re.compile(r"while talking to [^\n]{1,300}:\n<<< [45]")
_NAME = r"([a-z0-9](?:[a-z0-9-]{0,62}\.){1,8}[a-z]{2,24})\b"
# "host", "server", "mx", "to" or "by": five letters to skip to cost less than five words to try everywhere.
_HOST = re.compile(
    rf"[hsmtb](?<!\w.)(?:(?<=h)ost|(?<=s)erver|(?<=m)x|(?<=t)o|(?<=b)y)[: <\[]{{1,4}}{_NAME}(?![\w.+-]*@)"
)
# "mx.example.com [192.0.2.1]", as dma, Courier and Exim ("H=mx.example.com [192.0.2.1]") begin what a server said.
_HOST_WITH_ADDRESS = re.compile(
    rf"^[ \t]*(?:h=|(?:[a-z ]{{1,20}}: )h=|){_NAME} \[[0-9a-f.:]{{3,45}}\](?: did not|:)", re.MULTILINE
)
_LOOKED_AT = 1024


def find_stage(text: str) -> Stage | None:
    """Return the step that `text` says was refused, or None (RFC 5321 section 3.3)."""
    text = text[:_LOOKED_AT]
    folded = fold(text)
    stage = shipped_wording().find_stage(folded)
    if stage is not None:
        return stage
    is_transcript = ">>>" in folded or "<<<" in folded or "in:" in folded
    sent = (_SENT.findall(text) if is_transcript else []) or (_SENT_BY_ARROW.findall(text) if "-->" in folded else [])
    if not sent:
        return Stage.CONNECT if _GREETED.search(text) else None
    stage = _COMMANDS[sent[-1].upper()]
    return Stage.RCPT if stage is Stage.DATA and NOBODY_LEFT.search(text) else stage


def find_host(text: str) -> str | None:
    """Return the name of the host that `text` says refused (``host mx.example.com[192.0.2.1] said``), or None."""
    lowered = text[:_LOOKED_AT].lower()
    # To look at the beginning of every line takes longer than to see that there is nothing to find.
    match = (_HOST_WITH_ADDRESS.search(lowered) if " [" in lowered else None) or _HOST.search(lowered)
    return match[1] if match else None
