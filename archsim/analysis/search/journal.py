"""The journal of a search in Optuna's form, for its dashboard and for who goes on with Optuna
itself. A search writes it anew, and never reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archsim.analysis.search.samplers import optuna, unwarned
from archsim.analysis.search.space import Places
from archsim.analysis.search.study import directions
from archsim.analysis.search.track import Track
from archsim.analysis.sweep.table import Row
from archsim.formats.errors import InputError
from archsim.formats.own_files import claim

NAME = "study.journal"
MARK = b'{"op_code":0,"worker_id":"'


class Journal:
    """An open journal: a study per machine and network, a trial per point that has run."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage
        self._studies: dict[int, Any] = {}

    def begin(self, tracks: Sequence[Track]) -> None:
        """Write down the studies, which are empty yet."""
        for track in tracks:
            study = optuna().create_study(
                storage=self._storage, study_name=track.title,
                directions=directions(track.plan.objectives),
            )  # fmt: skip
            with unwarned():
                study.set_metric_names([one.name for one in track.plan.objectives])
            self._studies[id(track)] = study

    def add(self, track: Track, places: Places, row: Row) -> None:
        """Write down a point: finished, or failed where it has no values."""
        package = optuna()
        complete = None not in row.wanted
        trial = package.trial.create_trial(
            state=package.trial.TrialState.COMPLETE if complete else package.trial.TrialState.FAIL,
            params=track.space.values(places),
            distributions=dict(track.space.named),
            values=[float(value or 0.0) for value in row.wanted] if complete else None,
            user_attrs={"feasible": row.feasible, "inputs_hash": row.case.inputs},
        )
        self._studies[id(track)].add_trial(trial)


@contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    """A new journal in a folder, in place of one that a search has written there.

    Raises:
        InputError: the file is somebody else's, or cannot be written.
    """
    path = folder / NAME
    claim(path, MARK)
    try:
        path.unlink(missing_ok=True)
        yield Journal(_storage(path))
    except OSError as error:
        raise InputError.at(path, f"cannot be written: {error.strerror or error}") from error


def _storage(path: Path) -> Any:
    storages = optuna().storages
    backend = storages.journal.JournalFileBackend(str(path))
    return storages.JournalStorage(backend)
