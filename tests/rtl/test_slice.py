"""Whole small layers on slices of sixteen lines: barrier, adder tree, output-channel groups."""

import pytest
import rtl_layers

LAYERS = 50


@pytest.mark.slow
def test_whole_layers_on_a_slice(tmp_path):
    """Two slices that step together, one of which is run, with the rebuilds of both: all jobs,
    tiles and outputs of every output-channel group.
    """
    parts = rtl_layers.machine(pe_slices__lines=16, pe_slices__slices=2)
    kinds = rtl_layers.KINDS * (LAYERS // len(rtl_layers.KINDS))
    small = [
        next(rtl_layers.layers(kind, 100 + place, 1, small=True))
        for place, kind in enumerate(kinds)
    ]
    found = [rtl_layers.cases_of([one], parts) for one in small]
    picked = [place % len(cases) for place, (cases, _) in enumerate(found)]
    cases = [cases[at] for at, (cases, _) in zip(picked, found, strict=True)]
    waits = [waits[at] for at, (_, waits) in zip(picked, found, strict=True)]
    assert len(cases) >= 50
    assert {layer.kind for layer, _ in small} == {"spatial", "pointwise", "depthwise", "linear"}
    assert any(len({job.gate for job in case.jobs}) > 1 for case in cases)  # several groups
    assert not rtl_layers.compared(cases, waits, parts, tmp_path)
