"""The table ``[verp]``: its keys, and how return paths are read by them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from bounced.config.secrets import read_secret_texts
from bounced.config.section import Section
from bounced.errors import ConfigurationError
from bounced.identify import BatvKey, VerpSettings, Wrapping, make_form
from bounced.identify.verp import DEFAULT_DAYS, DEFAULT_PREFIX, PREFIX_PATTERN, Key


class Verp(Section):
    """``[verp]``: what the return path tells, and whether it has to be proven."""

    mode: Literal["off", "monitor", "enforce"] = "off"
    domains: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]] = []
    keys: list[SecretStr] = []
    key_files: list[Path] = []
    prefix: Annotated[str, Field(pattern=PREFIX_PATTERN)] = DEFAULT_PREFIX
    days: Annotated[int, Field(gt=0, le=365)] = DEFAULT_DAYS
    patterns: list[str] = []
    batv_keys: list[SecretStr] = []
    srs_secrets: list[SecretStr] = []

    def read_keys(self) -> tuple[Key, ...]:
        """Return the keys, those from files last; the first one signs.

        Raises:
            ConfigurationError: A file cannot be read, or a key cannot be used.
        """
        texts = read_secret_texts(
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
