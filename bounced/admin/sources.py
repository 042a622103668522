"""What the admin server answers from."""

from collections.abc import Callable
from dataclasses import dataclass

from bounced.admin.health import Health
from bounced.admin.tokens import Tokens
from bounced.classify import Knowledge
from bounced.store import Store


@dataclass(slots=True)
class Sources:
    """Whom the admin server asks, and who may ask it.

    Attributes:
        store: What is asked and told.
        tokens: Who may ask; a reload replaces it.
        knowledge: Tells what codes, reasons and providers are called; a reload replaces it.
        look: Tells how the daemon is.
    """

    store: Store
    tokens: Tokens
    knowledge: Callable[[], Knowledge]
    look: Callable[[], Health] = Health
