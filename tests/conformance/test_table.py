"""The table of README.md: every test with its section, and what differences.py says of pebble. Run by hand, this file
prints it."""

import glob
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))

if __name__ == "__main__":
    import sys
    sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

from differences import DIFFERENCES  # noqa: E402
from servers import SERVERS  # noqa: E402

DOCUMENTS = {"profiles": "draft-ietf-acme-profiles", "dns_account_label": "draft-ietf-acme-dns-account-label"}
# Tests that are of no one section: what they are about.
OTHERS = {"test_oversized_body": ("size of a request", "RFC 8555, 6.7"),
          "test_mutations_change_nothing": ("ten thousand spoilt requests", "RFC 8555, 10")}
ALONE = {"test_mutations_change_nothing"}  # not run against pebble


def tests():
    for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
        if os.path.samefile(path, __file__):
            continue
        with open(path, encoding="utf-8") as file:
            yield from re.findall(r"^def (test_\w+)\(", file.read(), re.M)


def place_of(test):
    """(feature, section)"""
    if test in OTHERS:
        return OTHERS[test]
    document, section, feature = re.fullmatch(r"test_([a-z_]+|\d{4})_((?:\d+_)+)(\w+)", test).groups()
    document = DOCUMENTS[document] if document in DOCUMENTS else f"RFC {int(document)}"
    return feature.replace("_", " "), f"{document}, {section.rstrip('_').replace('_', '.')}"


def row_of(test):
    differences = [d for d in DIFFERENCES if d.test == test and d.server == "pebble"]
    feature, section = place_of(test)
    whys = list(dict.fromkeys(d.why for d in differences))
    pebble = "not asked" if test in ALONE else "; ".join(whys) or "does not"
    return f"| {differences[0].feature if differences else feature} | {section} | `{test}` | {pebble} |"


def test_readme_lists_every_test_and_difference():
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as file:
        rows = [line.strip() for line in file if line.startswith("| ") and "`test_" in line and ".py`" not in line]
    assert rows == [row_of(test) for test in tests()]


def test_every_difference_is_of_a_test_and_a_server():
    known = set(tests())
    for difference in DIFFERENCES:
        assert difference.test in known and difference.server in SERVERS


if __name__ == "__main__":
    for name in tests():
        print(row_of(name))
