"""Unit test programs, each run with one allocation of what they test that fails."""

import collections
import os
import random
import re
import signal
import subprocess
import tempfile
import time

from process import SANITIZER, clean_environment
from scarce import Frame, Place, Scarce, in_tree
from world import program

TIMEOUT_S, NOTING_S = 60, 300  # who notes where he is at each allocation is slow
# Libraries that Debian ships which end a process that has no memory, and how.
ENDS = {
    "libh2o": "h2o_fatal, wherever it gets none; the service manager starts the gateway anew",
    "libldns": "what reads a DNS message (ldns_wire2pkt, ldns_rr_list_push_rr) follows a pointer that it did not get",
    "libcurl": "it divides by the size of a table that it did not get",
    "libunbound": "what begins a look-up follows a pointer that it did not get",
}
FRAME = re.compile(r"^ *#\d+ 0x[0-9a-f]+ in (\S+) (\S+):(\d+)$", re.MULTILINE)  # as a sanitizer says it


def programs():
    """Those that need no server."""
    folder = program("unit")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if not name.startswith("postgresql-")]


class Unit:
    """One program. What its test allocates for itself is nobody's business."""

    def __init__(self, folder, path):
        self.path, self.name = path, os.path.basename(path)
        self._folder = os.path.join(str(folder), self.name)
        os.makedirs(self._folder)
        self.scarce = Scarce(self._folder, path)

    def _run(self, limit_s):
        """(status, output); a status of None: it did not end by itself."""
        env = clean_environment(**self.scarce.environment(), TMPDIR=self._folder)
        env["ASAN_OPTIONS"] += ":detect_leaks=0"  # a test that fails leaves what it had
        with tempfile.TemporaryFile(mode="w+", errors="replace", dir=self._folder) as output:
            with subprocess.Popen([self.path], cwd=self._folder, env=env, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT) as child:
                try:
                    status = child.wait(limit_s)
                except subprocess.TimeoutExpired:
                    child.send_signal(signal.SIGABRT)  # which says where it was
                    child.wait(TIMEOUT_S)
                    status = None
            output.seek(0)
            return status, output.read()

    def places(self):
        self.scarce.note(True)
        status, output = self._run(NOTING_S)
        self.scarce.note(False)
        assert status == 0, f"{self.name} fails while nothing does:\n{output[-3000:]}"
        return [place for place in self.scarce.places() if place.ours() and not place.ours().file.startswith("tests/")]

    def meet(self, place):
        """(whether an allocation failed, what is wrong: None for nothing)"""
        self.scarce.arm(place)
        status, output = self._run(TIMEOUT_S)
        failed = self.scarce.disarm()
        return failed, self._judge(place, status, output)

    def _judge(self, place, status, output):
        """A test that fails then is as good as one that passes: what it wanted could not be had. But it ends, and ends
        by itself, unless it goes on with what it did not get, or waits for it."""
        found = SANITIZER.search(output)
        fault = _said(output[found.start():]) if found else self.scarce.fault()
        if fault and (_is_the_tests(place, fault) or _is_a_librarys(place, fault)):
            return None
        if found:
            return output[found.start():found.start() + 3000]
        if status is not None and status >= 0:
            return None
        return f"{'does not end' if status is None else f'status {status}'}, at {fault}\n{output[-1000:]}"


def _said(text):
    """Where a sanitizer says that a pointer is followed that leads nowhere, before it would end the program by itself, or
    that the test itself, which has given up, is at what it has no more; None: it says anything else."""
    frames = [Frame("program", found[1], in_tree(found[2]), int(found[3])) for found in FRAME.finditer(text)]
    fault = Place(0, "", tuple(frames))
    own = fault.ours() is not None and fault.ours().file.startswith("tests/")
    return fault if own or (frames and "null pointer" in text.partition("\n")[0]) else None


def library_of(fault):
    """Who of ENDS ended the process before anything of ours was; None: nobody."""
    for frame in fault.frames:
        if frame.file:
            return None
        for library in ENDS:
            if os.path.basename(frame.module).startswith(library) or frame.function.startswith(library[3:] + "_"):
                return library
    return None


def _is_the_tests(place, fault):
    """The test itself, or what it called after the call in which something got nothing: that one told it so."""
    at, later = _test_of(place), _test_of(fault)
    return later is not None and (later == fault.ours() or at is None or (at.file, at.line) != (later.file, later.line))


def _is_a_librarys(place, fault):
    """It asked in the very call of ours in which it then follows what it did not get; or once for all, where OpenSSL
    sets itself up; or through us, and nothing is known of where it ended."""
    if fault.ours() is None and library_of(Place(0, "", tuple(frame for frame in place.frames if not frame.file))):
        return True
    here, there = place.ours(), fault.ours()
    inner = next((frame for frame in fault.frames if not os.path.basename(frame.module).startswith("libc.")), None)
    same = here and there and (here.file, here.line) == (there.file, there.line)
    return inner is not None and not inner.file and (
        same or any(frame.function == "CRYPTO_THREAD_run_once" for frame in place.frames))


def _test_of(place):
    return next((frame for frame in place.frames if frame.file.startswith("tests/")), None)


def lines_of(unit):
    """{(file, line) of ours that leads to an allocation: [place]}"""
    lines = collections.defaultdict(list)
    for place in sorted(unit.places(), key=lambda place: place.id):
        lines[place.ours().file, place.ours().line].append(place)
    return lines


def meet_lines(units, seed, most=None, within_s=None):
    """Each line of ours that leads to an allocation gets none once, in a program and at a place that the seed chooses;
    most: of so many lines of each program. What is wrong, as texts."""
    rng, wrong, failures, met, seen = random.Random(seed), [], 0, 0, set()
    deadline = time.monotonic() + (within_s or 1e9)
    for unit in rng.sample(units, len(units)):
        if time.monotonic() > deadline:
            break
        lines = {at: places for at, places in lines_of(unit).items() if at not in seen}
        seen |= set(lines)
        for file, line in rng.sample(sorted(lines), min(most or len(lines), len(lines))):
            place = rng.choice(lines[file, line])
            failed, what = unit.meet(place)
            failures, met = failures + failed, met + 1
            if what:
                wrong.append(f"{unit.name}, where {file}:{line} gets none ({place}): {what}")
    print(f"seed {seed}: {len(seen)} lines of ours lead to an allocation in what ran; {met} got none, {failures} "
          "allocations failed")
    assert 0 < met <= 2 * failures
    return wrong
