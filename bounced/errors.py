"""What can go wrong, by who can mend it and whether waiting helps.

::

    BouncedError
    ├── AddressError            who asked for the address; waiting does not help
    ├── ConfigurationError      the operator; waiting does not help; exit status 78
    ├── KnowledgeError          who wrote the rule or table; waiting does not help; exit status 78
    ├── MalformedReportError    the reporting MTA; never leaves the reader that met it
    └── StoreError              waiting may help; SMTP says 451 4.3.0
        └── StoreFullError      the operator frees space; SMTP says 452 4.3.1
"""


class BouncedError(Exception):
    """Any error of this project; its text is written for the person who reads it."""


class ConfigurationError(BouncedError):
    """The configuration cannot be used.

    Args:
        problem: What is wrong, in a few words.
        where: The file and key it stands in, as far as known.
        remedy: What to change.
    """

    def __init__(self, problem: str, *, where: str | None = None, remedy: str | None = None) -> None:
        self.problem, self.where, self.remedy = problem, where, remedy
        super().__init__(f"{where}: {problem}" if where else problem)


class AddressError(BouncedError):
    """A return path cannot be made of what is to go into it."""


class KnowledgeError(BouncedError):
    """A code table or rule file is malformed; the text names file and entry."""


class MalformedReportError(BouncedError):
    """A part of a report holds nothing that can be used."""


class StoreError(BouncedError):
    """The store could not do what was asked, or does not know whether it did; asking again is safe."""


class StoreFullError(StoreError):
    """The store's disk or quota is full; nothing was written."""
