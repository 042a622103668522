# ruff: noqa: INP001 - a script of its own
"""Print the manual page, from the same source as ``--help``: ``PYTHONPATH=. python man/build.py > man/bounced.1``.

click-man does not know the commands of typer, which brings a click of its own,
and escapes nothing.
"""

import sys
from collections.abc import Iterator
from typing import Any

import typer

from bounced import __version__
from bounced.cli import app

_HEAD = f"""\
.\\" Made by man/build.py, do not edit.
.TH BOUNCED 1 "" "bounced {__version__}" "User Commands"
.SH NAME
bounced \\- turn returned mail into facts an application can act on
.SH SYNOPSIS
.B bounced
.I COMMAND
.RI [ OPTION ...]
.RI [ ARGUMENT ...]
.SH DESCRIPTION
Mail that cannot be delivered comes back to its return path.
.B bounced run
takes it by SMTP or LMTP, understands it, and tells an application with one event for each recipient:
hard or soft, why, whose fault, what to do.
The other commands look at mail and codes offline, and at what a running daemon knows.
.SH OPTIONS
.TP
.B \\-\\-version
Print the version and exit.
.TP
.BR \\-h ", " \\-\\-help
Show what a command does, and its options.
.TP
.B \\-\\-install\\-completion
Teach the shell that it is called from (bash, zsh or fish) to complete commands and options.
.TP
.B \\-\\-show\\-completion
Print what that would install.
.SH COMMANDS
"""
_TAIL = """\
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
The work failed.
.TP
.B 2
The command line is wrong.
.TP
.B 75
Only
.BR "bounced ingest" :
the store cannot be written, try again later.
.TP
.B 78
The configuration is wrong; the message names file, key and remedy.
.SH ENVIRONMENT
.TP
.B BOUNCED_SECTION__KEY
Any key of the configuration, such as
.BR BOUNCED_RECEIVE__HOSTNAME ;
lists as JSON.
.TP
.B CREDENTIALS_DIRECTORY
Where files with secrets are that the configuration names without a path; systemd sets it.
.SH FILES
.TP
.I /etc/bounced/bounced.toml
The configuration, where a command is given it by
.BR \\-\\-config .
.TP
.I /var/lib/bounced
The state of a daemon that runs as a service.
.SH SEE ALSO
.BR postfix (1),
.BR systemctl (1),
RFC 3464 (status reports), RFC 3463 (status codes), RFC 5965 (complaints)
"""


def build() -> str:
    """Return the page."""
    group: Any = typer.main.get_command(app)
    parts = [_HEAD]
    for path, command in _commands(group, "bounced"):
        parts += _command(command, path)
    return "".join([*parts, _TAIL])


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


def _command(command: Any, path: str) -> Iterator[str]:
    arguments = [_value(each) for each in command.params if each.param_type_name == "argument"]
    yield f".SS {_escape(' '.join([path, '[OPTION ...]', *arguments]))}\n"
    text, _, examples = command.help.partition("Examples:\n")
    yield ".PP\n".join(f"{_escape(paragraph)}\n" for paragraph in text.strip().split("\n\n"))
    for parameter in command.params:
        yield f".TP\n.B {_escape(_name(parameter))}\n{_escape(parameter.help or '')}{_escape(_default(parameter))}\n"
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    yield ".PP\nExamples:\n.RS 4\n.EX\n" + "".join(f"{_escape(line)}\n" for line in lines) + ".EE\n.RE\n"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _value(parameter)
    names = ", ".join(sorted(parameter.opts, key=len))
    return names if parameter.is_flag else f"{names} {_value(parameter)}"


def _value(parameter: Any) -> str:
    return parameter.metavar or parameter.opts[-1].lstrip("-").upper() + ("..." if parameter.nargs < 0 else "")


def _default(parameter: Any) -> str:
    return "" if parameter.default in (None, False, "") else f" [default: {parameter.default}]"


def _escape(text: str) -> str:
    """Write text so that roff takes none of it for a request or an escape (groff_man_style(7))."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\n".join(f"\\&{line}" if line.startswith(".") else line for line in escaped.splitlines())


if __name__ == "__main__":
    sys.stdout.write(build())
