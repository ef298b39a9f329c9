"""What was read from the cache last, so that a sweep does not parse one file for each point."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """What the last few contents of files were parsed into. The file is still read each time: other
    content is parsed anew, and so damage is found."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[str, tuple[bytes, T]] = OrderedDict()

    def parsed(self, key: str, content: bytes, parse: Callable[[], T | None]) -> T | None:
        """What `parse` makes of the content, or has made of it before; None of what is damaged."""
        known = self._known.get(key)
        if known is not None and known[0] == content:
            self._known.move_to_end(key)
            return known[1]
        found = parse()
        if found is not None:
            self.keep(key, content, found)
        return found

    def keep(self, key: str, content: bytes, value: T) -> None:
        """Note what a content means; the one used longest ago goes."""
        self._known[key] = content, value
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
