"""Decode bytes that claim, or do not claim, to be text in some charset.

Only codecs for text are ever used: a charset name comes from strangers, and
Python also keeps ``zip``, ``hex`` and ``idna`` under its codec names. What
cannot be decoded becomes U+FFFD; nothing here raises.
"""

import codecs
import re
from functools import lru_cache

# Names that mail systems write and Python does not know, and the supersets that fit better what is really sent.
_ALIASES = {
    "unknown-8bit": "utf-8",
    "x-unknown": "utf-8",
    "default": "utf-8",
    "default_charset": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_3",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "iso-8859-8-i": "iso-8859-8",
    "tis-620": "cp874",
    "x-mac-roman": "mac_roman",
}
_NOT_TEXT = frozenset(
    {"punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem", "palmos"}
)
_WRITTEN_AS_LETTERS = re.compile(r"^(?:u[tf]{2}|uft)[-_]?8$")
_ISO_2022_JP = re.compile(rb"\x1b[$(][@BIJ]")
_CHARSET_NAME_LENGTH = 40


@lru_cache(maxsize=256)
def _codec(name: str) -> str | None:
    """Return Python's name for the charset `name`, or None where it is not a charset for text."""
    name = name.strip().strip("\"'").lower()
    if len(name) > _CHARSET_NAME_LENGTH or not name.isascii():
        return None
    name = "utf-8" if _WRITTEN_AS_LETTERS.match(name) else _ALIASES.get(name, name)
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    # Python marks codecs that do not turn bytes into str (hex, zip, rot13 ...) with this attribute.
    is_text = getattr(info, "_is_text_encoding", True)
    return info.name if is_text and info.name.replace("-", "_") not in _NOT_TEXT else None


def decode(data: bytes, charset: str | None = None) -> str:
    """Decode `data` as `charset` where that works, otherwise as what it looks like.

    Args:
        data: Octets of a header field or body.
        charset: The name the sender gave, right or wrong; None where none was given.

    Returns:
        Text; octets that fit no guess are U+FFFD.
    """
    codec = _codec(charset) if charset else None
    if codec and codec != "utf-8":
        try:
            return data.decode(codec)
        except (UnicodeError, ValueError, AssertionError):
            pass
    return decode_unlabelled(data)


def decode_unlabelled(data: bytes) -> str:
    """Decode octets without a charset: ASCII, UTF-8, raw ISO-2022-JP, else Windows-1252."""
    if _ISO_2022_JP.search(data):
        # QUIRK: Japanese gateways put raw ISO-2022-JP into Diagnostic-Code, which RFC 3464 keeps ASCII.
        return data.decode("iso2022_jp_3", errors="replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    text = data.decode(errors="replace")
    # Mostly valid UTF-8 with a cut character stays UTF-8; otherwise the octets are an 8-bit charset.
    return text if text.count("\ufffd") * 4 < sum(byte > 0x7F for byte in data) else data.decode("cp1252", "replace")  # noqa: PLR2004 - the last ASCII octet
