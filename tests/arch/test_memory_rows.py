"""Rows of a memory against loops over accesses and banks that anybody could have written.

Oracles: `bank_loop` issues one access after the other and keeps every rule of JEDEC by itself;
`rows_touched` walks the addresses of a run and counts the rows that it meets.
"""

from collections import Counter
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.arch.memory_presets import load_preset
from archsim.arch.memory_rows import Rows
from archsim.formats.search import find

PRESETS = ("ddr4_2400", "hbm2", "lpddr4_3200")
FOLDER = find("archs", "diannao").parent / "units" / "dram"
PEAKS = {"ddr4_2400": 19.2, "lpddr4_3200": 12.8, "hbm2": 256.0}
"""GB/s as sold: a DDR4-2400 module, an LPDDR4-3200 die of 32 bits, a stack of HBM2."""


def rows_of(preset, **changes):
    return replace(Rows(**load_preset(FOLDER / f"{preset}.yaml")), **changes)


def bank_loop(rows, runs, accesses):
    """ns in which one channel serves so many runs, each in a new row of the next bank."""
    activated, bank_free, bus = [], Counter(), 0.0
    access = rows.access_bytes / rows.channel_gbytes_per_s
    for run in range(runs):
        bank = run % rows.banks
        at = max(0.0, bank_free[bank])
        if activated:
            at = max(at, activated[-1] + rows.trrd_ns)
        if len(activated) >= 4:
            at = max(at, activated[-4] + rows.tfaw_ns)
        activated.append(at)
        bank_free[bank] = at + rows.tras_ns + rows.trp_ns
        for _ in range(accesses):
            bus = max(bus, at + rows.trcd_ns + rows.tcl_ns) + access
    return bus - rows.trcd_ns - rows.tcl_ns


def rows_touched(rows, start, accesses):
    """Different rows under a run that begins at the access `start`."""
    per_row = rows.row_bytes // rows.access_bytes
    channel_and_row = {
        (n % rows.channels, n // rows.channels // per_row) for n in range(start, start + accesses)
    }
    return len(channel_and_row)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("accesses", [1, 2, 3, 8, 32])
def test_runs_in_random_rows_take_what_a_loop_over_banks_does(preset, accesses):
    rows, runs = rows_of(preset, channels=1), 3000
    accesses = min(accesses, rows.row_bytes // rows.access_bytes)
    # A run that starts anywhere meets a second row now and then; the loop's never do.
    rows = replace(rows, row_bytes=2**30)
    busy = rows.busy_ns(runs * accesses * rows.access_bytes, runs) * (1 - rows.refresh_share)
    assert busy == pytest.approx(bank_loop(rows, runs, accesses), rel=0.01)


TIMES = st.floats(0.5, 80)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[TIMES] * 4), st.integers(1, 16), st.integers(1, 9), st.floats(1, 40))
def test_whichever_of_bus_windows_and_banks_is_slowest_decides(times, banks, n, bw):
    trp, tras, trrd, tfaw = times
    rows = rows_of(
        "ddr4_2400", trp_ns=trp, tras_ns=tras, trrd_ns=trrd, tfaw_ns=tfaw, banks=banks,
        channel_gbytes_per_s=bw, row_bytes=2**30,
    )  # fmt: skip
    busy = rows.busy_ns(2000 * n * rows.access_bytes, 2000) * (1 - rows.refresh_share)
    assert busy == pytest.approx(bank_loop(rows, 2000, n), rel=0.02)


@pytest.mark.parametrize(
    ("preset", "of_peak"), [("ddr4_2400", 3.333 / 5.25), ("lpddr4_3200", 0.5), ("hbm2", 0.5)]
)
def test_a_row_for_each_access_has_the_rate_of_the_window(preset, of_peak):
    """By hand: 64 bytes take 3.33 ns and a row tFAW / 4 = 5.25 ns; 32 bytes 5 and 10, 2 and 4."""
    rows = rows_of(preset)
    nbytes = 10_000 * rows.access_bytes
    rate = nbytes / rows.busy_ns(nbytes, 10_000) / rows.peak_gbytes_per_s
    assert rate == pytest.approx(of_peak * (1 - rows.refresh_share), rel=1e-3)


@settings(max_examples=120, deadline=None)
@given(st.integers(1, 5), st.integers(1, 12), st.integers(1, 80))
def test_rows_opened_are_the_mean_over_all_starts(channels, per_row, accesses):
    rows = rows_of("ddr4_2400", channels=channels, access_bytes=64, row_bytes=64 * per_row)
    starts = channels * per_row
    touched = sum(rows_touched(rows, start, accesses) for start in range(starts))
    assert rows.opened(starts * accesses * 64, starts) == touched


@given(st.integers(0, 10_000), st.integers(0, 300))
def test_rows_hold_their_bytes_and_no_run_is_without_one(nbytes, runs):
    rows = rows_of("lpddr4_3200")
    opened = rows.opened(nbytes, runs)
    if not nbytes or not runs:
        assert opened == 0
    else:
        assert opened * rows.row_bytes >= nbytes
        assert opened >= min(runs, nbytes)
        # Shorter runs may fill their accesses better, and be fewer accesses in all.
        if rows.accesses(nbytes, runs + 1) >= rows.accesses(nbytes, runs):
            assert rows.opened(nbytes, runs + 1) >= opened


@pytest.mark.parametrize("preset", PRESETS)
def test_a_stream_is_near_the_peak_that_is_sold(preset):
    rows = rows_of(preset)
    assert rows.peak_gbytes_per_s == PEAKS[preset]
    rate = 2**26 / rows.busy_ns(2**26, 1)
    most = PEAKS[preset] * (1 - rows.trfc_ns / rows.trefi_ns)
    assert 0.9 * PEAKS[preset] <= rate <= most * (1 + 1e-12)


CURRENTS = {
    # Micron TN-40-07 on the currents that each file names: (V, mA of IDD0, 2N, 3N, 4R, 4W, 5).
    "ddr4_2400": (8, [(1.2, 48, 34, 43, 135, 123, 250)]),
    "lpddr4_3200": (1, [(1.8, 3.5, 2, 2.25, 2.25, 2.25, 10), (1.1, 45, 27, 30, 275, 210, 90)]),
}


@pytest.mark.parametrize("preset", CURRENTS)
def test_energies_are_those_of_the_data_sheets_currents(preset):
    rows = rows_of(preset)
    devices, supplies = CURRENTS[preset]
    row = read = write = refresh = 0.0
    for volt, idd0, idd2n, idd3n, idd4r, idd4w, idd5 in supplies:
        cycle = idd0 * (rows.tras_ns + rows.trp_ns)
        row += devices * volt * (cycle - idd3n * rows.tras_ns - idd2n * rows.trp_ns)
        read += devices * volt * (idd4r - idd3n) / rows.channel_gbytes_per_s
        write += devices * volt * (idd4w - idd3n) / rows.channel_gbytes_per_s
        refresh += devices * volt * (idd5 - idd3n) * rows.trfc_ns
    found = rows.activate_pj, rows.read_pj_per_byte, rows.write_pj_per_byte, rows.refresh_pj
    assert found == pytest.approx((row, read, write, refresh), rel=2e-3)


def test_hbm2_has_the_energies_of_fine_grained_dram():
    """O'Connor et al., MICRO'17, Table 3: 909 pJ a row; 1.51, 1.17 and 0.80 pJ per bit."""
    keys = yaml.safe_load((FOLDER / "hbm2.yaml").read_text())["memory"]
    assert keys["activate_pj"] == 909
    for way in ("read", "write"):
        pj = keys[f"{way}_pj_per_byte"] + keys[f"{way}_io_pj_per_byte"]
        assert pj / 8 == pytest.approx(1.51 + 1.17 + 0.80)
