"""The tables ``[[sink]]``, one class for each type."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from bounced.backoff import RETRY_SECONDS
from bounced.config.secrets import read_secret_texts
from bounced.config.section import Count, Seconds, Section
from bounced.deliver.cloudevents import Mode
from bounced.model import EventType


class _Sink(Section):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    types: list[EventType] | None = None
    retry_seconds: list[Seconds] = list(RETRY_SECONDS)

    @property
    def reads_files(self) -> bool:
        """Whether files with secrets or certificates belong to it, which may change while its section does not."""
        return False


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
    timeout_seconds: Seconds = 20
    allow_private_addresses: bool = False
    batch_size: Count = 1
    concurrency: Count = 8

    @property
    def reads_files(self) -> bool:
        """Whether there are files with secrets."""
        return bool(self.secret_files)

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


class BrokerSink(_Sink):
    """What the sinks of all brokers have in common."""

    url: SecretStr
    password_file: Path | None = None
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    mode: Mode = Mode.STRUCTURED
    timeout_seconds: Seconds = 20
    batch_size: Count = 100

    @property
    def reads_files(self) -> bool:
        """Whether there are files with a password or certificates."""
        return any((self.password_file, self.ca_file, self.certificate, self.key))

    def read_password(self) -> str | None:
        """Return what is in the file of the password; None where there is no such file.

        Raises:
            ConfigurationError: The file cannot be read.
        """
        if self.password_file is None:
            return None
        [password] = read_secret_texts(
            [],
            [self.password_file],
            where=f"sink {self.name!r}, key password_file",
            remedy="name a file with the password, or the token, that the daemon's user may read",
        )
        return password


class NatsSink(BrokerSink):
    """A ``[[sink]]`` of type ``nats``: a stream of JetStream."""

    type: Literal["nats"]
    stream: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] = "bounced"
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")] = "bounced"
    duplicate_window_seconds: Seconds = 3600


class RabbitmqSink(BrokerSink):
    """A ``[[sink]]`` of type ``rabbitmq``: a topic exchange."""

    type: Literal["rabbitmq"]
    exchange: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,255}$")] = "bounced"


class RedisSink(BrokerSink):
    """A ``[[sink]]`` of type ``redis``: a stream."""

    type: Literal["redis"]
    stream: Annotated[str, Field(min_length=1)] = "bounced"
    max_length: Count = 1_000_000


class KafkaSink(BrokerSink):
    """A ``[[sink]]`` of type ``kafka``: a topic."""

    type: Literal["kafka"]
    topic: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,249}$")] = "bounced"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"


SinkSection = Annotated[
    JsonlSink | WebhookSink | NatsSink | RabbitmqSink | RedisSink | KafkaSink, Field(discriminator="type")
]
