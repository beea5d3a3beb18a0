"""What tests/late takes for lateness."""

import importlib.machinery
import importlib.util
import os
import subprocess
import sys

import pytest

_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "late")
_LOADER = importlib.machinery.SourceFileLoader("late", _PATH)
late = importlib.util.module_from_spec(importlib.util.spec_from_loader("late", _LOADER))
_LOADER.exec_module(late)

SUMMARY = "= FAILURES =\n{}\n=== short test summary info ===\n{}\n2 failed, 3 passed in 9.1s\n"
ONE_LATE = "FAILED test_a.py::test_b - AssertionError: the certificate: not within 40 s"
LOG = '{"time":"2026-11-26T00:00:00.000Z","level":"warning","msg":"the call: not within 3 s"}'


@pytest.mark.parametrize("summary", [
    ONE_LATE, ONE_LATE + "\n" + ONE_LATE,
    "FAILED test_a.py::test_b - AssertionError: acmegate still runs after 60 s; it wrote:\n  " + LOG,
    "ERROR test_a.py::test_b - subprocess.TimeoutExpired: Command 'certbot' timed out after 60 seconds"])
def test_late(summary):
    assert late.is_late(SUMMARY.format("", summary))


@pytest.mark.parametrize("output", [
    "", "Test timeout computed to be: 600", SUMMARY.format("", ""),
    SUMMARY.format("", "FAILED test_a.py::test_b - AssertionError: bought twice"),
    SUMMARY.format("", "FAILED test_a.py::test_b - AssertionError: bought twice\n" + LOG),
    SUMMARY.format("", ONE_LATE + "\nFAILED test_a.py::test_b - assert 2 == 1"),
    SUMMARY.format("AssertionError: the sequence of calls: sent again", ONE_LATE),
    SUMMARY.format("acmegate under a sanitizer: AddressSanitizer: heap-use-after-free", ONE_LATE)])
def test_final(output):
    assert not late.is_late(output)


def test_what_pytest_says(tmp_path):
    """As deploy/test has it run. By itself it leaves out what does not fit into a line of its terminal."""
    name = "test_that_has_a_name_which_leaves_no_room_for_what_is_said"
    (tmp_path / "test_late.py").write_text(f"def {name}():\n    assert 1 == 2, 'the certificate: not within 40 s'\n")
    done = subprocess.run([sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path], check=False,
                          env={**os.environ, "CI": "true"}, stdout=subprocess.PIPE, text=True)
    assert late.is_late(done.stdout), done.stdout


def test_failures_of_a_report(tmp_path):
    report = tmp_path / "tests.xml"
    report.write_text("<testsuite><testcase name='a' status='run'><system-out>well</system-out></testcase>"
                      "<testcase name='b' status='fail'><system-out>bad</system-out></testcase></testsuite>")
    assert late.failed(report) == [("b", "bad")]
    assert late.main("no-build", report) == 1, "what is final is not run again"
