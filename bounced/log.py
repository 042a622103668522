"""Set up structured logs: events with fields, never prose.

A person at a terminal gets ``key=value`` lines, a program gets JSON lines.
Addresses are masked and control characters are made visible in every field,
because most of what is logged comes from strangers.
"""

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any, Literal

import structlog

from bounced.quiet import silence
from bounced.visible import make_visible, mask_addresses

Format = Literal["auto", "console", "json"]


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


def _is_clean(value: object) -> bool:
    """Tell of most values at little cost that there is nothing to mask and nothing to make visible."""
    return type(value) is str and value.isprintable() and "@" not in value


def _write_json(event: structlog.typing.EventDict, **_: object) -> str:
    return _encoder.encode(event)


_encoder = json.JSONEncoder(default=repr)  # made once: to make one costs more than to use it


class _Forward(logging.Handler):
    """Tells what libraries tell as one of our events, so that a line of the log is always a line of its kind."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it."""
        logger = get("library")
        tell = logger.error if record.levelno >= logging.ERROR else logger.warning
        tell("library_warning", logger=record.name, text=record.getMessage(), exc_info=record.exc_info)


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
        traceback = event.pop("exception", None)
        cleaned = {key: value if _is_clean(value) else _clean(value, mask=mask) for key, value in event.items()}
        if traceback:
            cleaned["exception"] = "\n".join(str(_clean(line, mask=mask)) for line in str(traceback).splitlines())
        return cleaned

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        clean,
    ]
    in_json = structlog.processors.JSONRenderer(_write_json)
    renderer: structlog.typing.Processor = structlog.dev.ConsoleRenderer(colors=is_terminal) if is_console else in_json
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through the standard library; only their warnings concern an operator.
    logging.basicConfig(level=logging.WARNING, handlers=[_Forward()])
    silence("mail.log")  # aiosmtpd's, which reports what strangers send as if it were our trouble


def get(stage: str, **fields: Any) -> structlog.stdlib.BoundLogger:
    """Return a logger that says its `stage` in every line."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(stage=stage, **fields)
    return logger
