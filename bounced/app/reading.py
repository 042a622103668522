"""Which rules are in force, and what understands messages by them."""

from collections.abc import Callable

from bounced.classify import Knowledge
from bounced.config import Config
from bounced.errors import ConfigurationError
from bounced.flow.reading import Recipe
from bounced.knowledge import make_knowledge, shipped_knowledge


def read_rule_files(config: Config) -> dict[str, str]:
    """Return the operator's own rule files in the order in which they apply.

    Raises:
        ConfigurationError: The directory of rules cannot be read.
    """
    directory = config.classify.rules
    if directory is None:
        return {}
    texts, place = {}, directory
    try:
        # A glob would find nothing in a directory that is not there, and say nothing.
        for place in sorted(path for path in directory.iterdir() if path.suffix == ".toml"):
            texts[place.name] = place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{place}: {getattr(error, 'strerror', None) or error}",
            where="classify.rules",
            remedy="name a directory with readable *.toml files",
        ) from error
    return texts


def read_knowledge(config: Config) -> Knowledge:
    """Return the tables and rules in force: the operator's rules first, then those of the package.

    Raises:
        ConfigurationError: The directory of rules cannot be read.
        KnowledgeError: A rule file is malformed.
    """
    return make_knowledge(read_rule_files(config))


def prove_knowledge(recipe: Recipe) -> Callable[[], Knowledge]:
    """Return what tells the tables and rules of `recipe`; those of the package alone are read when somebody asks.

    Raises:
        KnowledgeError: A rule file is malformed.
    """
    if not recipe.rule_files:
        return shipped_knowledge
    knowledge = make_knowledge(recipe.rule_files)
    return lambda: knowledge


def make_recipe(config: Config) -> Recipe:
    """Return how messages are understood, as configured.

    Raises:
        ConfigurationError: The rules cannot be read, or a key or a pattern for return paths cannot be used.
    """
    return Recipe(
        rule_files=read_rule_files(config),
        profile=config.classify.profile,
        headers=tuple(config.reported_headers),
        verp=config.verp.read_settings(),
    )
