"""Each system call of an order that can fail, and each place that asks for memory, one after another; tests/e2e chooses
some of them. And each line of ours that asks for memory, in a unit test program that comes by it."""

import pytest

import scarce_units
import test_failing_allocations
import test_failing_calls


@pytest.mark.parametrize("kind", test_failing_calls.FAULTS)
def test_every_call_of_an_order(tmp_path, kind):
    faults = test_failing_calls.Faults(tmp_path)
    try:
        test_failing_calls.meet_all(faults, (kind,), None)
    finally:
        faults.world.close()


def test_every_place_of_an_order(tmp_path):
    scarcity = test_failing_allocations.Scarcity(tmp_path)
    try:
        test_failing_allocations.meet_all(scarcity, test_failing_allocations.SEED)
    finally:
        scarcity.world.close()


def test_every_line_of_the_unit_programs(tmp_path):
    units = [scarce_units.Unit(tmp_path, path) for path in scarce_units.programs()]
    wrong = scarce_units.meet_lines(units, test_failing_allocations.SEED)
    assert not wrong, "\n".join(wrong)
