"""Decode bytes that claim, or do not claim, to be text in some charset.

Only codecs for text are ever used: a charset name comes from strangers, and
Python also keeps ``zip``, ``hex`` and ``idna`` under its codec names. What
cannot be decoded becomes U+FFFD; nothing here raises.
"""

import codecs
import re
from encodings import normalize_encoding
from encodings.aliases import aliases
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
# Python remembers for ever each name that it was asked for in vain, and searches its path for a module of that
# name. So strangers' names are compared with what it has: its aliases, and the charsets for mail without one.
_WITHOUT_ALIAS = frozenset({"cp874", "koi8_t", "koi8_u", "mac_croatian", "mac_romanian", "utf_8_sig"})
_OF_WINDOWS = frozenset({"ansi", "dbcs", "mbcs", "oem"})
_KNOWN = (_WITHOUT_ALIAS | aliases.keys() | set(aliases.values())) - _OF_WINDOWS
_WRITTEN_AS_LETTERS = re.compile(r"^(?:u[tf]{2}|uft)[-_]?8$")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
_ISO_2022_JP = re.compile(rb"\x1b[$(][@BIJ]")
_KANA = re.compile("[\u3040-\u30ff]")
_ASCII = bytes(range(0x80))
_CHARSET_NAME_LENGTH = 40


@lru_cache(maxsize=256)
def _codec(name: str) -> str | None:
    """Return Python's name for the charset `name`, or None where it is not a charset for text."""
    name = name.strip().strip("\"'").lower()
    if len(name) > _CHARSET_NAME_LENGTH or not name.isascii():
        return None
    name = normalize_encoding("utf-8" if _WRITTEN_AS_LETTERS.match(name) else _ALIASES.get(name, name))
    if name not in _KNOWN:
        return None
    info = codecs.lookup(name)
    # Python marks codecs that do not turn bytes into str (hex, zip, rot13 ...) with this attribute.
    return info.name if getattr(info, "_is_text_encoding", True) else None


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
            text = data.decode(codec)
        except UnicodeError:
            pass
        else:
            # UTF-7 can say half of a surrogate pair, which cannot be written as UTF-8 again.
            return text if text.isascii() else _HALF_A_PAIR.sub("\ufffd", text)
    return decode_unlabelled(data)


def _decode_kana(data: bytes) -> str | None:
    """Decode Japanese in 8 bits, which is known by its kana, or return None.

    QUIRK: Japanese carriers send EUC-JP or Shift_JIS and label it ISO-2022-JP, or not at all.
    """
    for codec in ("euc_jp", "cp932"):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        foreign = len(text) - len(text.encode("ascii", "ignore"))
        if len(_KANA.findall(text)) * 4 > foreign:
            return text
    return None


def decode_unlabelled(data: bytes) -> str:
    """Decode octets without a charset: ASCII, UTF-8, raw ISO-2022-JP, else Windows-1252."""
    if data.isascii() and b"\x1b" not in data:
        return data.decode("ascii")
    if _ISO_2022_JP.search(data):
        # QUIRK: Japanese gateways put raw ISO-2022-JP into Diagnostic-Code, which RFC 3464 keeps ASCII.
        return data.decode("iso2022_jp_3", errors="replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    if japanese := _decode_kana(data):
        return japanese
    text = data.decode(errors="replace")
    # Mostly valid UTF-8 with a cut character stays UTF-8; otherwise the octets are an 8-bit charset.
    return text if text.count("\ufffd") * 4 < len(data.translate(None, _ASCII)) else data.decode("cp1252", "replace")
