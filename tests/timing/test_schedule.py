"""What an arch file says of buffers, as the stores of a program."""

import pytest
from tiny_networks import conv, network

import archsim
from archsim.machines.shared.tables import tables_of
from archsim.timing.entries import entries_of, rows_of
from archsim.timing.plan import plan_entry
from archsim.timing.queueing import queue_all
from archsim.timing.schedule import Schedule


@pytest.mark.parametrize(("slots", "ahead_kb"), [(1, 0), (2, 96), (3, 128), (4, 144)])
def test_all_slots_but_the_one_in_use_may_be_filled_ahead(tmp_path, slots, ahead_kb):
    """A buffer of 192 KB in equal slots."""
    keys = {"sb.slots": slots, "sb.banks": 12, "sb.bank_kbytes": 16}
    arch = archsim.load_arch("diannao", keys)
    workload = network(tmp_path, conv("a", [], (4, 8), (8, 8)))
    entries = entries_of(arch, workload, tables_of(arch, workload, None))
    rows = rows_of(entries, workload.layers)
    queued, _ = queue_all([plan_entry(one, arch) for one in entries], arch, rows, 1.0)
    program = Schedule(arch).program(queued, len(rows))
    (store,) = (one for one in program.stores if one.name == "sb (weight)")
    assert (store.ahead, store.capacity) == (ahead_kb * 1024, 192 * 1024)
