"""The table of README.md says what differences.py says."""

import os

from differences import DIFFERENCES
from servers import SERVERS

HERE = os.path.dirname(os.path.abspath(__file__))


def test_readme_lists_every_difference():
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as file:
        rows = {line.strip() for line in file if line.startswith("| ") and "`test_" in line and ".py`" not in line}
    assert rows == {f"| {d.feature} | {d.section} | `{d.test}` | {d.why} |" for d in DIFFERENCES}


def test_every_difference_is_of_a_test_and_a_server():
    text = ""
    for name in os.listdir(HERE):
        if name.startswith("test_"):
            with open(os.path.join(HERE, name), encoding="utf-8") as file:
                text += file.read()
    for difference in DIFFERENCES:
        assert f"def {difference.test}(" in text and difference.server in SERVERS
