"""Take one address out of the JSON that is stored about others too."""

import json
import re
from dataclasses import dataclass
from typing import Any

from bounced.model.address import recipient_key, spellings

_ERASED = "[erased]"
_OF_A_RECIPIENT = frozenset({"recipient", "original_recipient", "final_recipient"})


@dataclass(frozen=True, slots=True)
class Redaction:
    """Takes an address out.

    Attributes:
        key: The address, as `recipient_key` returns it.
    """

    key: str

    @property
    def needles(self) -> tuple[str, ...]:
        """How JSON writes the address, in lower case; what holds none of these does not hold the address."""
        return tuple([json.dumps(spelling, ensure_ascii=False)[1:-1] for spelling in spellings(self.key)])

    def clean(self, text: str) -> str:
        """Return JSON without the address: no outcome is about it, and no other value names it."""
        lowered = text.lower()
        if not any(needle in lowered for needle in self.needles):
            return text
        value = _load(text)
        others = [one for one in value.get("recipients", ()) if not self._is_it(one["recipient"])]
        clean = self._clean({**value, "recipients": others} if "recipients" in value else value)
        return text if clean == value else json.dumps(clean, ensure_ascii=False, separators=(",", ":"))

    def is_named_in(self, text: str) -> bool:
        """Whether a text names the address."""
        return self._pattern().search(text) is not None

    def _is_it(self, address: object) -> bool:
        return isinstance(address, str) and recipient_key(address) == self.key

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._pattern().sub(_ERASED, value)
        if isinstance(value, list):
            return [self._clean(one) for one in value]
        if isinstance(value, dict):
            return {
                name: None if name in _OF_A_RECIPIENT and self._is_it(one) else self._clean(one)
                for name, one in value.items()
            }
        return value

    def _pattern(self) -> re.Pattern[str]:
        # joann@example.com and ann@example.com.au are somebody else.
        written = "|".join(map(re.escape, spellings(self.key)))
        return re.compile(rf"(?<![\w.+=-])(?:{written})(?![\w-]|\.\w)", re.IGNORECASE)


def find_recipient(document: str) -> str | None:
    """Return the key of the address that an event is about; None where it is about nobody."""
    address = _load(document).get("data", {}).get("recipient")
    return recipient_key(address) if address else None


def _load(text: str) -> dict[str, Any]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}
