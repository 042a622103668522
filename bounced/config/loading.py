"""Put the tables together: one TOML file, the environment, files with secrets."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli
from pydantic import ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NestedSecretsSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bounced.config.sections import Admin, Classify, Escalate, Log, Receive, Retention, StoreSection
from bounced.config.sinks import JsonlSink, SinkSection
from bounced.config.verp import Verp
from bounced.errors import ConfigurationError
from bounced.escalate import Policy

# pydantic puts the type of a sink into the path of its keys.
_SINK_TYPES = {"jsonl", "webhook", "nats", "rabbitmq", "redis", "kafka"}


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
        if (kept := keep or most) > self.receive.limits.bytes_in_flight:
            raise ValueError(
                f"receive.limits.bytes_in_flight ({self.receive.limits.bytes_in_flight}) "
                f"is less than one message may have ({kept}), which would never be taken"
            )
        return self

    @property
    def reported_headers(self) -> list[str]:
        """Which further header fields of the returned mail are reported."""
        campaign = self.admin.campaign_header
        return [*self.classify.headers, *([campaign] if campaign else [])]

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
    _prove_credentials()
    try:
        return Config(**values)
    except ValidationError as error:
        raise ConfigurationError(
            "\n".join(_explain(error)), where=str(path or "environment"), remedy="see config/bounced.toml for every key"
        ) from None
    except ValueError as error:  # an environment variable that should hold JSON and does not
        variable = _find_variable(error)
        raise ConfigurationError(
            "this is no JSON" if variable else str(error),
            where=variable or "environment",
            remedy='lists are written as JSON: ["one", "two"]',
        ) from None


def _prove_credentials() -> None:
    """Make sure that secret files are not passed over because nobody may see them."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    try:
        if directory:
            next(Path(directory).iterdir(), None)
    except OSError as error:
        raise ConfigurationError(
            f"{directory}: {error.strerror}",
            where="CREDENTIALS_DIRECTORY",
            remedy="name a directory that can be read, or unset it; systemd sets it for LoadCredential=",
        ) from error


def _find_variable(error: ValueError) -> str | None:
    """Return the variable whose text could not be read; pydantic names only its section."""
    text = getattr(error.__cause__, "doc", None)
    return next((name for name, value in os.environ.items() if name.startswith("BOUNCED_") and value == text), None)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomli.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(
            error.strerror or str(error),
            where=str(path),
            remedy="check the path given with --config and its permissions",
        ) from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(error), where=str(path), remedy="mend the TOML at the line given") from error


def _explain(error: ValidationError) -> Iterator[str]:
    """Say each problem with its key as it is written in the file; values are not repeated, they may be secrets."""
    for problem in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in problem["loc"] if part not in _SINK_TYPES)
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "there is no such key"
        yield f"{key}: {message}" if key else message
