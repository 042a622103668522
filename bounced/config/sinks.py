"""The tables ``[[sink]]``, one class for each type."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from bounced.backoff import RETRY_SECONDS
from bounced.config.secrets import read_secret_texts
from bounced.config.section import Count, Positive, Section
from bounced.model import EventType


class _Sink(Section):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    types: list[EventType] | None = None
    retry_seconds: list[Positive] = list(RETRY_SECONDS)


class JsonlSink(_Sink):
    """A ``[[sink]]`` of type ``jsonl``: a file, or ``-`` for standard output."""

    type: Literal["jsonl"]
    path: str = "-"
    batch_size: Count = 100


class WebhookSink(_Sink):
    """A ``[[sink]]`` of type ``webhook``."""

    type: Literal["webhook"]
    url: SecretStr
    secrets: list[SecretStr] = []
    secret_files: list[Path] = []
    timeout_seconds: Positive = 20
    allow_private_addresses: bool = False
    batch_size: Count = 1
    concurrency: Count = 8

    def read_secrets(self) -> list[str]:
        """Return the signing secrets, those from files last.

        A relative file name is looked for where systemd puts credentials.

        Raises:
            ConfigurationError: A file cannot be read.
        """
        return read_secret_texts(
            self.secrets,
            self.secret_files,
            where=f"sink {self.name!r}, key secret_files",
            remedy="name a file with one whsec_… secret that the daemon's user may read",
        )


SinkSection = Annotated[JsonlSink | WebhookSink, Field(discriminator="type")]
