"""The commands as a user types them, on a small measured workload and the shipped machines."""

import csv
import json
import re
import subprocess
import sys

import jsonschema
import pytest
import yaml
from made_results import edited

from archsim.cli.main import main
from archsim.formats.search import find
from archsim.version import MODEL

RUN = ["run", "--workload", "small", "--arch", "diannao", "--arch", "smartdeal"]
COMMANDS = (
    ["run"],
    ["validate"],
    ["new"],
    ["list"],
    ["list", "archs"],
    ["list", "workloads"],
    ["list", "components"],
    ["draw"],
    ["plot"],
    ["schema"],
)
QUICK = [*RUN, "--no-figures"]
FIGURES = {f"{name}.{kind}" for name in ("energy", "speedup", "dram") for kind in ("png", "svg")}
pytest.importorskip("matplotlib")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example_of_every_command(command, capsys):
    assert main([*command, "--help"]) == 0
    said = capsys.readouterr().out
    assert "Example" in said
    assert f"archsim {' '.join(command)}" in said


def test_the_start_is_light():
    code = (
        "import sys; sys.argv = ['archsim', '--help']; from archsim.__main__ import main; main();"
        "heavy = {'torch', 'numpy', 'pandas', 'networkx', 'matplotlib', 'simpy', 'pydantic'};"
        "print(sorted((heavy | {'rich'}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_run_never_imports_torch(folder):
    code = (
        "import sys; from archsim.__main__ import main;"
        "status = main(['run', '--workload', 'small']);"
        "print(status, 'torch' in sys.modules, 'sdalgo' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "0 False False\n"


def test_run_prints_a_table_and_writes_what_it_says(folder, capsys):
    assert main(RUN) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "small: measured tensors, 5 layers" in printed.out
    assert "normalised to DianNao" in printed.out
    assert "leakage and the clock tree are left out" in printed.out
    written = {
        str(path.relative_to(folder / "results"))
        for path in (folder / "results").rglob("*")
        if path.is_file()
    }
    assert written == {"small/diannao.json", "small/smartdeal.json", "summary.csv", *FIGURES}


def test_without_a_name_every_inference_machine_runs(folder, capsys):
    assert main(["list", "archs", "--json"]) == 0
    archs = json.loads(capsys.readouterr().out)
    assert main(["run", "--workload", "small", "--no-figures", "--json"]) == 0
    ran = [one["arch"] for one in json.loads(capsys.readouterr().out)["runs"]]
    assert sorted(ran) == [one["arch"] for one in archs if one["task"] == "inference"]


def test_the_table_says_what_the_files_say(folder, capsys):
    main(RUN)
    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if line.startswith("SmartDeal ")).split()
    ours, reference = (
        json.loads((folder / "results" / "small" / f"{stem}.json").read_text())
        for stem in ("smartdeal", "diannao")
    )
    cycles, theirs = ours["totals"]["cycles"], reference["totals"]["cycles"]
    assert row[1] == f"{cycles:,}"
    assert row[2] == f"{theirs / cycles:.2f}x"
    assert row[4] == f"{ours['totals']['energy_pj'] / reference['totals']['energy_pj']:.2f}x"
    layers = {layer["name"]: layer for layer in ours["layers"]}
    assert list(layers) == ["conv", "pool", "point", "sum", "fc"]
    assert layers["conv"]["macs"] == 16 * 6 * 9 * 120
    assert all({"compute_cycles", "dram_bytes"} <= set(layer) for layer in layers.values())


def test_the_same_run_writes_the_same_bytes(folder):
    for out in ("one", "two"):
        assert main([*RUN, "--quiet", "--out", out]) == 0
    for path in (folder / "one").rglob("*.*"):
        assert path.read_bytes() == (folder / "two" / path.relative_to(folder / "one")).read_bytes()


def test_json_is_one_document_and_quiet_is_silent(folder, capsys):
    assert main([*QUICK, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["arch"] for one in document["runs"]] == ["diannao", "smartdeal"]
    assert document["runs"][0]["speedup"] == 1.0
    assert main([*QUICK, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_an_override_changes_the_machines_that_have_the_key(folder, capsys):
    main([*QUICK, "--quiet"])
    before = _cycles(folder)
    assert main([*QUICK, "--set", "pe_slices.lines=2"]) == 0
    after = _cycles(folder)
    assert "overrides: pe_slices.lines=2" in capsys.readouterr().out
    assert {*after} == {"diannao", "smartdeal", "smartdeal@pe_slices.lines=2"}
    assert after["smartdeal@pe_slices.lines=2"] > before["smartdeal"]
    assert {name: after[name] for name in before} == before


def test_a_scenario_has_a_folder_and_rows_of_its_own(folder):
    scenario = {
        "name": "narrow",
        "description": "half the bandwidth",
        "set": {"dram.bytes_per_cycle": 1},
    }
    (folder / "narrow.yaml").write_text(yaml.safe_dump(scenario))
    main([*QUICK, "--quiet"])
    assert main([*QUICK, "--scenario", "narrow.yaml", "--quiet"]) == 0
    assert (folder / "results" / "small@narrow" / "smartdeal.json").is_file()
    with (folder / "results" / "summary.csv").open() as file:
        rows = {(row["scenario"], row["arch"]): int(row["cycles"]) for row in csv.DictReader(file)}
    assert set(rows) == {
        (scenario, arch) for scenario in ("", "narrow") for arch in ("diannao", "smartdeal")
    }
    assert rows["narrow", "smartdeal"] > rows["", "smartdeal"]


def test_layers_conv_leaves_the_others_out(folder, capsys):
    assert main([*QUICK, "--layers", "conv"]) == 0
    assert "2 layers" in capsys.readouterr().out


def test_normalising_to_another_machine(folder, capsys):
    assert main([*QUICK, "--normalise-to", "smartdeal"]) == 0
    said = capsys.readouterr().out
    assert "normalised to SmartDeal" in said
    table = said.splitlines()[said.splitlines().index("normalised to SmartDeal") + 2 :]
    assert table[0].startswith("SmartDeal")
    assert table[0].split()[2] == "1.00x"


def test_a_trace_has_a_row_for_every_component(folder):
    assert main(["run", "-w", "small", "-a", "smartdeal", "-q", "--trace", "t.json"]) == 0
    events = json.loads((folder / "t.json").read_text())["traceEvents"]
    rows = {
        event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"
    }
    slices = [event for event in events if event["ph"] == "X"]
    result = json.loads((folder / "results" / "small" / "smartdeal.json").read_text())
    components = result["arch_resolved"]["components"]
    assert list(dict.fromkeys(name.partition(".")[0] for name in rows.values())) == [
        "layers",
        *components,
    ]
    assert {rows[event["tid"]] for event in slices} == set(rows.values())
    ends = max(event["args"]["cycle"] + event["args"]["cycles"] for event in slices)
    assert ends <= result["totals"]["cycles"]


def test_plot_draws_what_the_run_drew(folder, capsys):
    main([*RUN, "--quiet"])
    drawn = {name: (folder / "results" / name).read_bytes() for name in FIGURES}
    for name in FIGURES:
        (folder / "results" / name).unlink()
    assert main(["plot"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "results/summary.csv"
    assert {name: (folder / "results" / name).read_bytes() for name in FIGURES} == drawn


def test_results_of_another_model_are_pointed_out(folder, capsys):
    main([*QUICK, "--quiet"])
    path = folder / "results" / "small" / "diannao.json"
    assert json.loads(path.read_text())["model"] == MODEL
    edited(path, lambda data: data.update(model=0))
    assert main(["plot"]) == 0
    said = f"of model version 0, not {MODEL} as this archsim (CHANGELOG.md): small/diannao\n"
    assert capsys.readouterr().err == said
    with (folder / "results" / "summary.csv").open() as file:
        assert [row["model"] for row in csv.DictReader(file)] == ["0", str(MODEL)]
    assert main([*RUN[:3], "--arch", "smartdeal"]) == 0
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", [QUICK, ["list", "archs"], ["breakdown", *QUICK[1:]]])
def test_tables_in_every_format(command, folder, capsys):
    for form, mark in {
        "markdown": "| DianNao |",
        "latex": r"DianNao & ",
        "csv": "DianNao,",
    }.items():
        assert main([*command, "--format", form]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert any(mark in line for line in lines)
        comment = {"latex": "%", "csv": "#"}.get(form)
        assert not comment or not any(line.startswith("written") for line in lines)
    assert main(command) == 0
    assert "|" not in capsys.readouterr().out


def test_figures_are_as_wide_as_asked(folder):
    for width, pixels in (("one", 1050), ("two", 2148)):
        assert main([*RUN, "--quiet", "--width", width]) == 0
        for name in ("energy", "speedup", "dram"):
            header = (folder / "results" / f"{name}.png").read_bytes()[16:20]
            assert int.from_bytes(header, "big") == pixels  # 300 dots per inch


def test_list_archs_and_workloads(folder, capsys):
    assert main(["list", "archs", "--json"]) == 0
    archs = {one["arch"]: one for one in json.loads(capsys.readouterr().out)}
    assert archs["smartdeal"]["weights"] == "smartdeal"
    assert main(["list", "workloads", "--json"]) == 0
    listed = {one["workload"]: one for one in json.loads(capsys.readouterr().out)}
    assert listed["small"] == {
        "workload": "small",
        "task": "inference",
        "mode": "measured",
        "layers": 5,
        "gmacs": 0.000116,
        "file": "workloads/small.yaml",
    }


def test_list_components_tells_every_key(capsys):
    assert main(["list", "components"]) == 0
    said = capsys.readouterr().out
    assert "GlobalBuffer\n  SRAM in banks" in said
    assert re.search(r"sync +tile \| group \| lines \| lanes +tile\n", said)
    assert main(["list", "components", "--json"]) == 0
    described = {one["class"]: one for one in json.loads(capsys.readouterr().out)}
    assert described["Dram"]["keys"]["bytes_per_cycle"]["default"] == "needed"


def test_draw_shows_every_flow_and_component(folder, capsys):
    assert main(["draw", "smartdeal", "--svg", "sd.svg"]) == 0
    said = capsys.readouterr().out
    assert "dram -> dma -> weight_buffer -> rebuild_engine -> mac_array" in said
    picture = (folder / "sd.svg").read_text()
    assert picture.startswith("<svg")
    for name in ("input_gb", "index_selector", "pe_slices"):
        assert f">{name}</text>" in picture
        assert f"\n{name} " in said


def test_draw_applies_overrides(capsys):
    assert main(["draw", "smartdeal", "--set", "pe_slices.lines=8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["components"]["pe_slices"]["lines"] == 8


def test_schemas_accept_what_the_loader_accepts(folder, capsys):
    files = {
        "workload": "workloads/small.yaml",
        "energy": None,
        "arch": None,
        "scenario": find("archs/scenarios", "ideal_lanes"),
        "switches": find("archs/switches", "common"),
        "ablations": find("archs/ablations", "smartdeal"),
    }
    for what, path in files.items():
        assert main(["schema", what]) == 0
        schema = json.loads(capsys.readouterr().out)
        jsonschema.Draft202012Validator.check_schema(schema)
        if path:
            jsonschema.validate(yaml.safe_load((folder / path).read_text()), schema)


def test_validate_names_kind_or_problems(folder, capsys):
    (folder / "wrong.yaml").write_text("name: X\nflows: {}\ncomponents: {}\ntypo: 1\n")
    assert main(["validate", "workloads/small.yaml", "wrong.yaml"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "workloads/small.yaml: ok (workload)\n"
    assert "archsim: wrong.yaml:4:1:" in printed.err
    assert main(["validate", "wrong.yaml", "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document[0]["ok"] is False
    assert document[0]["problems"][0]["place"].startswith("wrong.yaml:")


def _cycles(folder):
    return {
        path.stem: json.loads(path.read_text())["totals"]["cycles"]
        for path in (folder / "results" / "small").glob("*.json")
    }
