"""Every table of the configuration but the return paths and the sinks, with the defaults of its keys."""

import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_serializer, model_validator

from bounced.classify import Profile
from bounced.config.secrets import read_secret_texts
from bounced.config.section import Count, Days, FieldName, Seconds, Section, SomeTexts
from bounced.escalate import DEFAULT_POLICY, Threshold
from bounced.knowledge import shipped_tables
from bounced.log import Format

# To the last "@": SQLAlchemy takes passwords with a "/", as base64 has it, or what else would end a host elsewhere.
_PASSWORD = re.compile(r"(?<=://)([^:/]*):.*@", re.DOTALL)


class Tls(Section):
    """``[receive.tls]``: what STARTTLS uses."""

    certificate: Path
    key: Path


class ReceiveLimits(Section):
    """``[receive.limits]``: how much of everything a client may have."""

    connections: Count = 2048
    connections_per_client: Count = 50
    connections_per_minute: Count = 300
    messages_per_minute: Count = 3000
    trusted: list[str] = ["127.0.0.0/8", "::1"]
    bytes_in_flight: Count = 67_108_864
    recipients_per_message: Count = 100
    errors: Count = 20
    idle_commands: Count = 100
    idle_seconds: Seconds = 300
    session_seconds: Seconds = 1200
    data_bytes_per_second: Count = 500
    handshake_seconds: Seconds = 30


class Receive(Section):
    """``[receive]``: where and for whom mail is taken."""

    hostname: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_.:\[\]-]*$")] = socket.gethostname()
    listen: SomeTexts = ["smtp://127.0.0.1:2525"]
    recipients: SomeTexts = ["*"]
    max_message_bytes: Count = 33_554_432
    keep_bytes: Count | None = None
    shutdown_seconds: Seconds = 30
    proxy_protocol_from: list[str] = []
    tls: Tls | None = None
    limits: ReceiveLimits = ReceiveLimits()


class StoreSection(Section):
    """``[store]``: where everything is kept."""

    url: SecretStr = SecretStr("sqlite:///bounced-data/bounced.db")
    instance: str | None = None
    lease_seconds: Seconds = 60
    pseudonymize: bool = False

    @field_serializer("url", when_used="json")
    def _name_database(self, url: SecretStr) -> str:
        """Say which database it is, without the password and without the options, which may hold one."""
        return _PASSWORD.sub(r"\1:***@", url.get_secret_value()).partition("?")[0]


class Classify(Section):
    """``[classify]``: what may decide, and what else to report of the returned mail."""

    profile: Profile = Profile.RULES
    rules: Path | None = None
    headers: list[FieldName] = []


class Admin(Section):
    """``[admin]``: the HTTP server, and who may ask it."""

    listen: str = "127.0.0.1:8025"
    tokens: list[SecretStr] = []
    token_files: list[Path] = []
    read_tokens: list[SecretStr] = []
    read_token_files: list[Path] = []
    campaign_header: FieldName | None = None

    def load_tokens(self) -> list[str]:
        """Return the tokens of those who may do everything, those from files last.

        Raises:
            ConfigurationError: A file cannot be read.
        """
        return _load_tokens(self.tokens, self.token_files, where="admin.token_files")

    def load_read_tokens(self) -> list[str]:
        """Return the tokens of those who may look and change nothing, those from files last.

        Raises:
            ConfigurationError: A file cannot be read.
        """
        return _load_tokens(self.read_tokens, self.read_token_files, where="admin.read_token_files")


def _load_tokens(tokens: list[SecretStr], files: list[Path], *, where: str) -> list[str]:
    return read_secret_texts(
        tokens, files, where=where, remedy="name a file with one token that the daemon's user may read"
    )


class ThresholdSection(Section):
    """``[escalate.reasons.NAME]``: a threshold for one reason; what is left out is as in ``[escalate]``."""

    bounces: Annotated[int, Field(gt=0, le=100)] | None = None
    days: Count | None = None
    within_days: Days | None = None


class Escalate(Section):
    """``[escalate]``: how long soft bounces must persist to make a recipient undeliverable."""

    bounces: Annotated[int, Field(gt=0, le=100)] = DEFAULT_POLICY.threshold.bounces
    days: Count = DEFAULT_POLICY.threshold.days
    within_days: Days = DEFAULT_POLICY.threshold.within_days
    decay_days: Days = DEFAULT_POLICY.decay_days
    reasons: dict[str, ThresholdSection] = {}

    @model_validator(mode="after")
    def _can_be_reached(self) -> "Escalate":
        for name, threshold in {
            "": self.threshold(None),
            **{name: self.threshold(name) for name in self.reasons},
        }.items():
            if threshold.days > threshold.bounces:
                where = f"reasons.{name}: " if name else ""
                raise ValueError(f"{where}{threshold.bounces} bounces cannot come on {threshold.days} distinct days")
        return self

    @model_validator(mode="after")
    def _is_about_reasons(self) -> "Escalate":
        if self.reasons and (unknown := sorted(self.reasons.keys() - shipped_tables().reasons.keys())):
            raise ValueError(f"reasons.{unknown[0]}: there is no such reason; docs/migrate.md lists them")
        return self

    def threshold(self, reason: str | None) -> Threshold:
        """Return the threshold for `reason`, or for all that have none of their own."""
        of_all = Threshold(self.bounces, self.days, self.within_days)
        if reason is None:
            return of_all
        return replace(of_all, **self.reasons[reason].model_dump(exclude_none=True))


class Log(Section):
    """``[log]``: how the daemon speaks."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Format = "auto"
    mask_addresses: bool = True


class Retention(Section):
    """``[retention]``: how long finished work is kept, and recipients of whom nothing is heard."""

    days: Days = 90
    messages_days: Days | None = None
    reports_days: Days | None = None
    events_days: Days | None = None
    recipients_days: Days = 730
