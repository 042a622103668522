"""Read secrets that are kept in files of their own."""

import os
from pathlib import Path

from pydantic import SecretStr

from bounced.errors import ConfigurationError


def read_secret_texts(values: list[SecretStr], files: list[Path], *, where: str, remedy: str) -> list[str]:
    """Return secrets, then those in files; a relative name is looked for where systemd puts credentials."""
    directory = Path(os.environ.get("CREDENTIALS_DIRECTORY", "."))
    secrets = [value.get_secret_value() for value in values]
    for path in files:
        try:
            secrets.append((directory / path).read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            problem = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
            raise ConfigurationError(problem, where=where, remedy=remedy) from error
    return secrets
