"""Show to people what strangers wrote: addresses hidden, control characters made harmless."""

import re

_ADDRESS = re.compile(r"(\"[^\"\n]{1,64}\"|[^\s<>@,;:\"'()]{1,64})@([^\W_][\w.-]{0,254})")
# DEL, C1, the separators of lines, and the bidirectional controls that can reorder a line on a terminal.
_BEYOND_C0 = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_CONTROL = re.compile(f"[\x00-\x1f{_BEYOND_C0}]")
_CONTROL_IN_JSON = re.compile(f"[{_BEYOND_C0}]")  # JSON escapes C0 itself; what is left of it parts lines


def mask_addresses(text: str) -> str:
    """Hide all but the first character of every local part in `text`."""
    return text if "@" not in text else _ADDRESS.sub(lambda found: f"{found[1][0]}***@{found[2]}", text)


def make_visible(text: str) -> str:
    """Replace the characters that would move a terminal's cursor, colour it or reorder its line."""
    return text if text.isprintable() else _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def escape_json(text: str) -> str:
    """Return the same JSON with such characters written as escapes, so that it is one line for every reader."""
    if text.isascii() and "\x7f" not in text:  # most texts, and told at once
        return text
    return _CONTROL_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
