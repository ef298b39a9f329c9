"""Methods on one network, one row after the other, each on the disk before the next begins.

A row's key is made of the network, the images and everything that its method was told. A file that
holds rows of these keys is gone on with; rows of other keys are out of date and go.
"""

import hashlib
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archsim.formats import console, own_files
from archsim.formats.progress import Progress
from archsim.formats.regular import read_regular
from archsim.formats.sealed import CHECKSUM, unsealed
from archsim.formats.source import require
from sdalgo.agreement import with_weights
from sdalgo.evaluation.refresh import has_statistics, refreshed
from sdalgo.one_thread import products_on_one_thread
from sdalgo.rivals.given import Given
from sdalgo.rivals.methods import METHODS, Point, points
from sdalgo.rivals.row import Row
from sdalgo.rivals.subject import Subject

REFRESHED_ON = 72
"""Calibration images, at most and taken evenly, that statistics of batch norms are taken from."""
MARK = b'"made_by": "sdalgo rivals"'
_VERSION = "2"  # of what a row says; a change makes earlier rows useless
_KEY_BYTES = 12


@dataclass(kw_only=True)
class Table:
    """The rows of a network by their keys, in the order of the methods, and their file."""

    subject: Subject
    path: Path
    rows: dict[str, Row] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def save(self) -> None:
        """Write the file, with a checksum of its content."""
        own_files.keep(self.path, self.to_json(), MARK)

    def to_json(self) -> dict[str, Any]:
        """Return what the file holds."""
        return {
            "made_by": "sdalgo rivals", "network": self.subject.name,
            "metric": self.subject.metric, "judged_on": self.subject.judged_on,
            "calibration_images": len(self.subject.calibration), "seconds_before": self.seconds,
            "rows": [{**row.to_json(), "key": key} for key, row in self.rows.items()],
        }  # fmt: skip


def compare(
    subject: Subject,
    path: Path,
    methods: Collection[str] = (),
    progress: Progress | None = None,
    refresh: bool = True,
) -> Table:
    """Try methods on a network and keep their rows in a file.

    Args:
        path: the JSON file; rows that it holds already are not made again.
        methods: names of `METHODS`; none means all. Rows of others stay in the file.
        progress: called with (done, total, method and setting) before each setting.
        refresh: also judge with batch-norm statistics taken anew, which takes longer than the
            rest; rows that lack it are then made again.

    Raises:
        InputError: there is no such method, or the file cannot be written.
    """
    for name in methods:
        require("method", name, METHODS)
    every = points()
    order = [key for point in every for key in keys_of(subject, point).values()]
    known, seconds = _kept(path, order)
    table = Table(subject=subject, path=path, rows=known, seconds=seconds)
    given = Given(subject)
    refresh = refresh and has_statistics(subject.model)
    done = {key for key, row in known.items() if row.refreshed is not None or not refresh}
    wanted = [
        point for point in every
        if (not methods or point.method in methods)
        and not set(keys_of(subject, point).values()) <= done
    ]  # fmt: skip
    for number, point in enumerate(wanted):
        if progress:
            progress(number, len(wanted), f"{point.method}, {point.setting}")
        found = {**table.rows, **dict(_rows(given, subject, point, refresh))}
        table.rows = {key: found[key] for key in order if key in found}
        table.seconds |= given.seconds
        table.save()
    if not wanted:
        table.save()
    return table


def keys_of(subject: Subject, point: Point) -> dict[str, str]:
    """Return the key of each row of a point, by the row's name."""
    return {
        name: hashlib.blake2b(
            json.dumps(
                [_VERSION, subject.digest, point.method, name, point.setting, point.chosen],
                sort_keys=True,
            ).encode(),
            digest_size=_KEY_BYTES,
        ).hexdigest()
        for name in point.rows
    }


def _rows(given: Given, subject: Subject, point: Point, refresh: bool) -> Iterator[tuple[str, Row]]:
    """Make the layers of a point, judge the network once, and give its rows with their keys."""
    with products_on_one_thread():
        if point.needs:
            getattr(given, point.needs)
        began = time.process_time()
        layers = point.make(given)
        seconds = time.process_time() - began
    other = with_weights(subject.model, {name: made.rebuild() for name, made in layers.items()})
    verdict = subject.judge(other)
    again = _again(subject, other) if refresh else None
    keys = keys_of(subject, point)
    for name, bits in point.rows.items():
        yield keys[name], Row(
            method=name, setting=point.setting, weights=subject.weight_count,
            layer_bits=sum(bits(layer) for layer in layers.values()),
            other_bits=subject.other_bits, metric=subject.metric, score=verdict.score,
            interval=verdict.interval, cosine=verdict.cosine, seconds=round(seconds, 2),
            refreshed=again,
        )  # fmt: skip


def _again(subject: Subject, other: nn.Module) -> float | None:
    """The score once batch norms took their statistics anew; the network is changed in place."""
    step = -(-len(subject.calibration) // REFRESHED_ON)
    # Half the time of a batch with statistics of its own; torch's own hints leave this out.
    other.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fresh = refreshed(other, subject.calibration[::step])
    return None if fresh is None else subject.judge(fresh).score


def _kept(path: Path, keys: Collection[str]) -> tuple[dict[str, Row], dict[str, float]]:
    """The rows of a file whose keys are still right, and the times beside them; none, after a note,
    where it is damaged or another program's."""
    if not os.path.lexists(path):
        return {}, {}
    try:
        found = unsealed(read_regular(path))
        rows = {row.pop("key"): row_of(row) for row in found["rows"]}
        seconds = {str(name): float(value) for name, value in found["seconds_before"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        console.note(f"{path}: {error}; it is made again")
        return {}, {}
    return {key: rows[key] for key in keys if key in rows}, seconds


def row_of(held: Mapping[str, Any]) -> Row:
    """Return the row that `Row.to_json` wrote; its ratios are made anew.

    Raises:
        KeyError, TypeError, ValueError: it holds something else.
    """
    ratios = {"bits_per_weight", "megabytes", "key", CHECKSUM}
    fields = {name: value for name, value in held.items() if name not in ratios}
    low, high = fields["interval"]
    row = Row(**{**fields, "interval": (float(low), float(high))})
    if min(row.weights, row.layer_bits + 1, row.other_bits + 1) < 1:
        raise ValueError("weights or bits below 0")
    return row
