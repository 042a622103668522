import pytest
from typer.main import get_command

from bounced import __version__
from bounced.cli import app


def all_commands(command=None, path=()):
    command = command or get_command(app)
    if not hasattr(command, "commands"):
        yield path
        return
    for name, child in command.commands.items():
        yield from all_commands(child, (*path, name))


def test_the_version_is_printed(bounced):
    finished = bounced("--version")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, f"bounced {__version__}\n", "")


@pytest.mark.parametrize("path", list(all_commands()), ids=" ".join)
def test_the_help_of_every_command_has_examples(call, path):
    finished = call(*path, "--help")
    assert finished.returncode == 0
    assert "Examples:" in finished.stdout
    assert f"bounced {' '.join(path)}" in finished.stdout


def test_no_command_is_a_usage_error_that_shows_the_help(call):
    finished = call()
    assert finished.returncode == 2
    assert "Commands" in finished.stdout + finished.stderr


def test_an_unknown_command_is_a_usage_error(bounced):
    finished = bounced("rnu")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "rnu" in finished.stderr
