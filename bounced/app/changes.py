"""Tell what of a changed configuration a reload cannot take over."""

from collections.abc import Iterator

from bounced.config import Config

_RELOADED = frozenset({"verp", "classify", "escalate", "sink"})
_RELOADED_KEYS = frozenset(
    {"admin.tokens", "admin.token_files", "admin.read_tokens", "admin.read_token_files"},
)


def find_unapplied(started: Config, wanted: Config) -> Iterator[str]:
    """Yield the keys whose values differ from those of the start and are only read there.

    Sockets, the database and what every session was told cannot change under
    those who use them.
    """
    for section in Config.model_fields.keys() - _RELOADED:
        before, after = getattr(started, section), getattr(wanted, section)
        for key in type(before).model_fields:
            name = f"{section}.{key}"
            if name not in _RELOADED_KEYS and getattr(before, key) != getattr(after, key):
                yield name
