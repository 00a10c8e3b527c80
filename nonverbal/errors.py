"""Mistakes a user can mend, told in one sentence."""


class UserError(Exception):
    """A mistake in the configuration, the input or the installation.

    The message is one sentence that names what is wrong and what to write or do; it is shown without a traceback.
    """


class Drop(Exception):
    """A unit that can't be used: it becomes a row that is not kept, and the run goes on.

    Args:
        reason: a word of `nonverbal.schema.REASONS` for the table at hand.
        detail: one plain sentence that says how it was decided.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class NotNow(Exception):
    """A unit that could not be done now but may be later; the message is one sentence that says why."""
