"""Which rules are in force, and the function that understands a message by them."""

from collections.abc import Callable
from datetime import UTC

from bounced.classify import Knowledge
from bounced.config import Config
from bounced.errors import ConfigurationError
from bounced.model import Envelope, Understanding
from bounced.pipeline import make_knowledge, understand


def read_knowledge(config: Config) -> Knowledge:
    """Return the tables and rules in force: the operator's rules first, then those of the package.

    Raises:
        ConfigurationError: The directory of rules cannot be read.
        KnowledgeError: A rule file is malformed.
    """
    directory = config.classify.rules
    if directory is None:
        return make_knowledge()
    try:
        # A glob would find nothing in a directory that is not there, and say nothing.
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".toml")
        files = {path.name: path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            str(error), where="classify.rules", remedy="name a directory with readable *.toml files"
        ) from error
    return make_knowledge(files)


def make_reader(config: Config, knowledge: Knowledge) -> Callable[[bytes, Envelope | None], Understanding]:
    """Return the function that understands a message, and its envelope where that is known, as configured.

    Raises:
        ConfigurationError: A key or a pattern for return paths cannot be used.
    """
    verp = config.verp.read_settings()

    def read(raw: bytes, envelope: Envelope | None) -> Understanding:
        return understand(
            raw,
            knowledge=knowledge,
            profile=config.classify.profile,
            headers=config.reported_headers,
            recipients=envelope.recipients if envelope else (),
            verp=verp,
            # The day on which it came: to read it again later gives the same.
            today=envelope.received_at.astimezone(UTC).date() if envelope else None,
        )

    return read
