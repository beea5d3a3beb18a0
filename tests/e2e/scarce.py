"""Allocations of a program that get nothing (scarce.c), and what asks for them."""

import bisect
import dataclasses
import mmap
import os
import re
import struct
import subprocess

from process import clean_environment
from world import program

# As scarce.c has them.
DEPTH, PLACES, MODULES, MODULE_NAME, THREAD_NAME = 40, 1 << 15, 64, 128, 16
HEAD = struct.Struct("=QQQQ")
PLACE = struct.Struct(f"=Q{THREAD_NAME}sQQ{2 * DEPTH}Q")
FIELDS = ("noting", "armed", "failed", "fault")
AT_FAULT = HEAD.size
NAMES = AT_FAULT + PLACE.size
TABLE = NAMES + MODULES * MODULE_NAME
SIZE = TABLE + PLACES * PLACE.size

IN_TREE = re.compile(r".*?/((?:acme|gateway|sectigo|store|tests)/(?:[\w-]+/)*[\w-]+\.[ch])$")
COUNTERS = ("store/shortage.c", "acme/libraries.c")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@dataclasses.dataclass(frozen=True)
class Frame:
    module: str
    function: str
    file: str  # in the tree; "" of what is not ours
    line: int = 0

    def __str__(self):
        return f"{self.function} ({self.file + ':' + str(self.line) if self.file else os.path.basename(self.module)})"


@dataclasses.dataclass(frozen=True)
class Place:
    """frames: innermost first."""
    id: int
    thread: str
    frames: tuple

    def ours(self):
        """The innermost frame in the tree, but for those that only count; None where there is none."""
        return next((frame for frame in self.frames if frame.file and frame.file not in COUNTERS), None)

    def __str__(self):
        return f"{self.thread}: " + " < ".join(map(str, self.frames))


class Symbols:
    """Which function stands at an offset of a module."""

    def __init__(self, path):
        self._program, self._found, self._exported = path, {}, {}

    def _path(self, module):
        return self._program if module == "program" else module

    def learn(self, module, offsets):
        """Those of the program's own functions come from its debugging information, of libraries from what they
        export."""
        new = sorted({offset for offset in offsets if (module, offset) not in self._found})
        if not new:
            return
        path = self._path(module)
        if not os.path.exists(path):
            self._found.update(((module, offset), Frame(path, "?", "")) for offset in new)
            return
        asked = "".join(f"{offset:#x}\n" for offset in new)
        said = subprocess.run(["addr2line", "-f", "-e", path], input=asked, check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()
        for offset, function, line in zip(new, said[::2], said[1::2]):
            file, number = line.split(" ")[0].rsplit(":", 1)
            self._found[module, offset] = Frame(path, function if function != "??" else self._export(path, offset),
                                                in_tree(file), int(number) if number.isdigit() else 0)

    def _export(self, path, offset):
        if path not in self._exported:
            said = subprocess.run(["nm", "-D", "--defined-only", path], check=False, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL).stdout.split("\n")
            rows = [line.split() for line in said if line]
            self._exported[path] = sorted((int(row[0], 16), row[2].split("@")[0]) for row in rows if row[1] in "TtWi")
        table = self._exported[path]
        at = bisect.bisect_right(table, (offset, "\uffff"))
        return table[at - 1][1] if at else "?"

    def frame(self, module, offset):
        return self._found[module, offset]


def in_tree(path):
    full = os.path.normpath(os.path.join(ROOT, "build", path))
    found = IN_TREE.match(os.path.realpath(full) if os.path.exists(full) else full)
    return found.group(1) if found else ""


class Scarce:
    """The other side of struct control."""

    def __init__(self, folder, path):
        """path: the program."""
        self.path = os.path.join(str(folder), "scarce")
        with open(self.path, "wb") as file:
            file.truncate(SIZE)
        with open(self.path, "r+b") as file:
            self._shared = mmap.mmap(file.fileno(), SIZE)
        self.symbols = Symbols(path)

    def environment(self):
        faults = ":".join(f"handle_{name}=0" for name in ("segv", "sigbus", "sigfpe", "sigill", "abort"))
        tsan = clean_environment().get("TSAN_OPTIONS", "")
        return {"LD_PRELOAD": program("e2e/scarce.so"), "SCARCE": self.path, "TSAN_OPTIONS": f"{tsan}:{faults}".lstrip(":"),
                "ASAN_OPTIONS": f"verify_asan_link_order=0:{faults}"}

    def _set(self, field, value):
        struct.pack_into("=Q", self._shared, 8 * FIELDS.index(field), value)

    def get(self, field):
        return struct.unpack_from("=Q", self._shared, 8 * FIELDS.index(field))[0]

    def note(self, wanted):
        """Whether each place is noted from now on."""
        self._set("noting", wanted)

    def arm(self, place):
        """The next allocation there gets nothing."""
        self._set("failed", 0)
        self._set("fault", 0)
        self._set("armed", place.id)

    def disarm(self):
        """Whether it came to that."""
        self._set("armed", 0)
        return self.get("failed") > 0

    def _modules(self):
        names = (self._shared[NAMES + i * MODULE_NAME:NAMES + (i + 1) * MODULE_NAME] for i in range(MODULES))
        return [name.split(b"\0")[0].decode() for name in names]

    def _read(self, offsets):
        """The places at these offsets of the file."""
        modules, rows = self._modules(), [PLACE.unpack_from(self._shared, offset) for offset in offsets]
        stacks = [[(modules[row[5 + 2 * i]] or "?", row[4 + 2 * i]) for i in range(row[3])] for row in rows]
        for module in {module for stack in stacks for module, _ in stack}:
            self.symbols.learn(module, {offset for stack in stacks for where, offset in stack if where == module})
        return [Place(row[0], row[1].split(b"\0")[0].decode(), tuple(self.symbols.frame(*at) for at in stack))
                for row, stack in zip(rows, stacks)]

    def places(self):
        """All that were noted, and found room."""
        used = [TABLE + i * PLACE.size for i in range(PLACES)
                if struct.unpack_from("=Q", self._shared, TABLE + i * PLACE.size)[0]]
        return self._read(used)

    def fault(self):
        """Where the process met its end; None where it met none."""
        return self._read([AT_FAULT])[0] if self.get("fault") else None
