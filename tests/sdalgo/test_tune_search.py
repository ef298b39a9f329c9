"""Whole searches of the tiny network: against an enumeration, resumed, and by hand."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("optuna")
pytest.importorskip("skimage")
pytest.importorskip("torch")

from safetensors.numpy import load_file

from sdalgo import InputError, decompose, preset
from sdalgo.agreement import agreement
from sdalgo.build import model_and_images
from sdalgo.cli.main import main
from sdalgo.decompose import is_decomposed
from sdalgo.recipe import load_recipe
from sdalgo.sparsity import apply_row_mask, row_mask_by_ratio
from sdalgo.tune.front import dominates
from sdalgo.tune.spec import load_plan
from sdalgo.tune.tune import prepared, run

THETAS, LEVELS, RATIOS = [0.0, 0.2], [2, 6], [0.0, 0.3]
GRID = {
    "recipe": "tiny_sd", "sampler": "grid", "evaluations": 100,
    "vary": {"theta": THETAS, "pointwise.levels": LEVELS, "spatial.row_ratio": RATIOS},
}  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    drawn = np.random.default_rng(0)
    for name, count in (("calibration", 8), ("evaluation", 6)):
        np.savez(folder / f"{name}.npz", images=drawn.standard_normal((count, 3, 32, 32), "f4"))
    return {name: str(folder / f"{name}.npz") for name in ("calibration", "evaluation")}


def search(images, folder, tick=lambda *_: None, **words):
    return run(load_plan(None, {**GRID, **images, **words}), folder, tick)


def enumerated(images):
    """Size and cosine of each point of GRID, each layer decomposed here."""
    model, _ = model_and_images(load_recipe("tiny_sd"))
    chosen = np.load(images["calibration"])["images"][1::2]
    weights = {k: v.numpy() for k, v in model.state_dict().items() if v.ndim in (2, 4)}
    pruned = load_recipe("tiny_sd").pruning()
    pointwise = {"expand", "squeeze", "excite", "project"}
    found = {}
    for theta in THETAS:
        for levels in LEVELS:
            for ratio in RATIOS:
                made, bits = {}, 0
                for key, weight in weights.items():
                    name = key.removesuffix(".weight")
                    few = {"levels": levels} if name in pointwise else {}
                    options = preset("as_released_double", theta=theta, **few)
                    if not is_decomposed(weight.shape, options):
                        bits += 32 * weight.size
                        continue
                    own = name in {"wide", "grouped", "head"}
                    share = ratio if own else pruned.rows_dropped(name)
                    mask = row_mask_by_ratio(weight, share)
                    layer = decompose(apply_row_mask(weight, mask), options)
                    made[key], bits = layer.rebuild(), bits + layer.bits("row")
                cosine = agreement(model, made, chosen).cosine
                found[theta, levels, ratio] = (bits / 8, -cosine)
    return found


def test_a_grid_gives_the_enumerated_front(images, tmp_path):
    found = search(images, tmp_path)
    points = {
        tuple(row.values[key] for key in GRID["vary"]): row for row in found.rows if row.number
    }
    brute = enumerated(images)
    assert set(points) == set(brute)
    for key, (size, minus_cosine) in brute.items():
        assert points[key].metrics["size"] == size
        assert points[key].metrics["cosine"] == pytest.approx(-minus_cosine, abs=1e-6)
    own = found.rows[0]
    brute["own"] = (own.metrics["size"], -own.metrics["cosine"])
    best = {k for k, v in brute.items() if not any(dominates(o, v) for o in brute.values())}
    assert 1 < len(best) < len(brute)
    kept = {k for k, row in points.items() if row.on_front} | ({"own"} if own.on_front else set())
    assert kept == best
    judged = {row.number for row in found.rows if row.judged}
    assert judged == {0} | {row.number for row in found.rows if row.on_front}


def test_what_judges_is_not_what_chose(images, tmp_path):
    found = search(images, tmp_path, evaluations=2)
    model, _ = model_and_images(load_recipe("tiny_sd"))
    subject = prepared(load_plan(None, {**GRID, **images}), tmp_path).subject
    sets = subject.images
    whole = np.load(images["calibration"])["images"]
    np.testing.assert_array_equal(sets.fit, whole[0::2])
    np.testing.assert_array_equal(sets.choose.images, whole[1::2])
    unseen = np.load(images["evaluation"])["images"]
    np.testing.assert_array_equal(sets.judge.images, unseen)
    made = subject.rebuilt(
        subject.made(dict.fromkeys(subject.names, prepared_own(images, tmp_path)))
    )
    expected = agreement(model, made, unseen)
    assert found.rows[0].judged["cosine"] == pytest.approx(expected.cosine, abs=1e-6)
    assert found.rows[0].judged["agreement"] == expected.top1


def prepared_own(images, folder):
    return prepared(load_plan(None, {**GRID, **images}), folder).space.own[0]


def bytes_of(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.is_file()}


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_search_that_was_ended_goes_on_to_the_same_bytes(images, tmp_path, sampler):
    # More points than there are in GRID's, and than either sampler draws evenly.
    vary = {"theta": [0.0, 0.05, 0.1, 0.2, 0.4], "pointwise.levels": [1, 2, 4, 6]}
    words = {"sampler": sampler, "evaluations": 12, "vary": vary}
    whole = search(images, tmp_path / "whole", **words)

    def ending(done, _todo, _what):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(images, tmp_path / "cut", ending, **words)
    assert len(json.loads((tmp_path / "cut" / "points.json").read_text())["points"]) == 5
    again = search(images, tmp_path / "cut", **words)
    assert again == whole
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")
    more = search(images, tmp_path / "cut", **{**words, "evaluations": 16})
    assert [r.values for r in more.rows[:13]] == [r.values for r in whole.rows]


def test_answers_are_of_these_images_alone(images, tmp_path):
    search(images, tmp_path, evaluations=1)
    known = json.loads((tmp_path / "points.json").read_text())["points"]
    other = {"calibration": images["evaluation"], "evaluation": images["calibration"]}
    search(other, tmp_path, evaluations=1)
    more = json.loads((tmp_path / "points.json").read_text())["points"]
    assert len(more) == 2 * len(known)
    assert {key: more[key] for key in known} == known


def test_damaged_answers_are_made_again(images, tmp_path, capsys):
    first = search(images, tmp_path, evaluations=2)
    path = tmp_path / "points.json"
    path.write_text(path.read_text().replace('"bits": 1', '"bits": 2', 1))
    assert search(images, tmp_path, evaluations=2) == first
    assert "its points are evaluated again" in capsys.readouterr().err


def test_limits_keep_points_off_the_front(images, tmp_path):
    free = search(images, tmp_path)
    bound = sorted(row.metrics["size"] for row in free.rows)[len(free.rows) // 2]
    found = search(images, tmp_path, at_most={"size": bound}, at_least={"cosine": "own"})
    own = found.rows[0].metrics["cosine"]
    for row in found.rows:
        kept = row.metrics["size"] <= bound and row.metrics["cosine"] >= own
        assert bool(row.broken) != kept
        assert not row.on_front or kept
    assert any(row.on_front for row in found.rows)


def test_a_calibrated_group_is_the_library_s(images, tmp_path):
    from sdalgo.activations.layer import decompose_layer
    from sdalgo.activations.network import calibrated_layers
    from sdalgo.activations.rounds import Search

    vary = {"pointwise.preset": ["activations"], "pointwise.price": [1e-7]}
    plan = load_plan(None, {**GRID, **images, "vary": vary})
    made = prepared(plan, tmp_path)
    found = made.subject.made(made.named(made.space.settings((0, 0))))
    model, _ = model_and_images(load_recipe("tiny_sd"))
    options = preset("activations")
    weights, moments = calibrated_layers(
        model, np.load(images["calibration"])["images"][0::2], options
    )
    key = "expand.weight"
    expected = decompose_layer(weights[key], moments[key], Search.of(options, 1e-7))
    np.testing.assert_array_equal(found["expand"].coef, expected.coef)
    np.testing.assert_array_equal(found["expand"].basis, expected.basis)


@pytest.mark.slow
def test_energy_is_that_of_the_built_files(images, tmp_path, capsys):
    words = {"arch": "smartdeal", "evaluations": 2, "vary": {"theta": [0.0, 0.2]}}
    found = search(images, tmp_path / "tune", **words)
    assert main(["build", "tiny_sd", "--out", str(tmp_path / "built"), "-q"]) == 0
    made = prepared(load_plan(None, {**GRID, **images, **words}), tmp_path / "tune")
    own = made.named(made.space.own)
    made.evaluation.files.write(tmp_path / "point", made.subject.made(own), "own")
    built, point = (load_file(tmp_path / f / "tiny_sd.safetensors") for f in ("built", "point"))
    assert set(built) == set(point)
    for key, array in built.items():
        np.testing.assert_array_equal(point[key], array)
    words = ["-w", str(tmp_path / "built/tiny_sd.yaml"), "-a", "smartdeal", "--no-figures"]
    command = [sys.executable, "-m", "archsim", "run", *words, "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    totals = json.loads(done.stdout)["runs"][0]["totals"]
    assert found.rows[0].metrics["energy_pj"] == totals["energy_pj"]
    assert found.rows[0].metrics["cycles"] == totals["cycles"]
    energies = {row.values.get("theta"): row.metrics["energy_pj"] for row in found.rows}
    assert energies[0.2] < energies[0.0]
    assert not (tmp_path / "tune" / ".point").exists()


@pytest.mark.slow
def test_a_command_that_is_killed_goes_on_to_the_same_bytes(images, tmp_path):
    spec = tmp_path / "search.yaml"
    spec.write_text(
        f"recipe: tiny_sd\nvary:\n  theta: {THETAS}\n  levels: {LEVELS}\n"
        f"arch: smartdeal\nevaluations: 3\n"
        f"calibration: {images['calibration']}\nevaluation: {images['evaluation']}\n"
    )

    def run_until(folder, points, number):
        """Exit status and what is said of a command that gets a signal after so many points."""
        command = [sys.executable, "-m", "sdalgo", "tune", str(spec), "--out", str(folder), "-q"]
        with (tmp_path / "said").open("w+") as said:
            process = subprocess.Popen(command, stderr=said)
            while points and process.poll() is None and evaluated(folder) < points:
                time.sleep(0.02)
            if points:
                process.send_signal(number)
            status = process.wait()
            said.seek(0)
            return status, said.read()

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run_until(whole, 0, None) == (0, "")
    status, said = run_until(cut, 1, signal.SIGINT)
    assert status == 2
    assert "interrupted; what was finished is kept" in said
    kept = evaluated(cut)
    assert 1 <= kept < 4
    assert run_until(cut, kept + 1, signal.SIGKILL)[0] == -signal.SIGKILL
    assert evaluated(cut) > kept
    assert run_until(cut, 0, None) == (0, "")
    assert bytes_of(cut) == bytes_of(whole)


def evaluated(folder):
    path = folder / "points.json"
    return path.read_text().count('"cycles"') if path.is_file() else 0


def test_command_prints_the_front_and_json(images, tmp_path, capsys):
    words = ["tune", "-r", "tiny_sd", "--vary", "theta=0,0.05", "--vary", "spatial.levels=2,6",
             "--set", "first.levels=6", "--group", "gates=squeeze,excite", "-n", "3",
             "--calibration", images["calibration"], "--evaluation", images["evaluation"],
             "--out", str(tmp_path / "t")]  # fmt: skip
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "tiny_sd: the front, and the recipe's own" in text
    assert "unseen: cosine" in text
    assert (tmp_path / "t" / "front.svg").is_file()
    table = (tmp_path / "t" / "points.csv").read_text().splitlines()
    assert len(table) == 5
    assert main([*words, "--json", "--no-figures"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["groups"]["gates"] == ["squeeze", "excite"]
    assert [point["point"] for point in found["points"]] == [0, 1, 2, 3]
    assert found["files"] == []
    assert main([*words, "--quiet", "--no-figures", "--write", "2"]) == 0
    assert capsys.readouterr().out == ""
    arrays = load_file(tmp_path / "t" / "point_2" / "tiny_sd.safetensors")
    assert "squeeze/coef" in arrays
    assert main([*words, "--quiet", "--no-figures", "--write", "9"]) == 2
    assert "--write 9: no point: they are 0 to 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-r", "tiny"], "--recipe: there is no recipe 'tiny'; did you mean 'tiny_sd'?"),
        ([], "--recipe: say which"),
        (["-r", "tiny_sd", "-a", "smartdael"], "did you mean 'smartdeal'?"),
        (["-r", "tiny_sd", "--objective", "szie"], "--objective: there is no metric 'szie'; did"),
        (["-r", "tiny_sd", "--sampler", "tbe"], "--sampler: there is no sampler 'tbe'; did you"),
        (["-r", "tiny_sd", "--vary", "theta"], "--vary theta: is not KEY=VALUE"),
        (["-r", "tiny_sd", "--vary", "firts.theta=1"], "did you mean 'first'?"),
        (["-r", "tiny_sd", "--group", "a=b"], "--group a: groups.a: there is no layer 'b'"),
        (["-r", "gpt2_small_decode"], "its network is read as a graph"),
        (["-r", "resnet18_cifar_sdt"], "it is of a training"),
    ],
)
def test_wrong_words_are_told_before_anything_runs(words, message, tmp_path, capsys):
    assert main(["tune", *words, "--out", str(tmp_path / "t")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "t").exists()


def test_a_table_of_somebody_else_is_kept(images, tmp_path):
    (tmp_path / "points.csv").write_text("mine")
    with pytest.raises(InputError, match="this program did not write it"):
        search(images, tmp_path)
