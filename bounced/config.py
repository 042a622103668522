"""Read the configuration: one TOML file, the environment, files with secrets.

Every key has a default, so no configuration at all is a valid one. What is
wrong is said with file, key and remedy; all of it at once, not one by one.
"""

import os
import socket
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NestedSecretsSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bounced.backoff import RETRY_SECONDS
from bounced.classify import Profile
from bounced.errors import ConfigurationError
from bounced.escalate import DEFAULT_POLICY, Policy, Threshold
from bounced.identify import BatvKey, VerpSettings, Wrapping, make_form
from bounced.identify.verp import DEFAULT_DAYS, DEFAULT_PREFIX, Key
from bounced.log import Format
from bounced.model import EventType

_Positive = Annotated[float, Field(gt=0)]
_Days = Annotated[float, Field(gt=0, le=36_500)]
_Count = Annotated[int, Field(gt=0)]
_SomeTexts = Annotated[list[str], Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(_Section):
    """``[receive.tls]``: what STARTTLS uses."""

    certificate: Path
    key: Path


class Receive(_Section):
    """``[receive]``: where and for whom mail is taken."""

    hostname: Annotated[str, Field(min_length=1)] = socket.gethostname()
    listen: _SomeTexts = ["smtp://127.0.0.1:2525"]
    recipients: _SomeTexts = ["*"]
    max_message_bytes: _Count = 33_554_432
    keep_bytes: _Count | None = None
    shutdown_seconds: _Positive = 30
    tls: Tls | None = None


class StoreSection(_Section):
    """``[store]``: where everything is kept."""

    url: SecretStr = SecretStr("sqlite:///bounced-data/bounced.db")
    instance: str | None = None
    lease_seconds: _Positive = 60
    pseudonymize: bool = False


class Classify(_Section):
    """``[classify]``: what may decide, and what else to report of the returned mail."""

    profile: Profile = Profile.RULES
    rules: Path | None = None
    headers: list[str] = []


class Admin(_Section):
    """``[admin]``: the HTTP server, and who may ask it."""

    listen: str = "127.0.0.1:8025"
    tokens: list[SecretStr] = []
    token_files: list[Path] = []

    def read_tokens(self) -> list[str]:
        """Return the tokens, those from files last.

        Raises:
            ConfigurationError: A file cannot be read.
        """
        return _read_secrets(
            self.tokens,
            self.token_files,
            where="admin.token_files",
            remedy="name a file with one token that the daemon's user may read",
        )


class Verp(_Section):
    """``[verp]``: what the return path tells, and whether it has to be proven."""

    mode: Literal["off", "monitor", "enforce"] = "off"
    domains: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]] = []
    keys: list[SecretStr] = []
    key_files: list[Path] = []
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,16}$")] = DEFAULT_PREFIX
    days: Annotated[int, Field(gt=0, le=365)] = DEFAULT_DAYS
    patterns: list[str] = []
    batv_keys: list[SecretStr] = []
    srs_secrets: list[SecretStr] = []

    def read_keys(self) -> tuple[Key, ...]:
        """Return the keys, those from files last; the first one signs.

        Raises:
            ConfigurationError: A file cannot be read, or a key cannot be used.
        """
        texts = _read_secrets(
            self.keys,
            self.key_files,
            where="verp.key_files",
            remedy="name a file with one key that the daemon's user may read",
        )
        keys = tuple(map(Key.parse, texts))
        if len({key.id for key in keys}) < len(keys):
            raise ConfigurationError(
                "two keys have the same id", where="verp.keys", remedy="name the new key by another character"
            )
        return keys

    def read_settings(self) -> VerpSettings:
        """Return how return paths are read; in mode ``off`` nothing counts as signed.

        Raises:
            ConfigurationError: A key or a pattern cannot be used, or what the mode needs is missing.
        """
        keys = () if self.mode == "off" else self.read_keys()
        if self.mode != "off" and not (keys and self.domains):
            raise ConfigurationError(
                f'mode = "{self.mode}" needs domains and keys',
                where="verp.mode",
                remedy="give verp.domains, and verp.keys or verp.key_files; see docs/verp.md",
            )
        return VerpSettings(
            keys=keys,
            prefix=self.prefix,
            wrapping=Wrapping(
                tuple(BatvKey.parse(key.get_secret_value()) for key in self.batv_keys),
                tuple(secret.get_secret_value().encode() for secret in self.srs_secrets),
            ),
            patterns=tuple(make_form("configured", pattern) for pattern in self.patterns),
        )


class ThresholdSection(_Section):
    """``[escalate.reasons.NAME]``: a threshold for one reason; what is left out is as in ``[escalate]``."""

    bounces: Annotated[int, Field(gt=0, le=100)] | None = None
    days: _Count | None = None
    within_days: _Days | None = None


class Escalate(_Section):
    """``[escalate]``: how long soft bounces must persist to make a recipient undeliverable."""

    bounces: Annotated[int, Field(gt=0, le=100)] = DEFAULT_POLICY.threshold.bounces
    days: _Count = DEFAULT_POLICY.threshold.days
    within_days: _Days = DEFAULT_POLICY.threshold.within_days
    decay_days: _Days = DEFAULT_POLICY.decay_days
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

    def threshold(self, reason: str | None) -> Threshold:
        """Return the threshold for `reason`, or for all that have none of their own."""
        of_all = Threshold(self.bounces, self.days, self.within_days)
        if reason is None:
            return of_all
        return replace(of_all, **self.reasons[reason].model_dump(exclude_none=True))


class Log(_Section):
    """``[log]``: how the daemon speaks."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Format = "auto"
    mask_addresses: bool = True


class Retention(_Section):
    """``[retention]``: how long finished work is kept, and recipients of whom nothing is heard."""

    days: _Days = 90
    messages_days: _Days | None = None
    reports_days: _Days | None = None
    events_days: _Days | None = None
    recipients_days: _Days = 730


class _Sink(_Section):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    types: list[EventType] | None = None
    retry_seconds: list[_Positive] = list(RETRY_SECONDS)


class JsonlSink(_Sink):
    """A ``[[sink]]`` of type ``jsonl``: a file, or ``-`` for standard output."""

    type: Literal["jsonl"]
    path: str = "-"
    batch_size: _Count = 100


class WebhookSink(_Sink):
    """A ``[[sink]]`` of type ``webhook``."""

    type: Literal["webhook"]
    url: SecretStr
    secrets: list[SecretStr] = []
    secret_files: list[Path] = []
    timeout_seconds: _Positive = 20
    allow_private_addresses: bool = False
    batch_size: _Count = 1
    concurrency: _Count = 8

    def read_secrets(self) -> list[str]:
        """Return the signing secrets, those from files last.

        A relative file name is looked for where systemd puts credentials.

        Raises:
            ConfigurationError: A file cannot be read.
        """
        return _read_secrets(
            self.secrets,
            self.secret_files,
            where=f"sink {self.name!r}, key secret_files",
            remedy="name a file with one whsec_… secret that the daemon's user may read",
        )


SinkSection = Annotated[JsonlSink | WebhookSink, Field(discriminator="type")]


def _read_secrets(values: list[SecretStr], files: list[Path], *, where: str, remedy: str) -> list[str]:
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


class Config(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="BOUNCED_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    receive: Receive = Receive()
    store: StoreSection = StoreSection()
    verp: Verp = Verp()
    classify: Classify = Classify()
    escalate: Escalate = Escalate()
    sink: list[SinkSection] = [JsonlSink(name="stdout", type="jsonl")]
    admin: Admin = Admin()
    log: Log = Log()
    retention: Retention = Retention()

    @field_validator("sink")
    @classmethod
    def _names_are_unique(cls, sinks: list[SinkSection]) -> list[SinkSection]:
        names = [sink.name for sink in sinks]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two sinks are called {twice[0]!r}; deliveries are stored by name, so each needs its own")
        return sinks

    @model_validator(mode="after")
    def _keeps_no_more_than_it_takes(self) -> "Config":
        keep, most = self.receive.keep_bytes, self.receive.max_message_bytes
        if keep is not None and keep > most:
            raise ValueError(f"receive.keep_bytes ({keep}) is more than receive.max_message_bytes ({most})")
        return self

    @property
    def policy(self) -> Policy:
        """By what recipients are judged."""
        return Policy(
            threshold=self.escalate.threshold(None),
            by_reason={reason: self.escalate.threshold(reason) for reason in self.escalate.reasons},
            decay_days=self.escalate.decay_days,
            require_verified=self.verp.mode == "enforce",
        )

    @property
    def owner(self) -> str:
        """The name in which this daemon leases work; unique among those that share a database."""
        return self.store.instance or self.receive.hostname

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over secret files, and these over the TOML file."""
        del settings_cls, dotenv_settings
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            return env_settings, init_settings
        secrets = NestedSecretsSettingsSource(
            file_secret_settings, secrets_dir=directory, secrets_prefix="BOUNCED_", secrets_nested_delimiter="__"
        )
        return env_settings, secrets, init_settings


def load(path: Path | None) -> Config:
    """Read the configuration in force.

    Args:
        path: The TOML file; None for defaults, environment and secret files alone.

    Raises:
        ConfigurationError: Something cannot be read or is not valid.
    """
    values = _read_file(path) if path else {}
    try:
        return Config(**values)
    except ValidationError as error:
        raise ConfigurationError(
            "\n".join(_explain(error)), where=str(path or "environment"), remedy="see config/bounced.toml for every key"
        ) from None
    except ValueError as error:  # an environment variable that should hold JSON and does not
        raise ConfigurationError(str(error), where="environment", remedy="lists are written as JSON") from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            error.strerror or str(error),
            where=str(path),
            remedy="check the path given with --config and its permissions",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(error), where=str(path), remedy="mend the TOML at the line given") from error


def _explain(error: ValidationError) -> Iterator[str]:
    """Say each problem with its key as it is written in the file; values are not repeated, they may be secrets."""
    for problem in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in problem["loc"] if part not in ("jsonl", "webhook"))
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "there is no such key"
        yield f"{key}: {message}" if key else message
