"""The tensors of a layer: written by the safetensors package, read or drawn by archsim."""

from __future__ import annotations

import numpy as np
import pytest
from loading_files import (
    CONV,
    PROFILE,
    WITH_TENSORS,
    arrays,
    measured_workload,
    tensor_lines,
    workload_text,
    write,
)
from safetensors.numpy import save_file

from archsim.formats.errors import InputError
from archsim.workload.workload import load_workload


def test_what_another_program_wrote_is_read_to_the_bit(tmp_path) -> None:
    loaded = load_workload(measured_workload(tmp_path))
    assert loaded.mode == "measured"
    for key, array in arrays().items():
        name, _, what = key.rpartition("/")
        tensors = loaded.tensors(loaded.layer(name))
        np.testing.assert_array_equal(tensors.get(what), array)
        assert tensors.get(what).dtype == array.dtype
        assert tensors.source(what) == "measured"


def test_arrays_are_read_once_and_cannot_be_written(tmp_path) -> None:
    loaded = load_workload(measured_workload(tmp_path))
    tensors = loaded.tensors(loaded.layers[0])
    assert tensors.get("weight") is loaded.tensors(loaded.layers[0]).get("weight")
    with pytest.raises(ValueError, match="read-only"):
        tensors.get("weight")[0] = 1


def test_a_missing_pruned_form_is_the_weight_and_says_so(tmp_path) -> None:
    loaded = load_workload(measured_workload(tmp_path))
    tensors = loaded.tensors(loaded.layer("a"))
    np.testing.assert_array_equal(tensors.get("pruned"), tensors.get("weight"))
    assert tensors.source("pruned") == "derived: pruned is weight, nothing dropped"
    assert (tensors.get("coef"), tensors.source("coef")) == (None, "none")


def test_a_form_that_is_needed_and_missing_is_named(tmp_path) -> None:
    loaded = load_workload(measured_workload(tmp_path, a_weight=None))
    with pytest.raises(InputError) as caught:
        loaded.tensors(loaded.layer("a")).need("weight")
    assert str(caught.value) == (
        f"{tmp_path / 't.safetensors'}: the key 'a/weight' is missing; build the workload with it"
    )
    with pytest.raises(InputError, match="there is no tensor 'wait'; did you mean 'weight'"):
        loaded.tensors(loaded.layer("a")).get("wait")


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        (
            {"a_weight": np.zeros((4, 3, 3, 2), np.int8)},
            ["key 'a/weight': has the shape (4, 3, 3, 2), and the layer implies (4, 3, 3, 3)"],
        ),
        (
            {"a_weight": np.zeros((4, 3, 3, 3), np.float32)},
            ["key 'a/weight': has the type float32; weight is int8"],
        ),
        (
            {"a_input": np.zeros((3, 8, 6), np.float64)},
            ["key 'a/input': has the type F64; input is int8 or uint8"],
        ),
        (
            {"a_wieght": np.zeros(3, np.int8)},
            ["key 'a/wieght': there is no tensor 'wieght'; did you mean 'weight'? "
             "legal: input, weight, pruned, coef, basis, basis_scale"],
        ),
        (
            {"c_weight": np.zeros(3, np.int8)},
            ["key 'c/weight': there is no layer 'c'; legal: a, up/b"],
        ),
        (
            {"b_basis": None},
            ["key 'up/b/basis_scale': coef, basis and basis_scale come together, and basis is "
             "missing",
             "key 'up/b/coef': coef, basis and basis_scale come together, and basis is missing"],
        ),
        (
            {"b_coef": np.zeros((6, 3, 3), np.int8)},
            ["key 'up/b/coef': has the shape (6, 3, 3), and the layer implies (6, 2, r), r from 1 "
             "to 8"],
        ),
        (
            {"b_basis": np.zeros((6, 3, 3, 3), np.int8)},
            ["key 'up/b/basis': has the shape (6, 3, 3, 3), and the layer implies (6, slices, 3, "
             "3), "
             "slices from 1 to 2",
             "key 'up/b/basis_scale': has the shape (6, 1), and the layer implies (6, slices), "
             "slices from 1 to 2"],
        ),
    ],
)  # fmt: skip
def test_tensors_that_do_not_fit_their_layer(tmp_path, changes, messages) -> None:
    found = tensor_lines(tmp_path, measured_workload(tmp_path, **changes))
    assert sorted(found) == [f"TENSORS, {message}" for message in messages]


def test_r_may_differ_from_the_kernel_where_the_basis_agrees(tmp_path) -> None:
    changed = {
        "b_coef": np.ones((6, 2, 2), np.int8),
        "b_basis": np.ones((6, 2, 2, 3), np.int8),
        "b_basis_scale": np.ones((6, 2), np.float32),
    }
    loaded = load_workload(measured_workload(tmp_path, **changed))
    assert loaded.tensors(loaded.layer("up/b")).get("coef").shape == (6, 2, 2)


@pytest.mark.parametrize(
    ("changes", "what", "message"),
    [
        ({"b_basis_scale": np.full((6, 1), np.nan, np.float32)}, "basis_scale", "holds NaN or "
                                                                                "infinity"),
        ({"b_basis_scale": np.full((6, 1), np.inf, np.float32)}, "basis_scale", "holds NaN or "
                                                                                "infinity"),
        ({"b_coef": np.full((6, 2, 3), -128, np.int8)}, "coef",
         "holds the code -128; codes are -127 to 127"),
    ],
)  # fmt: skip
def test_values_that_are_damaged(tmp_path, changes, what, message) -> None:
    loaded = load_workload(measured_workload(tmp_path, **changes))
    with pytest.raises(InputError) as caught:
        loaded.tensors(loaded.layer("up/b")).get(what)
    assert str(caught.value) == f"{tmp_path / 't.safetensors'}, key 'up/b/{what}': {message}"


def test_a_key_without_a_slash_and_one_of_a_pool(tmp_path) -> None:
    pool = "name: p, op: pool, inputs: [a], kind: max, global: true"
    text = workload_text(CONV, pool, header=WITH_TENSORS)
    path = write(tmp_path, "w.yaml", text)
    save_file(
        {"x": np.zeros(1, np.int8), "p/input": np.zeros(1, np.int8)}, tmp_path / "t.safetensors"
    )
    assert sorted(tensor_lines(tmp_path, path)) == [
        "TENSORS, key 'p/input': a pool layer carries no tensors",
        "TENSORS, key 'x': a key is '<layer name>/<what>', and this one has no '/'",
    ]


def test_a_file_that_shrinks_after_loading(tmp_path) -> None:
    loaded = load_workload(measured_workload(tmp_path))
    whole = (tmp_path / "t.safetensors").read_bytes()
    (tmp_path / "t.safetensors").write_bytes(whole[:99])
    tensors = loaded.tensors(loaded.layer("up/b"))
    with pytest.raises(InputError, match="the file became shorter while it was in use"):
        tensors.get("weight")


def test_the_hash_is_of_the_tensors_too(tmp_path) -> None:
    one = load_workload(measured_workload(tmp_path)).hash
    assert load_workload(measured_workload(tmp_path)).hash == one
    assert (
        load_workload(measured_workload(tmp_path, a_input=np.ones((3, 8, 6), np.uint8))).hash != one
    )


def test_training_tensors_have_a_batch_axis_and_are_bfloat16(tmp_path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_torch

    values = torch.randn(2, 4, 8, 6, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    tensors = {
        "a/input": torch.zeros(2, 3, 8, 6, dtype=torch.bfloat16),
        "a/weight": torch.zeros(4, 3, 3, 3, dtype=torch.bfloat16),
        "a/error": values,
        "a/gradient": torch.ones(4, 3, 3, 3, dtype=torch.bfloat16),
    }
    save_torch(tensors, tmp_path / "t.safetensors")
    header = WITH_TENSORS.replace("layers", "task: training\nbatch: 8\nlayers")
    path = write(tmp_path, "w.yaml", workload_text(CONV, header=header))
    loaded = load_workload(path)
    error = loaded.tensors(loaded.layers[0]).get("error")
    assert error.dtype == np.float32
    np.testing.assert_array_equal(error, values.float().numpy())
    save_torch({**tensors, "a/error": values[0].clone()}, tmp_path / "t.safetensors")
    assert tensor_lines(tmp_path, path) == [
        "TENSORS, key 'a/error': has the shape (4, 8, 6), and the layer implies (N, 4, 8, 6), "
        "N from 1 to 8"
    ]
    inference = write(tmp_path, "w.yaml", workload_text(CONV, header=WITH_TENSORS))
    assert any("there is no tensor 'error'" in line for line in tensor_lines(tmp_path, inference))


def test_without_the_file_tensors_are_drawn_and_the_run_says_so(tmp_path) -> None:
    profile = (
        "profile: {input: {classes: [{channels: 3, zero: 0.5, values: [1]}]}, "
        "weight: {live: 0.9, values: [1]}, "
        "coef: {rows: {live: 0.5}, nonzeros: [1, 1, 1], positive: [1]}}"
    )
    second = CONV.replace("name: a", "name: twin")
    text = workload_text(f"{CONV}, {profile}", f"{second}, {profile}", header=WITH_TENSORS)
    loaded = load_workload(write(tmp_path, "w.yaml", text))
    assert loaded.mode == "profile"
    assert loaded.notes == (
        "tensors: drawn from profiles, as t.safetensors is not there; it is made by: by hand",
    )
    layer, twin = loaded.layers
    tensors = loaded.tensors(layer)
    shapes = {what: tensors.get(what).shape for what in ("input", "weight", "coef", "basis")}
    assert shapes == {
        "input": (3, 8, 6), "weight": (4, 3, 3, 3), "coef": (4, 3, 3, 3), "basis": (4, 1, 3, 3),
    }  # fmt: skip
    assert tensors.get("basis_scale").shape == (4, 1)
    assert tensors.source("coef") == "profile"
    assert tensors.source("pruned") == "derived: pruned is weight, nothing dropped"
    again = load_workload(tmp_path / "w.yaml").tensors(layer)
    np.testing.assert_array_equal(tensors.get("input"), again.get("input"))
    assert (tensors.get("input") != loaded.tensors(twin).get("input")).any()


def test_a_profile_says_into_how_many_slices_a_filter_is_cut(tmp_path) -> None:
    coef = "profile: {coef: {rows: {live: 0.5}, nonzeros: [1], positive: [1], slices: %d}}"
    path = write(tmp_path, "w.yaml", workload_text(f"{CONV}, {coef % 3}"))
    loaded = load_workload(path)
    tensors = loaded.tensors(loaded.layers[0])
    assert tensors.get("basis").shape == (4, 3, 3, 3)
    rows = tensors.get("coef").reshape(4, 9, 3).any(axis=2)
    live = [[rows[k, 3 * i : 3 * i + 3].any() for i in range(3)] for k in range(4)]
    np.testing.assert_array_equal(tensors.get("basis_scale") != 0, live)
    write(tmp_path, "w.yaml", workload_text(f"{CONV}, {coef % 10}"))
    loaded = load_workload(path)
    with pytest.raises(InputError) as caught:
        loaded.tensors(loaded.layers[0]).get("basis")
    assert str(caught.value) == f"{path}:5:5: layer 'a', profile.coef.slices: 10 slices of 9 rows"


def test_what_no_profile_describes_is_asked_for_in_vain(tmp_path) -> None:
    path = write(tmp_path, "w.yaml", workload_text(f"{CONV}, {PROFILE}"))
    loaded = load_workload(path)
    tensors = loaded.tensors(loaded.layers[0])
    assert tensors.get("coef") is tensors.get("basis") is None
    with pytest.raises(InputError) as caught:
        tensors.need("weight")
    assert str(caught.value) == (
        f"{path}:5:5: layer 'a' has no profile.weight to draw its weight from; add it, or "
        "build the tensors; machines of dense weights may run its shape alone"
    )


def test_a_profile_of_other_channels_names_the_layer(tmp_path) -> None:
    profile = PROFILE.replace("channels: 3", "channels: 5")
    path = write(tmp_path, "w.yaml", workload_text(f"{CONV}, {profile}"))
    loaded = load_workload(path)
    with pytest.raises(InputError) as caught:
        loaded.tensors(loaded.layers[0]).get("input")
    assert str(caught.value).startswith(f"{path}:5:5: layer 'a', profile.input: ")
