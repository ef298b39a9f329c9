"""Tile tables as bytes and back: one npz of a flat column of integers and a JSON text that says
where each array stands in it."""

import dataclasses
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from archsim.formats.json_file import parsed
from archsim.machines.shared.geometry import Ints
from archsim.machines.shared.tables import Tables
from archsim.machines.shared.tiles import Section, Tiles

_ARRAYS = ("cycles", "limited", "outputs")
_ARRAY_MAPS = ("stationary", "side")
_PLAIN = tuple(
    field.name for field in dataclasses.fields(Tiles) if field.name not in _ARRAYS + _ARRAY_MAPS
)


def pack(key: str, tables: Tables) -> bytes:
    """The tables under their key, as bytes that `unpack` takes."""
    columns: list[Ints] = []
    where = {
        "key": key,
        "stored": {name: int(nbytes) for name, nbytes in tables.stored.items()},
        "notes": tables.notes,
        "layers": {
            name: [_described(tiles, columns) for tiles in phases]
            for name, phases in tables.phases.items()
        },
    }
    flat = np.concatenate(columns) if columns else np.zeros(0, np.int64)
    small = not flat.size or (flat.min() >= -(2**31) and flat.max() < 2**31)
    text = json.dumps(where, default=int).encode()
    content = io.BytesIO()
    np.savez(
        content,
        allow_pickle=False,
        text=np.frombuffer(text, np.uint8),
        numbers=flat.astype(np.int32) if small else flat,
    )
    return content.getvalue()


def unpack(key: str, content: bytes) -> Tables | None:
    """The tables, or None where the bytes are damaged or belong to another key.

    Every member of the archive carries a checksum, which is compared before numpy reads any: numpy
    itself stops reading, and so compares none, where a changed header claims fewer numbers.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.testzip() is not None:
                return None
        return _tables(key, content)
    except Exception:  # zipfile, numpy and what reads their values raise a dozen kinds
        return None


def _tables(key: str, content: bytes) -> Tables | None:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        where = parsed(archive["text"].tobytes())
        flat = archive["numbers"].astype(np.int64)
    if where["key"] != key:
        return None
    flat.setflags(write=False)
    phases = {
        name: tuple(_tiles(one, flat) for one in described)
        for name, described in where["layers"].items()
    }
    return Tables(phases, where["stored"], tuple(where["notes"]))


def _described(tiles: Tiles, columns: list[Ints]) -> dict[str, Any]:
    """Plain fields as they are, arrays as [shape, first number]; their numbers go to `columns`."""
    start = sum(len(column) for column in columns)

    def put(array: Ints) -> list[Any]:
        nonlocal start
        columns.append(np.asarray(array, np.int64).reshape(-1))
        place = [list(array.shape), start]
        start += array.size
        return place

    described = {name: getattr(tiles, name) for name in _PLAIN}
    described["sections"] = [dataclasses.astuple(section) for section in tiles.sections]
    described |= {name: put(getattr(tiles, name)) for name in _ARRAYS}
    for name in _ARRAY_MAPS:
        described[name] = {key: put(array) for key, array in getattr(tiles, name).items()}
    return described


def _tiles(described: Mapping[str, Any], flat: Ints) -> Tiles:
    def array(place: list[Any]) -> Ints:
        shape, start = place
        count = int(np.prod(shape))
        return flat[start : start + count].reshape(shape)

    fields: dict[str, Any] = {name: described[name] for name in _PLAIN}
    fields["notes"] = tuple(fields["notes"])
    fields["sections"] = tuple(Section(*section) for section in fields["sections"])
    fields |= {name: array(described[name]) for name in _ARRAYS}
    for name in _ARRAY_MAPS:
        fields[name] = {key: array(place) for key, place in described[name].items()}
    return Tiles(**fields)
