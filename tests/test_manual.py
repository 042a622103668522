"""The manual page, and the completion of shells."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "man" / "bounced.1"


def run(*command, **variables):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    finished = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)
    assert finished.returncode == 0, finished
    return finished.stdout + finished.stderr


def find(program):
    return shutil.which(program) or pytest.skip(f"{program} is missing (Debian: {program})")


def test_the_page_is_what_the_help_says():
    assert run(sys.executable, ROOT / "man" / "build.py") == PAGE.read_text(encoding="utf-8")


def test_a_formatter_finds_nothing_wrong():
    warnings = run(find("mandoc"), "-T", "lint", "-W", "error", PAGE)
    assert warnings == ""


def test_the_page_shows_options_and_examples_as_they_are_typed():
    shown = run(find("mandoc"), "-T", "ascii", "-O", "width=200", PAGE)
    plain = re.sub(r".\x08", "", shown)  # bold is struck twice
    assert "bounced deliveries retry --sink app --since 1d" in plain
    assert "-c, --config FILE" in plain


@pytest.fixture
def path(tmp_path):
    """Where the shell finds the program."""
    program = tmp_path / "bounced"
    # The name by which it is called is the name that is completed.
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.argv[0] = 'bounced'\nfrom bounced.cli import main\nmain()\n"
    )
    program.chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def test_bash_completes_commands(path):
    script = """eval "$(_BOUNCED_COMPLETE=source_bash bounced)"
        COMP_WORDS=(bounced deliveries re) COMP_CWORD=2; _bounced_completion bounced; echo "${COMPREPLY[@]}" """
    assert run(find("bash"), "--norc", "-c", script, PATH=path).split() == ["retry"]


def test_fish_completes_commands(path):
    script = "_BOUNCED_COMPLETE=source_fish bounced | source; complete -C 'bounced deliveries re'"
    assert run(find("fish"), "--no-config", "-c", script, PATH=path).split()[0] == "retry"


def test_zsh_completes_commands(path):
    script = """autoload -U compinit; compinit -D -u; eval "$(_BOUNCED_COMPLETE=source_zsh bounced)"
        _arguments() { print -r -- "$@" }; words=(bounced deliveries re); CURRENT=3; $_comps[bounced]"""
    assert "retry" in run(find("zsh"), "-f", "-c", script, PATH=path)
