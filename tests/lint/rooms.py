#!/usr/bin/python3
"""rooms.py BUILD: whether each room finds the headers of just the rooms that it may use, with the flags of its build.

The rooms inside gateway/ share one target: lint.py holds the arrows between those (INNER)."""

import json
import os
import shlex
import subprocess
import sys

from lint import ROOMS

HEADERS = {"store": "store/store.h", "acme": "acme/acme.h", "sectigo": "sectigo/sectigo.h", "gateway": "gateway/log.h"}


def flags_of(build, room):
    """How a file of the room itself is compiled, without its name and its output."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        for entry in json.load(file):
            if f"/{room}.dir/" in entry["command"]:
                words = shlex.split(entry["command"])
                return words[:words.index("-o")], entry["directory"]
    sys.exit(f"rooms.py: nothing in {build} belongs to {room}")


def finds(build, room, header):
    flags, folder = flags_of(build, room)
    flags = [flag for i, flag in enumerate(flags) if not flag.startswith("-M") and not flags[i - 1].startswith("-M")]
    probe = f'#include "{header}"\n'
    done = subprocess.run([*flags, "-fsyntax-only", "-x", "c", "-"], cwd=folder, input=probe.encode(),
                          capture_output=True, check=False)
    if done.returncode != 0 and b"No such file or directory" not in done.stderr:
        sys.exit(f"rooms.py: a probe of {room} fails for another reason:\n{done.stderr.decode()}")
    return done.returncode == 0


def main():
    build, wrong = sys.argv[1], 0
    for room, may in ROOMS.items():
        for other, header in HEADERS.items():
            if finds(build, room, header) != (other in may):
                wrong += 1
                print(f"{room}/ {'cannot include' if other in may else 'can include'} {header}: see what it links")
    print(f"{len(ROOMS) * len(HEADERS)} probes, {wrong} wrong")
    sys.exit(1 if wrong else 0)


main()
