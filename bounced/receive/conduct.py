"""How a client behaves; what it did wrong is forgiven with each message that it delivers."""

from bounced.receive.replies import RefusedError

# A client with a long list of recipients may send all of it ahead; the number is Postfix's recipient_overshoot_limit.
_MOST_DEFERRALS = 1000


class Conduct:
    """Counts what brings a session nowhere.

    Args:
        errors: How many refusals for good are borne.
        idle_commands: How many commands that achieve nothing are borne.
    """

    def __init__(self, *, errors: int, idle_commands: int) -> None:
        self._most_errors, self._most_idle = errors, idle_commands
        self.forgive()

    def forgive(self) -> None:
        """Begin to count anew: a message was accepted."""
        self._errors = self._deferrals = self._idle_commands = 0

    def judge(self, refusal: RefusedError) -> RefusedError:
        """Return what is answered where a command is to be answered with `refusal`."""
        self._deferrals += refusal.reply.startswith("4")
        self._errors += refusal.reply.startswith("5") or self._deferrals > _MOST_DEFERRALS
        if self._errors > self._most_errors and not refusal.is_final:
            return RefusedError("421 4.7.0 Too many errors", is_final=True)
        return refusal

    def idle(self) -> None:
        """Count a command that achieves nothing.

        Raises:
            RefusedError: It was one too many.
        """
        self._idle_commands += 1
        if self._idle_commands > self._most_idle:
            raise RefusedError("421 4.7.0 Too many commands that do nothing", is_final=True)
