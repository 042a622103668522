"""Move messages and events: the loops between the stages, and nothing of what the stages know.

``incoming`` takes a message from accepted to concluded, ``outgoing`` an event
from concluded to settled, ``upkeep`` does what time asks for. What they hold
in memory is a bounded window on the store; what does not fit waits there.
"""
