"""Each system call of an order that can fail, one after another; tests/e2e chooses some of them."""

import pytest

import test_failing_calls


@pytest.mark.parametrize("kind", test_failing_calls.FAULTS)
def test_every_call_of_an_order(tmp_path, kind):
    faults = test_failing_calls.Faults(tmp_path)
    try:
        test_failing_calls.meet_all(faults, (kind,), None)
    finally:
        faults.world.close()
