"""``bounced explain``: what a code, a diagnostic or a stored event means, and which rule says so."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bounced.classify import CodeTables, Knowledge
from bounced.classify.codes import Code, Reason
from bounced.cli.options import ConfigFile, as_json, cell, console, knowledge_of, table, with_store
from bounced.errors import BouncedError
from bounced.model import Reply, Status

Facts = dict[str, Any]

_DIGITS = 3  # of a reply code


def explain(
    what: Annotated[str, typer.Argument(metavar="CODE|TEXT|EVENT_ID", help="What to explain.")],
    host: Annotated[str | None, typer.Option(help="The server that said it; its provider's rules apply.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    config: ConfigFile = None,
) -> None:
    """Say what a code, the text of a server or a stored event means, and why.

    Examples:
      bounced explain 522

      bounced explain 5.2.2

      bounced explain "552 5.2.2 mailbox is over quota"

      bounced explain evt_h3xw2k…
    """
    if what.startswith("evt_"):
        found = _explain_event(what, config)
    else:
        text = what.strip().encode(errors="surrogateescape").decode(errors="replace")  # octets that are no UTF-8
        found = _explain_text(text, host, knowledge_of(config))
    if json_:
        typer.echo(as_json(found, indent=2))
        return
    for title, facts in found.items():
        rows = table(title, "")
        for name, value in facts.items():
            rows.add_row(cell(name), cell(value))
        console().print(rows)


def _explain_text(text: str, host: str | None, knowledge: Knowledge) -> dict[str, Facts]:
    tables = knowledge.tables
    if text.isascii() and text.isdigit():
        return _explain_digits(text, tables)
    status = Status.parse(text)
    if status is not None:
        reason, entry = tables.reason_of_status(status)
        meaning = tables.statuses.get((status.subject, status.detail)) or tables.statuses.get((status.subject, 0))
        about = {
            "registry entry": entry,
            "registry name": meaning and meaning.name,
            "meaning": meaning and meaning.meaning,
        }
        return {f"{text} as an enhanced status code": about | _about(tables.by_status(status), reason)}
    from bounced.pipeline import judge_answer

    verdict = judge_answer(text, host=host, knowledge=knowledge)
    return {
        "as what a server said": {
            "bounce_type": verdict.bounce_type,
            "advice": verdict.advice,
            "reason": verdict.reason,
            "reason_text": tables.reasons[verdict.reason].label,
            "fault": verdict.fault,
            "code": verdict.code,
            "code_text": verdict.code_text,
            "status": verdict.status and str(verdict.status),
            "reply_code": verdict.reply and str(verdict.reply),
            "provider": verdict.provider and verdict.provider.label,
            "postmaster": verdict.provider and verdict.provider.postmaster,
            "hint": verdict.hint,
            "why: rule": verdict.why.rule,
            "why: evidence": verdict.why.evidence,
            "why: confidence": verdict.why.confidence,
        }
    }


def _explain_digits(digits: str, tables: CodeTables) -> dict[str, Facts]:
    """Explain bare digits: they may be a row of our table, or a reply code, which is something else."""
    found: dict[str, Facts] = {}
    if digits in tables.codes:
        row = tables.codes[digits]
        found[f"{digits} as a row of the code table"] = {"bounce_type": row.bounce_type, "code_text": row.text}
    if len(digits) == _DIGITS and int(digits) in tables.replies:
        reply = Reply(int(digits))
        about = {"meaning": tables.replies[reply.code].meaning}
        found[f"{digits} as a bare SMTP reply code"] = about | _about(
            tables.by_reply(reply), tables.reason_of_reply(reply)
        )
    if not found:
        raise BouncedError(f"{digits[:40]} is neither a row of the code table nor a known SMTP reply code")
    return found


def _about(code: Code, reason: Reason) -> Facts:
    return {
        "code": code.code,
        "code_text": code.text,
        "bounce_type": reason.bounce_type or code.bounce_type,
        "reason": reason.name,
        "reason_text": reason.label,
        "fault": reason.fault,
    }


def _explain_event(event_id: str, config: Path | None) -> dict[str, Facts]:
    stored = with_store(config, lambda store: store.fetch_event(event_id))
    if stored is None:
        raise BouncedError(f"no event {event_id} in the store; is --config the daemon's?")
    document = json.loads(stored.event.document)
    data = document.pop("data")
    about = {name: value for name, value in data.items() if not isinstance(value, dict)}
    nested = {
        f"{group}: {name}": value
        for group in ("why", "original", "message")
        for name, value in (data[group] or {}).items()
    }
    return {event_id: document | about | nested}
