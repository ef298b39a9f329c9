"""The one exception that sdalgo raises for input it cannot use."""

from __future__ import annotations


class InputError(Exception):
    """Input that a user can repair: the message starts with the place and names the fix.

    Args:
        place: file, tensor name or option where the trouble is.
        message: what is wrong, and what would be right.
    """

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message
