"""Set up structured logs: events with fields, never prose.

A person at a terminal gets ``key=value`` lines, a program gets JSON lines.
Addresses are masked and control characters are made visible in every field,
because most of what is logged comes from strangers.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal

import structlog

Format = Literal["auto", "console", "json"]
_ADDRESS = re.compile(r"(\"[^\"\n]{1,64}\"|[^\s<>@,;:\"'()]{1,64})@([^\W_][\w.-]{0,254})")
# C0, DEL, C1 and the bidirectional controls that can reorder a line on a terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def mask_addresses(text: str) -> str:
    """Hide all but the first character of every local part in `text`."""
    return _ADDRESS.sub(lambda found: f"{found[1][0]}***@{found[2]}", text)


def make_visible(text: str) -> str:
    """Replace the characters that would move a terminal's cursor, colour it or reorder its line."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _clean(value: object, *, mask: bool) -> object:
    match value:
        case str():
            text = make_visible(value)
            return mask_addresses(text) if mask else text
        case bytes() | BaseException():
            return _clean(str(value), mask=mask)
        case list() | tuple():
            return [_clean(item, mask=mask) for item in value]
        case Mapping():
            return {key: _clean(item, mask=mask) for key, item in value.items()}
        case _:
            return value


def configure(*, level: str = "info", format_: Format = "auto", mask: bool = True) -> None:
    """Send the logs of the whole process to standard error.

    Args:
        level: The least level that is shown: debug, info, warning or error.
        format_: ``console``, ``json``, or ``auto``: console on a terminal, JSON lines elsewhere.
        mask: Whether addresses are masked.
    """
    is_terminal = sys.stderr.isatty()
    is_console = format_ == "console" or (format_ == "auto" and is_terminal)

    def clean(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        # A traceback keeps its lines; what stands in them comes from strangers too.
        traceback = str(event.pop("exception", "")).splitlines()
        cleaned = {key: _clean(value, mask=mask) for key, value in event.items()}
        lines = {"exception": "\n".join(str(_clean(line, mask=mask)) for line in traceback)} if traceback else {}
        return cleaned | lines

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        clean,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=is_terminal) if is_console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through the standard library; only their warnings concern an operator.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for name in ("mail.log", "flufl.bounce"):  # they report what strangers send as if it were our trouble
        logging.getLogger(name).setLevel(logging.CRITICAL)


def get(stage: str, **fields: Any) -> structlog.stdlib.BoundLogger:
    """Return a logger that says its `stage` in every line."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(stage=stage, **fields)
    return logger
