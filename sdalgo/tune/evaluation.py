"""One point: its layers, its size, its agreement with the network, and what a machine takes."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from archsim.formats.regular import read_input
from sdalgo.agreement import with_weights
from sdalgo.evaluation.intervals import Agreed, agreed
from sdalgo.evaluation.photographs import SEED
from sdalgo.evaluation.trial import CALIBRATION_CROPS, CANDIDATES, MOST_CROPS, outputs_of
from sdalgo.one_thread import one_thread
from sdalgo.tune.answers import Answer
from sdalgo.tune.crops import CHOOSING, Asked
from sdalgo.tune.setting import Setting
from sdalgo.tune.simulation import Refused, machine_digest, simulate
from sdalgo.tune.subject import Made, Subject
from sdalgo.tune.workload import PointFiles, point_files

SCRATCH = ".point"
"""Folder of the files of the point that is being evaluated, within that of the search."""


@dataclass
class Evaluation:
    """Evaluates points of a network on a machine (None: sizes and agreement alone)."""

    subject: Subject
    arch: str | None
    folder: Path

    @cached_property
    def files(self) -> PointFiles:
        return point_files(self.subject)

    def answer(self, settings: Mapping[str, Setting]) -> Answer:
        """Return what comes of a point; `failed` says why nothing does."""
        made = self.subject.made(settings)
        found: Answer = {"bits": self.subject.bits(made)}
        chosen = self._agreed(made, self.subject.images.choose)
        found |= {"cosine": chosen.cosine, "agreement": chosen.top1, "images": chosen.images}
        if self.arch is None:
            return found
        scratch = self.folder / SCRATCH
        try:
            workload = self.files.write(scratch, made, said(settings))
            return found | asdict(simulate(workload, self.arch, scratch / "results"))
        except Refused as error:
            return {"failed": str(error)}
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def judged(self, settings: Mapping[str, Setting]) -> dict[str, Any]:
        """Return agreement on images that nothing was fitted to or chosen by."""
        found = self._agreed(self.subject.made(settings), self.subject.images.judge)
        return {
            "images": found.images, "photographs": found.photographs,
            "cosine": found.cosine, "cosine_interval": list(found.cosine_interval),
            "agreement": found.top1, "agreement_interval": list(found.top1_interval),
        }  # fmt: skip

    def digest(self) -> str:
        """Name everything that all points share."""
        subject = self.subject
        digest = blake2b(digest_size=16)
        for tensor in (*subject.dense.values(), subject.samples):
            digest.update(np.ascontiguousarray(tensor).data)
        for key, value in subject.weights.state.items():
            digest.update(key.encode())
            digest.update(np.ascontiguousarray(value.float().numpy()).data)
        digest.update(repr(subject.recipe.model_dump(exclude={"place", "command"})).encode())
        digest.update("".join(subject.groups).encode())
        for place in subject.own_images:
            digest.update(b"" if place is None else _bytes_of(Path(place)))
        digest.update(repr((SEED, CALIBRATION_CROPS, CHOOSING, CANDIDATES, MOST_CROPS)).encode())
        digest.update((machine_digest(self.arch) if self.arch else "").encode())
        return digest.hexdigest()

    def _agreed(self, made: Made, asked: Asked) -> Agreed:
        other = with_weights(self.subject.model, self.subject.rebuilt(made))
        with one_thread():
            outputs = outputs_of(other, asked.images)
        return agreed(asked.answers, outputs.reshape(len(outputs), -1), asked.groups)


def said(settings: Mapping[str, Setting]) -> str:
    """A point in words, for a workload's `source`: groups of one setting together."""
    together: dict[Setting, list[str]] = {}
    for group, setting in settings.items():
        together.setdefault(setting, []).append(group)
    parts = []
    for setting, groups in together.items():
        words = [f"{key} {value}" for key, value in setting.plain().items() if key != "preset"]
        parts.append(f"{', '.join(groups)}: {', '.join([setting.preset, *words])}")
    return "; ".join(parts)


def _bytes_of(place: Path) -> bytes:
    """Names and content of images of the user's own."""
    if not place.is_dir():
        return read_input(place) if place.is_file() else b""
    files = sorted(path for path in place.rglob("*") if path.is_file())
    return b"".join(str(path.relative_to(place)).encode() + path.read_bytes() for path in files)
