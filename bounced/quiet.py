"""Keep libraries from telling the world on their own what a stranger's message made them say."""

import logging


def silence(library: str) -> None:
    """Let a library whose errors we take care of ourselves write none of them to standard error."""
    logging.getLogger(library).setLevel(logging.CRITICAL)
