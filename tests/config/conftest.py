import json
import os

import pytest

from bounced.config import load


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """Give every test an empty directory and an environment that configures nothing."""
    for name in [name for name in os.environ if name.startswith("BOUNCED_") or name == "CREDENTIALS_DIRECTORY"]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def load_text(tmp_path):
    """Load a configuration from the text of its file."""

    def load_(text):
        path = tmp_path / "bounced.toml"
        path.write_text(text)
        return load(path)

    return load_


@pytest.fixture
def load_environment(monkeypatch):
    """Load a configuration from variables alone; what is no text is written as JSON."""

    def load_(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value if isinstance(value, str) else json.dumps(value))
        return load(None)

    return load_


@pytest.fixture
def credentials(monkeypatch, tmp_path):
    """Return a function that puts a file where systemd would."""
    directory = tmp_path / "credentials"
    directory.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(directory))

    def put(name, text):
        (directory / name).write_text(text)

    return put
