"""Tell when two ways to write an address mean one mailbox."""

import re
from functools import lru_cache
from unicodedata import normalize

_LONGEST_ADDRESS = 320  # RFC 5321 section 4.5.3.1: 64 octets, "@" and 255
_NEEDLESS_QUOTES = re.compile(r'"([^\s"\\()<>,:;@\[\]]+)"')
_ACE_PREFIX = "xn--"
_LONGEST_LABEL = 59  # RFC 1035 section 2.3.4: 63 octets, with the prefix; a longer one would take long to write


def recipient_key(address: str) -> str | None:
    """Return the form in which `address` is known; None for what is no address of anybody.

    Case never tells two mailboxes apart in practice, whatever RFC 5321
    section 2.4 allows, and reports change it. Servers also add quotes that
    nothing needs, and write an internationalised domain as ``xn--…`` (RFC 5891)
    where the sender wrote it in Unicode.
    """
    key = address.strip().lower()
    if not 0 < len(key) <= _LONGEST_ADDRESS:
        return None
    local_part, _, domain = key.rpartition("@")
    domain = domain.rstrip(".")
    if not (local_part and domain):
        return key
    if quoted := _NEEDLESS_QUOTES.fullmatch(local_part):
        local_part = quoted[1]
    return f"{local_part}@{domain if domain.isascii() else _write_in_ascii(domain)}"


def is_same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses are surely one mailbox.

    They may differ in a subaddress (RFC 5233), or in the host alone; some
    systems name a recipient without any.
    """
    if one == other:
        return True
    (local, domain), (other_local, other_domain) = (
        _split(recipient_key(each) or each.lower()) for each in (one, other)
    )
    is_within = domain.endswith(f".{other_domain}") or other_domain.endswith(f".{domain}")
    is_one_host = domain == other_domain or (is_within and "." in domain and "." in other_domain)
    return local == other_local and (is_one_host or not (domain and other_domain))


def _split(key: str) -> tuple[str, str]:
    local_part, _, domain = key.rpartition("@") if "@" in key else (key, "", "")
    return local_part.partition("+")[0] or local_part, domain


def spellings(key: str) -> tuple[str, ...]:
    """Return how texts may write an address, all in lower case.

    Args:
        key: The address, as `recipient_key` returns it.
    """
    local_part, _, domain = key.rpartition("@")
    if not (local_part and domain.strip(".")):
        return (key,)
    quoted = f'"{local_part}"'
    local_parts = (local_part, quoted) if _NEEDLESS_QUOTES.fullmatch(quoted) else (local_part,)
    domains = dict.fromkeys((domain, ".".join(map(_to_unicode, domain.split(".")))))
    return tuple(f"{each}@{one}" for each in local_parts for one in domains)


@lru_cache(maxsize=4096)
def _write_in_ascii(domain: str) -> str:
    return ".".join(map(_to_ascii, domain.split(".")))


def _to_ascii(label: str) -> str:
    if label.isascii() or len(label) > _LONGEST_LABEL:
        return label
    return _ACE_PREFIX + normalize("NFC", label).encode("punycode").decode()


def _to_unicode(label: str) -> str:
    """Return what a label stands for; one that stands for nothing is left as it is."""
    if not label.startswith(_ACE_PREFIX):
        return label
    try:
        text = label.removeprefix(_ACE_PREFIX).encode().decode("punycode")
    except UnicodeError:
        return label
    return text if _to_ascii(text) == label else label
