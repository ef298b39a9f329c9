"""`validate` runs a small layer of every kind, so that what only a run would find is found there.

Oracle: what `archsim run` says of the same arch, and what machines count on a real network.
"""

import json

import pytest

from archsim.arch.arch import load_arch
from archsim.cli.main import main
from archsim.formats.errors import InputError
from archsim.formats.search import find, names
from archsim.runs import probe
from archsim.runs.simulation import simulate
from archsim.workload.workload import load_workload

RULE = """
import archsim.machines.diannao as whole
from archsim.formats.errors import InputError
from archsim.machines.diannao import FLOWS

def tiles(layer, tensors, arch):
    {body}
    return whole.tiles(layer, tensors, arch)
"""
MACHINES = list(names("archs"))


def network(arch):
    return load_workload(probe.PROBES / f"{arch.task}.yaml")


@pytest.mark.parametrize("name", MACHINES)
def test_shipped_machines_take_every_layer_of_the_probe(name):
    arch = load_arch(name)
    (whole,) = probe._runs(arch, network(arch))
    assert {layer.name for layer in whole.layers} == {each.name for each in network(arch).layers}
    probe.probe(arch)


@pytest.mark.parametrize("name", [name for name in MACHINES if load_arch(name).task == "inference"])
def test_the_probe_counts_every_action_of_a_network(name):
    arch = load_arch(name)
    (whole,) = probe._runs(arch, network(arch))
    counted = {(part, action) for part, of in whole.totals()["actions"].items() for action in of}
    actions = simulate(arch, load_workload("tiny_sd")).totals()["actions"]
    assert counted >= {(part, action) for part, of in actions.items() for action in of}


def test_a_missing_price_is_found_and_both_commands_say_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = find("archs/units", "table1_28nm").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.strip().startswith("psum_access:")]
    (tmp_path / "mine.yaml").write_text("\n".join(lines), encoding="utf-8")
    arch = load_arch("diannao").path.read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(arch.replace("units/table1_28nm", "mine"), encoding="utf-8")
    said = {}
    for command in (["validate", "a.yaml"], ["run", "-a", "a.yaml", "-w", "tiny_sd", "-q"]):
        assert main(command) == 2
        said[command[0]] = capsys.readouterr().err.splitlines()
    for place in said.values():
        assert place[0].startswith(
            "archsim: mine.yaml: no price for action 'psum_access' of class Nfu"
        )
    assert main(["validate", "a.yaml", "--json"]) == 2
    (file,) = json.loads(capsys.readouterr().out)
    assert file["problems"][0]["place"] == "mine.yaml"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('raise InputError.at("x", "only lists")', "only lists"),
        ('layer.nothing', "machine 'mine' failed: AttributeError"),
        ('if layer.op == "linear": raise InputError.at("x", "no way for linear layers")', ""),
    ],
)  # fmt: skip
def test_a_rule_that_fails_or_takes_nothing_is_found(body, said, tmp_path):
    (tmp_path / "mine.py").write_text(RULE.format(body=body))
    text = load_arch("diannao").path.read_text(encoding="utf-8")
    (tmp_path / "a.yaml").write_text(
        text.replace("machine: diannao", "machine: mine"), encoding="utf-8"
    )
    arch = load_arch(tmp_path / "a.yaml", machines=tmp_path)
    if not said:
        probe.probe(arch)
        return
    with pytest.raises(InputError, match=said):
        probe.probe(arch)
