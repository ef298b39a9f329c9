"""Results: what is read can be shown, summed, drawn and explained, beside another machine's."""

import json
import tempfile
from pathlib import Path

from byte_mutants import sealed_mutant
from made_results import result, stored

from archsim.analysis.compare import as_csv, by_case, compared, records
from archsim.analysis.variants import variant_of
from archsim.cli import report
from archsim.formats.errors import InputError
from archsim.formats.sealed import sealed
from archsim.formats.search import names
from archsim.results.store import read_folder, read_stored, save, summary, write_rows
from archsim.runs.folder_index import listing
from archsim.runs.probe import PROBES
from archsim.runs.simulation import simulate

SUFFIX = ".json"
EXAMPLES = 25


def seeds():
    from archsim.arch.arch import load_arch
    from archsim.workload.workload import load_workload

    small = load_workload(PROBES / "inference.yaml").of_layers("pointwise")
    run = simulate(load_arch(names("archs")["diannao"]), small)
    return [sealed(each.to_dict()) for each in (result("smartdeal"), result("diannao"), run)]


def mutate(rng, seed):
    return sealed_mutant(rng, seed)


def check(path):
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        save(out, stored("diannao"))
        place = out / "tiny" / path.name
        place.write_bytes(path.read_bytes())
        _shown(out)
        try:
            found = read_stored(place)
            if found is not None:
                variant_of(str(place), Path(tempfile.mkdtemp(dir=name)))
        except InputError as error:
            raise InputError(error.problems) from error


def _shown(out):
    """Everything that `plot`, `run` and `compare` make of a folder, pictures apart."""
    found, problems = read_folder(out)
    listed = listing(out, None)
    assert {*problems} == {*listed.problems}
    write_rows(out, listed.rows)
    summary(found)
    stems = [*dict.fromkeys(each.stem for each in found)]
    comparison = compared(found, stems, "diannao")
    by_case(comparison, "diannao")
    for group in comparison.groups:
        report.show_workload(comparison, group, 2)
    json.dumps(records(comparison), allow_nan=False)
    json.dumps(report.as_json(comparison), allow_nan=False)
    as_csv(comparison)
    for each in found:
        assert each.result.to_dict()["totals"]
