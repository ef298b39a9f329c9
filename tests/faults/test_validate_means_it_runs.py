"""What `validate` calls right runs to its end, or is refused with a place: a seeded fuzz of shipped
files, and one example of each fault that it or a person found."""

import pytest
from mutants import mutant
from validated_runs import fault_of

from archsim.arch.arch import load_arch
from archsim.cli.kinds import check
from archsim.formats.errors import InputError
from archsim.formats.search import find

ARCHS = sorted(find("archs", "diannao").parent.glob("*.yaml"))
TABLES = sorted(path for path in (ARCHS[0].parent / "units").glob("*.yaml"))
TINY = find("workloads", "tiny_sd")
MUTATIONS = [(path, seed) for path in (*ARCHS, *TABLES, TINY) for seed in range(6)]


@pytest.mark.parametrize(
    ("original", "seed"), MUTATIONS, ids=[f"{path.stem}-{seed}" for path, seed in MUTATIONS]
)
def test_a_mutant_of_a_shipped_file(original, seed, tmp_path):
    (tmp_path / "units").symlink_to(TABLES[0].parent)
    path = tmp_path / "mutant.yaml"
    what, text = mutant(original, seed)
    path.write_text(text)
    assert not fault_of(path), what


FAULTS = {
    "memory behind the buffer": ("[dram, dma, nbin, nfu]", "[nbin, dma, dram, nfu]", "outer end"),
    "memory in the middle": ("[dram, dma, nbin, nfu]", "[nfu, nbin, dram, dma]", "outer end"),
    "banks of no byte": ("bank_kbytes: 16", "bank_kbytes: 1.0e-9", "must be at least 0.000976"),
    "a clock that stands": ("clock_mhz: 1000", "clock_mhz: 1.0e-320", "must be at least 0.001"),
    "a class in a list": ("class: Nfu", "class: [Nfu]", "component class"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_arch_that_cannot_run_is_refused_with_its_place(fault, tmp_path):
    old, new, said = FAULTS[fault]
    text = load_arch("diannao").path.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "units").symlink_to(TABLES[0].parent)
    path = tmp_path / "a.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        check(path)
    assert all(problem.place.startswith(str(path)) for problem in caught.value.problems)
    assert said in str(caught.value)


def test_a_buffer_has_a_byte_for_each_of_its_flows(tmp_path):
    text = load_arch("diannao").path.read_text(encoding="utf-8")
    text = text.replace("[dram, dma, sb, nfu]", "[dram, dma, nbin, nfu]")
    text = "\n".join(line for line in text.splitlines() if not line.strip().startswith("sb:"))
    (tmp_path / "units").symlink_to(TABLES[0].parent)
    path = tmp_path / "a.yaml"
    for kbytes, refused in ((1 / 1024, True), (2 / 1024, False)):
        small = text.replace("banks: 32, bank_kbytes: 16", f"banks: 1, bank_kbytes: {kbytes}")
        path.write_text(small, encoding="utf-8")
        if refused:
            with pytest.raises(
                InputError, match=r"a\.yaml:\d+:\d+: nbin holds 1 bytes for 2 flows"
            ):
                load_arch(path)
        else:
            load_arch(path)
