"""The cache's tile tables, counted runs and index of a folder: damaged ones are made again, and a
run with them is a run without."""

import json
import tempfile
import zipfile
from functools import cache
from io import BytesIO
from pathlib import Path

from byte_mutants import json_text, sealed_mutant, tree_mutant
from damaged_bytes import damaged
from made_results import stored

from archsim.arch.arch import load_arch
from archsim.results.store import save
from archsim.runs.cache import Cache
from archsim.runs.cached import simulate_cached
from archsim.runs.folder_index import index_name, listing
from archsim.runs.probe import PROBES
from archsim.runs.simulation import simulate
from archsim.workload.workload import load_workload

SUFFIX = ".cache"
EXAMPLES = 20


def seeds():
    return [*_kept().values()]


def mutate(rng, seed):
    if seed.startswith(b"PK"):
        return _repacked(rng, seed) if rng.random() < 0.2 else _damaged(rng, seed)
    if b'"run"' in seed[:100] and rng.random() < 0.5:
        return json_text(tree_mutant(rng, json.loads(seed))).encode("utf-8", "surrogatepass")
    return sealed_mutant(rng, seed) if b'"files"' in seed else _damaged(rng, seed)


def check(path):
    content = path.read_bytes()
    suffix = "npz" if content.startswith(b"PK") else "json"
    with tempfile.TemporaryDirectory() as name:
        kept = Cache(Path(name) / "cache")
        for name_of in _kept():
            if name_of.endswith(suffix):
                kept.write(name_of, content)
        right = json.dumps(simulate(*_case()).to_dict())
        assert json.dumps(simulate_cached(*_case(), kept).to_dict()) == right
        out = _results(Path(name))
        kept.write(index_name("index", out), content)
        assert [each.stem for each in listing(out, kept).results] == ["diannao"]


@cache
def _case():
    return load_arch("diannao"), load_workload(PROBES / "inference.yaml").of_layers("pointwise")


@cache
def _kept():
    """The files of a cache by their names: tables, a run, the index of a results folder."""
    with tempfile.TemporaryDirectory() as name:
        kept = Cache(Path(name) / "cache")
        simulate_cached(*_case(), kept)
        listing(_results(Path(name)), kept)
        return {
            path.name: path.read_bytes()
            for path in sorted(kept.folder.iterdir())
            if path.suffix in {".npz", ".json"}
        }


def _results(folder):
    save(folder / "out", stored("diannao"))
    return folder / "out"


def _damaged(rng, seed):
    return next(damaged(seed, 1, rng.randrange(2**32)))


def _repacked(rng, seed):
    """Other members under right checksums: no key, another key, no text."""
    with zipfile.ZipFile(BytesIO(seed)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([*members])
    members[name] = _damaged(rng, members[name])[: rng.choice((0, 60, 128))]
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return packed.getvalue()
