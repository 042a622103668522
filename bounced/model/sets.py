"""The closed sets that values are taken from."""

from enum import StrEnum


class Kind(StrEnum):
    """What a message is; only a bounce ever counts against an address."""

    BOUNCE = "bounce"
    DELAY = "delay"
    SUCCESS = "success"
    FEEDBACK_REPORT = "feedback_report"
    AUTO_REPLY = "auto_reply"
    CHALLENGE = "challenge"
    MDN = "mdn"
    NOT_BOUNCE = "not_bounce"


class Action(StrEnum):
    """What the reporting MTA did (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class Stage(StrEnum):
    """Where in the SMTP dialogue a server refused (RFC 5321 section 3.3)."""

    CONNECT = "connect"
    HELO = "helo"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END_OF_DATA = "end_of_data"


class BounceType(StrEnum):
    """Hard: this will never work. Soft: the same address may work later."""

    HARD = "hard"
    SOFT = "soft"


class Fault(StrEnum):
    """Who has to change something before the next message can get through."""

    RECIPIENT = "recipient"
    SENDER = "sender"
    MESSAGE = "message"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class Advice(StrEnum):
    """What a consumer should do with the address."""

    SUPPRESS = "suppress"
    RETRY = "retry"
    FIX = "fix"
    REVIEW = "review"


class Confidence(StrEnum):
    """How strong the evidence behind a verdict is; weak evidence never suppresses."""

    CERTAIN = "certain"
    LIKELY = "likely"
    WEAK = "weak"


class EventType(StrEnum):
    """The types of events a consumer can subscribe to."""

    BOUNCE = "bounced.bounce"
    DELAY = "bounced.delay"
    DELIVERY = "bounced.delivery"
    COMPLAINT = "bounced.complaint"
    AUTO_REPLY = "bounced.auto_reply"
    UNDELIVERABLE = "bounced.undeliverable"
    UNRECOGNIZED = "bounced.unrecognized"
