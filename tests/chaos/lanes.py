"""Cases that are run side by side: each lane is a thread with a world of its own, and each case one pytest test.

A file makes its cases, a fixture runs those that were chosen, and a test for each case says how it went. A world is
made, used and closed by the thread of its lane: a program dies with the thread that started it."""

import os
import threading
import traceback

# How much of the range is run: 1 is the shortened one, less in the builds with sanitizers, "full" all of it.
SCALE = os.environ.get("ACMEGATE_CHAOS", "1")
FULL = SCALE == "full"
SLOW = not FULL and float(SCALE) < 1  # a build with a sanitizer


def share(count, full):
    """How many of a kind of case to run: count in the shortened range, full in the full one, never none."""
    return full if FULL else max(1, round(count * float(SCALE)))


def thinned(cases, kind):
    """All cases, or an even part of them in which each kind (a function of the case) is still there."""
    if not SLOW:
        return cases
    kept, seen, every = [], set(), 1 / float(SCALE)
    for i, case in enumerate(cases):
        if kind(case) not in seen or int(i / every) != int((i - 1) / every):
            kept.append(case)
        seen.add(kind(case))
    return kept


class Lanes:
    """outcome(case) is None where the case went well, else what was wrong, as text."""

    def __init__(self):
        self._outcomes, self._lock = {}, threading.Lock()

    def note(self, case, outcome):
        with self._lock:
            self._outcomes[case] = outcome

    def outcome(self, case):
        return self._outcomes.get(case, "its lane ended before it was run")

    def run(self, lanes, work):
        """lanes: lists of cases. work(number, cases) takes them one by one, each within self.trying(case)."""
        problems = []

        def one(number, cases):
            try:
                work(number, cases)
            except BaseException:  # told by the test below
                problems.append(traceback.format_exc())

        threads = [threading.Thread(target=one, args=lane) for lane in enumerate(lanes) if lane[1]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.problems = problems

    def trying(self, case):
        return _Trying(self, case)


class _Trying:
    def __init__(self, lanes, case):
        self.lanes, self.case = lanes, case

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None or issubclass(kind, Exception):
            self.lanes.note(self.case, "".join(traceback.format_exception(kind, error, trace)) if kind else None)
            return True
        return False


def chosen(request, name):
    """The cases of the tests called so that this run has chosen, in their order."""
    return [item.callspec.params["case"] for item in request.session.items
            if item.originalname == name and item.fspath == request.fspath]
