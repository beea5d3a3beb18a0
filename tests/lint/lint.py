#!/usr/bin/python3
"""lint.py [ROOT]: what the compilers do not check: sizes, complexity, borders between rooms, banned functions.

Prints FILE:LINE: what is wrong, and ends with 1 where anything is. A function that is long for a good cause says so
inside or right above itself: /* long: why */ (in Python: # long: why).
"""

import ast
import collections
import os
import re
import statistics
import subprocess
import sys

FUNCTION_LINES, FILE_LINES, COMPLEXITY = 80, 600, 15
# A static function's name stands in so many files; what more files need says of what it is: judge_base, not judge.
NAME_FILES = 3
# Over all functions of the product.
MEDIAN_LINES, NINE_IN_TEN_LINES = 15, 45

ROOMS = {"store": ("store",), "acme": ("acme", "store"), "sectigo": ("sectigo",),
         "gateway": ("gateway", "acme", "sectigo", "store")}

# The rooms inside gateway/, from the ground up: which others each may include beside itself and the ground. A room is a
# folder, or files that stand beside folders, by name ("issue/issuer.h") or without ending ("log"). What stands nowhere
# here is the top, gateway/*.c and issue/issuer.c: it starts the others, and nobody includes it.
GROUND = ("address", "audit", "clock", "cost", "counters", "days", "durable", "key_lists", "log", "log_format", "memory",
          "pem", "refusals", "removed", "scan", "scheduler", "systemd", "tables")
CONTEXT = ("issue/context", "issue/issuer.h")
SHARED = ("work", *CONTEXT)
INNER = {
    **{name: GROUND for name in GROUND},
    "config": (),
    "egress": (),
    "issue/record": (),
    "recount": ("issue/record",),
    "metrics": ("issue/record",),
    "http": ("metrics",),
    "work": ("config", "egress"),
    "operate/ctl": (),
    "check": ("config", "egress"),
    "validate": ("config", "egress", "metrics", "work"),
    "dcv": ("config", "egress", "metrics", "validate"),
    "issue/upstream": ("config", "egress", "dcv", "metrics", "issue/record"),
    **{name: ("config", "egress", "work", "issue/record", "issue/upstream", *CONTEXT) for name in CONTEXT},
    "issue/money": ("metrics", "config", "issue/record", "issue/upstream", *SHARED),
    "issue/revocation": ("metrics", "issue/record", "issue/upstream", *SHARED, "issue/money"),
    "issue/order": ("config", "dcv", "issue/record", "issue/upstream", *SHARED, "issue/money"),
    "issue/life": ("dcv", "metrics", "issue/record", "issue/upstream", *SHARED, "issue/money", "issue/revocation",
                   "issue/order"),
    "issue/upkeep": ("config", "issue/record", "issue/upstream", *SHARED, "issue/money", "issue/order"),
    "keep": ("config", "metrics", "issue/record", "issue/money", "issue/revocation"),
    "operate/access": ("http",),
    "operate/web": ("http",),
    "notify": ("config", "egress", "work", "metrics", "issue/record", "issue/upstream",
               "issue/money"),
    "operate": ("config", "egress", "http", "notify", "operate/access", "operate/web", "dcv",
                "issue/record", "issue/upstream", "issue/issuer.h", "issue/money", "issue/order", "issue/life",
                "issue/upkeep", "keep"),
    "operate/overview": ("metrics", "issue/record", "operate"),
    "own": ("config",),
    "verify": ("dcv", "issue/record", "issue/money", "issue/life"),
    "monitor": ("config", "http", "metrics", "issue/record", "issue/upstream", "issue/money", "operate"),
}

TOP, UNKNOWN = "the top", "unknown"

# Which folder or file may include a library's headers. Tests may include all, and call what is banned: they make
# their own input.
BORDERS = {
    r"lmdb\.h": ("store/lmdb/",),
    r"libpq-fe\.h": ("store/postgres/",),
    r"h2o(\.h|/.*)": ("gateway/http/",),
    r"curl/.*": ("sectigo/transport.", "sectigo/cli/", "sectigo/sandbox/", "gateway/egress",
                 "gateway/main.c", "gateway/validate/", "gateway/operate/ctl/", "gateway/dcv/"),
    r"unbound(-event)?\.h": ("gateway/egress", "sectigo/sandbox/"),
    r"cyaml/.*": ("gateway/config",),
    r"ldns/.*": ("gateway/dcv/", "gateway/egress/"),
    r"microhttpd\.h": ("sectigo/sandbox/",),
    r"libpsl\.h": ("sectigo/",),
    r"idn2\.h": ("acme/",),
}

# Who may call what, beside the file that has it: each kind of deferred work would write the runner's cycle (lease, change
# of thread, rest, end) once more.
ONLY = {
    **{name: ("gateway/work.c",) for name in ("scheduler_handle", "scheduler_still_due", "scheduler_done",
                                              "scheduler_release", "scheduler_release_after")},
    # An operator's question, his test of a target, and the look at the clock have no job.
    "egress_post": ("gateway/work.c", "gateway/operate/ask.c", "gateway/operate/trial.c",
                    "gateway/notify/notifier.c",
                    "gateway/issue/upkeep/timekeeper.c"),
}
AT_HOME = ("gateway/scheduler.", "gateway/egress/egress.")

BANNED = {
    "strcpy": "snprintf", "strcat": "snprintf", "sprintf": "snprintf", "vsprintf": "vsnprintf", "gets": "fgets",
    "stpcpy": "snprintf", "strncat": "snprintf", "atoi": "strtoul with checks",
    "atol": "strtoul with checks", "atoll": "strtoull with checks", "strtok": "strtok_r", "system": "posix_spawn",
    "popen": "posix_spawn", "alloca": "malloc", "tmpnam": "mkstemp", "mktemp": "mkstemp", "gmtime": "gmtime_r",
    "localtime": "localtime_r", "ctime": "strftime", "asctime": "strftime", "rand": "RAND_bytes",
}

BRANCH = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + r"ME|XX" + r"X)\b|^\s*#\s*if\s+0\b")
# A line of these levels wants somebody to act: its message, where it is a text, says what to do.
ALARM = re.compile(r'(?:log_warning|log_error)\(|LOG_LEVEL_(?:WARNING|ERROR),')
MESSAGE = re.compile(r'\s*((?:"(?:\\.|[^"\\\n])*"\s*)+)')
TO_DO = re.compile(r"\b(acmegatectl|add|ask|cancel|change|compare|give|look|mend|pay|put it back|raise|restart|revoke it|"
                   r"see|send)\b", re.I)
# An object in brackets; a type needs them.
BRACKETED = re.compile(r"\bsizeof\((?!(?:struct|enum|union|const|char|int|unsigned|long|double|bool|type|\w+_t)\b)"
                       r"\*?\w+(?:(?:->|\.)\w+|\[[^\]()]*\])*\)")
COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
PYTHON_BRANCHES = (ast.If, ast.For, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension, ast.match_case)


class Lint:
    def __init__(self, root):
        self.root, self.findings, self.lengths = root, [], []
        self.shared, self.words = [], {}  # (path, line, name) of functions that are not static; words of each C file
        self.static = collections.defaultdict(dict)  # by name, the files that have such a function for themselves, and where

    def say(self, path, line, what):
        self.findings.append(f"{path}:{line}: {what}")

    def check_size(self, path, name, start, end, complexity, text):
        """text: from the end of the function before to the end of this one."""
        if re.search(r"(/\*|#) long: \w", text):
            return
        if end - start + 1 > FUNCTION_LINES:
            self.say(path, start, f"{name} has {end - start + 1} lines; at most {FUNCTION_LINES}")
        if complexity > COMPLEXITY:
            self.say(path, start, f"{name} has {complexity} ways through; at most {COMPLEXITY}")

    def check_file(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            text = file.read()
        lines = text.splitlines()
        if len(lines) > FILE_LINES:
            self.say(path, 1, f"{len(lines)} lines; a file that passes {FILE_LINES} usually holds two concepts")
        for number, line in enumerate(lines, 1):
            if UNFINISHED.search(line):
                self.say(path, number, "unfinished or dead code does not get in")
        if path.endswith((".c", ".h")):
            self.check_c(path, text)
        elif path.endswith(".py"):
            self.check_python(path, text)

    # ---- C ----

    def check_c(self, path, text):
        code = COMMENT_OR_TEXT.sub(blank, text)
        self.words[path] = collections.Counter(re.findall(r"\w+", code))
        if not path.startswith("tests/"):
            self.check_banned(path, code)
            self.check_alarms(path, text)
            self.check_includes(path, text)
        self.check_sizeof(path, code)
        previous = 0
        for name, start, end, static in functions_of(os.path.join(self.root, path)):
            if not path.startswith("tests/"):
                self.note_function(path, name, start, static)
            body = "\n".join(code.splitlines()[start - 1:end])
            whole = "\n".join(text.splitlines()[previous:end])
            self.check_size(path, name, start, end, 1 + len(BRANCH.findall(body)), whole)
            if not path.startswith("tests/"):
                self.lengths.append(end - start + 1)
            previous = end

    def check_sizeof(self, path, code):
        for number, line in enumerate(code.splitlines(), 1):
            if BRACKETED.search(line) and not line.lstrip().startswith(("#", "(")) and not line.endswith("\\"):
                self.say(path, number, "sizeof x for an object, sizeof(type) for a type")

    def note_function(self, path, name, start, static):
        if static:
            self.static[name][path] = start
        elif path.endswith(".c") and name != "main":
            self.shared.append((path, start, name))

    def check_banned(self, path, code):
        for number, line in enumerate(code.splitlines(), 1):
            for name in re.findall(r"(?<![\w.>])(\w+)\s*\(", line):
                if name in BANNED:
                    self.say(path, number, f"{name} is banned; use {BANNED[name]}")
                if name in ONLY and not path.startswith((*ONLY[name], *AT_HOME)):
                    self.say(path, number, f"{name} is called by {' and '.join(ONLY[name])}; deferred work is a row of "
                                           "gateway/work.h")

    def check_alarms(self, path, text):
        for call in ALARM.finditer(text):
            message = MESSAGE.match(text, call.end())
            if message and not TO_DO.search(message.group(1)):
                self.say(path, text.count("\n", 0, call.start()) + 1,
                         "a warning or an error says what to do about it; what nobody has to act on is info")

    def check_includes(self, path, text):
        room = path.split("/")[0]
        for number, line in enumerate(text.splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if found:
                self.check_include(path, number, room, found.group(1) == "<", found.group(2))

    def check_include(self, path, number, room, system, name):
        if system:
            for pattern, places in BORDERS.items():
                if re.fullmatch(pattern, name) and not path.startswith(places):
                    self.say(path, number, f"<{name}> is included only in {', '.join(places)}")
            return
        target = name.split("/")[0]
        if target in ROOMS and target not in ROOMS.get(room, ()):
            self.say(path, number, f'{room}/ may not include "{name}": arrows go gateway -> acme -> store, '
                                   "gateway -> sectigo")
        self.check_arrow(path, number, name)
        if name.startswith(("sectigo/sandbox/", "sectigo/cli/")) and not path.startswith(os.path.dirname(name)):
            self.say(path, number, f'"{name}" belongs to a program of its own')

    def check_arrow(self, path, number, name):
        """Inside gateway/: what nobody may include, and what this room may not."""
        room, other = inner_room(path), inner_room(name)
        if other is None or room is None or room == other:
            return
        if UNKNOWN in (room, other):
            self.say(path, number, "stands in no room of INNER in tests/lint/lint.py, or includes from none")
        elif other == TOP:
            self.say(path, number, f'"{name}" is the top of gateway/, which nobody includes')
        elif room != TOP and other not in (*GROUND, *INNER[room]):
            self.say(path, number, f'gateway/{room} may not include "{name}": see INNER in tests/lint/lint.py')

    # ---- Python ----

    def check_python(self, path, text):
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                branches = sum(isinstance(n, PYTHON_BRANCHES) for n in ast.walk(node))
                branches += sum(len(n.values) - 1 for n in ast.walk(node) if isinstance(n, ast.BoolOp))
                above = max(node.lineno - 3, 0)
                self.check_size(path, node.name, node.lineno, node.end_lineno, 1 + branches,
                                "\n".join(lines[above:node.end_lineno]))

    # ---- the whole tree ----

    def check_rooms(self):
        for room in (*ROOMS, "tests", "deploy"):
            folder = os.path.join(self.root, room)
            if os.path.isdir(folder) and not os.path.exists(os.path.join(folder, "README.md")):
                self.say(room, 1, "has no README.md that says what lives here")

    def check_shared(self):
        """A function that other files may call is called by one of them, or by its own file and a unit test."""
        for path, line, name in self.shared:
            users = [user for user, words in self.words.items() if user != path and name in words
                     and (user.endswith(".c") or words[name] > 1)]  # in a header by a macro, beside the prototype
            if any(not user.startswith("tests/") for user in users):
                continue
            tested = any(name in words for user, words in self.words.items() if user.startswith("tests/"))
            if self.words[path][name] < 2:
                self.say(path, line, f"no program calls {name}" + (", only tests do" if tested else ""))
            elif not tested:
                self.say(path, line, f"no other file calls {name}: static")

    def check_names(self):
        for name, paths in self.static.items():
            if len(paths) > NAME_FILES and not name.isupper():  # STACK_OF(X509) is a type
                path = min(paths)
                self.say(path, paths[path], f"{name} is a function of {len(paths)} files, at most {NAME_FILES}; give it its "
                                      f"noun: {', '.join(sorted(paths))}")

    def check_lengths(self):
        if len(self.lengths) < 20:
            return
        median = statistics.median(self.lengths)
        nine_in_ten = statistics.quantiles(self.lengths, n=10)[-1]
        print(f"{len(self.lengths)} functions, median {median:g} lines, nine in ten at most {nine_in_ten:g}")
        if median > MEDIAN_LINES:
            self.say(".", 0, f"the median function has {median:g} lines; at most {MEDIAN_LINES}")
        if nine_in_ten > NINE_IN_TEN_LINES:
            self.say(".", 0, f"one function in ten is longer than {nine_in_ten:g} lines; at most {NINE_IN_TEN_LINES}")

    def run(self):
        for path in sources(self.root):
            self.check_file(path)
        self.check_rooms()
        self.check_shared()
        self.check_names()
        self.check_lengths()
        print("\n".join(self.findings) or "lint: nothing found")
        return 1 if self.findings else 0


def inner_room(path):
    """The room of INNER that a file inside gateway/ belongs to, or TOP, or UNKNOWN; None outside."""
    if not path.startswith("gateway/"):
        return None
    name = path.removeprefix("gateway/")
    top = TOP if "/" not in name or name == "issue/issuer.c" else UNKNOWN
    return next((room for room in (name, name.rsplit(".", 1)[0], os.path.dirname(name)) if room in INNER), top)


def blank(match):
    """The same lines without what they say."""
    return re.sub(r"[^\n]", " ", match.group())


def functions_of(path):
    """(name, first line, last line, whether it is static) of each function, in order, as ctags sees them."""
    out = subprocess.run(["ctags", "-f", "-", "-u", "--languages=C", "--map-C=+.h", "--kinds-C=f", "--fields=nef",
                          "--excmd=number", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = []
    for line in out.splitlines():
        match = re.match(r"(\S+)\t.*\tline:(\d+)(?:\t.*)?\tend:(\d+)", line)
        if match:
            found.append((match.group(1), int(match.group(2)), int(match.group(3)), "\tfile:" in line))
    return sorted(found, key=lambda f: f[1])


def sources(root):
    """What we wrote: C, Python, shell and CMake below the rooms, without build folders."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "build", "__pycache__", "corpus")))
        for name in sorted(files):
            if name.endswith((".c", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt")):
                yield os.path.relpath(os.path.join(folder, name), root)


if __name__ == "__main__":
    sys.exit(Lint(os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ".")).run())
