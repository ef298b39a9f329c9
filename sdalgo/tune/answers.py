"""What came of each point, kept in the folder of a search as soon as it is there.

A point is found by everything that decides its answer, so a search that goes on, or asks for more,
does nothing twice, and one of other weights, images or machines finds nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from archsim.formats import console
from archsim.formats.errors import InputError
from archsim.formats.interrupts import finishing
from archsim.formats.json_file import read_json
from archsim.formats.own_files import is_own, keep
from archsim.formats.sealed import check_seal
from sdalgo.tune.setting import Setting

NAME = "points.json"
MARK = b'"made_by": "sdalgo tune"'
_VERSION = "1"  # of what an answer holds and how it comes about; a change makes old ones useless

Answer = dict[str, Any]


@dataclass
class Answers:
    """The answers in a folder.

    Attributes:
        digest: of all that the points of a search share.
    """

    folder: Path
    digest: str
    held: dict[str, Answer] = field(default_factory=dict)

    def find(self, settings: Mapping[str, Setting]) -> Answer | None:
        """Return what came of a point, if it is known."""
        return self.held.get(self._key(settings))

    def put(self, settings: Mapping[str, Setting], answer: Answer) -> None:
        """Write down what came of a point.

        Raises:
            InputError: the folder cannot be written.
        """
        shown = {group: setting.plain() for group, setting in settings.items()}
        self.held[self._key(settings)] = {"settings": shown, **answer}
        with finishing():
            keep(self.folder / NAME, {"made_by": "sdalgo tune", "points": self.held}, MARK)

    def _key(self, settings: Mapping[str, Setting]) -> str:
        plain = {group: setting.plain() for group, setting in settings.items()}
        text = json.dumps([_VERSION, self.digest, plain], sort_keys=True)
        return blake2b(text.encode(), digest_size=16).hexdigest()


def answers_in(folder: Path, digest: str) -> Answers:
    """Return the answers that a folder has; those of a damaged file are made again, with a note."""
    path = folder / NAME
    found = Answers(folder, digest)
    if not is_own(path, MARK):
        return found
    try:
        document = read_json(path)
        check_seal(path, document)
        found.held.update(document["points"])
    except InputError as error:
        console.note(f"{error}; its points are evaluated again")
    return found
