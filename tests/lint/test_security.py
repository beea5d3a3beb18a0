"""Each threat of the manual has its tests, and each of them is there."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _named():
    """(threat, file, name) for each test that the table of threats names; None where a threat has none."""
    with open(os.path.join(ROOT, "deploy/manual/security.md"), encoding="utf-8") as file:
        table = file.read().split("## Threats")[1]
    for row in re.findall(r"^\| (?!threat|---)(.*) \|$", table, re.M):
        threat, _, tests = row.split(" | ")
        path, found = None, False
        for word in re.findall(r"`([^`]+)`", tests):
            if "/" in word:
                path = word
            else:
                found = True
                yield threat, path, word
        if not found:
            yield threat, None, None


def test_each_threat_has_tests_that_exist():
    named = list(_named())
    assert len({threat for threat, _, _ in named}) >= 20
    for threat, path, name in named:
        assert path, f"nothing shows what stands against: {threat}"
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            text = file.read()
        assert re.search(rf"^(def|static void) {name}\(", text, re.M), f"{path} has no {name} ({threat})"
