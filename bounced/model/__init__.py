"""The words of the project: values that more than one stage speaks of.

Everything here is immutable and knows neither where it came from nor where
it goes. Names follow the RFCs: a *message* is the mail that came back, the
*original* is the mail that failed, a *finding* is what a report says of one
recipient, a *verdict* is what we conclude from it.
"""

from bounced.model.codes import Reply, Status
from bounced.model.event import Delivered, Delivery, Event, Failed, SendResult
from bounced.model.message import Envelope, Message
from bounced.model.report import Finding, Original, Report, Verp
from bounced.model.sets import Action, Advice, BounceType, Confidence, EventType, Fault, Kind, Stage
from bounced.model.verdict import Outcome, Provider, Understanding, Verdict, Why, kind_of

__all__ = [
    "Action",
    "Advice",
    "BounceType",
    "Confidence",
    "Delivered",
    "Delivery",
    "Envelope",
    "Event",
    "EventType",
    "Failed",
    "Fault",
    "Finding",
    "Kind",
    "Message",
    "Original",
    "Outcome",
    "Provider",
    "Reply",
    "Report",
    "SendResult",
    "Stage",
    "Status",
    "Understanding",
    "Verdict",
    "Verp",
    "Why",
    "kind_of",
]
