#!/usr/bin/python3
"""docs.py [ROOT]: what is written for people: the words one looks for, lines that fit, links and paths that lead somewhere,
a changelog that fits the version.

Prints FILE:LINE: what is wrong, and ends with 1 where anything is.
"""

import os
import re
import shutil
import subprocess
import sys

WIDTH = 120  # of a line of Markdown; the rows of tables and what is quoted as code cannot be broken
HEAD = 12    # lines in which a file says what it is
FOUND_MAX = 4

# What a newcomer looks for, and the file that does it. Its head has the word, and few others' have: one search, one hop.
SEARCHES = {
    "external account binding (EAB)": "acme/binding.c",
    "rate limit": "acme/limiter.h",
    "CAA record": "gateway/dcv/caa.h",
    "Retry-After": "acme/durations.h",
    "order expiry": "acme/order.h",
    "renewal information (ARI)": "acme/renewal_info.c",
    "anti-replay nonce": "acme/nonce.h",
    "domain control validation (DCV)": "gateway/dcv/choice.h",
    "push notification": "gateway/issue/life/push.c",
    "revocation request": "acme/revoke.c",
    "key rollover": "acme/key_change.c",
    "pre-authorization": "acme/new_authz.c",
    "spending limit": "gateway/issue/money/guard.h",
    "circuit breaker": "gateway/issue/upstream/breaker.h",
    "trust anchors": "gateway/issue/upstream/accept.h",
    "DNSSEC": "gateway/egress/dns.c",
    "TSIG": "gateway/dcv/update.h",
    "group commit": "store/writer.c",
    "quota": "acme/policy_names.c",
}

# Pages whose every `path/like/this` has to be there.
GUIDES = (".github/CONTRIBUTING.md", ".github/SECURITY.md")
CHANGELOG = "deploy/CHANGELOG.md"
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)+/?)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def files_of(root):
    """What is kept in git, or lies there where there is none, or no git."""
    if shutil.which("git"):
        done = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True,
                              check=False)
        if done.returncode == 0:
            return [path for path in done.stdout.splitlines() if os.path.exists(os.path.join(root, path))]
    return [os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names
            if "/build" not in folder]


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def head_of(text):
    """The first comment, without its line ends and stars."""
    text = "\n".join(text.splitlines()[:HEAD])
    found = re.match(r"/\*(.*?)(?:\*/|$)", text, re.S)
    return re.sub(r"\s*\n\s*\*?\s*", " ", found.group(1)) if found else ""


def check_searches(root, files, say):
    heads = {path: head_of(read(root, path)).lower() for path in files
             if path.endswith((".c", ".h")) and not path.startswith("tests/")}
    for word, path in SEARCHES.items():
        found = sorted(file for file, head in heads.items() if word.lower() in head)
        if path not in found:
            say(path, 1, f'its head does not say "{word}", which one looks for')
        elif len(found) > FOUND_MAX:
            say(path, 1, f'"{word}" stands at the head of {len(found)} files, too: {", ".join(found)}')


def prose_of(text):
    """(number, line) outside of code and tables."""
    quoted = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            quoted = not quoted
        elif not quoted and not line.startswith(("|", "    ")):
            yield number, line


def anchors_of(text):
    return {re.sub(r"[^\w -]", "", line.lstrip("#").strip().lower()).replace(" ", "-") for _, line in prose_of(text)
            if line.startswith("#")}


def check_link(root, path, number, target, say):
    if re.match(r"[a-z]+:", target):
        return
    name, _, anchor = target.partition("#")
    there = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
    if not os.path.exists(os.path.join(root, there)):
        say(path, number, f"{target} leads nowhere")
    elif anchor and there.endswith(".md") and anchor not in anchors_of(read(root, there)):
        say(path, number, f"{there} has no heading #{anchor}")


def check_page(root, path, say):
    text = read(root, path)
    for number, line in prose_of(text):
        if len(line) > WIDTH:
            say(path, number, f"{len(line)} characters; at most {WIDTH}")
    for number, line in enumerate(text.splitlines(), 1):
        for target in LINK.findall(line):
            check_link(root, path, number, target, say)
        for name in PATH.findall(line) if path in GUIDES else ():
            if not os.path.exists(os.path.join(root, name)):
                say(path, number, f"there is no {name}")


def check_changelog(text, version, say):
    """What is not released stands first, then each version with its day, down from the one that is built."""
    before = None
    for number, line in enumerate(text.splitlines(), 1):
        released = re.fullmatch(r"## \[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d", line)
        if line.startswith("### ") and line[4:] not in KINDS:
            say(CHANGELOG, number, f"{line[4:]} is none of {', '.join(KINDS)}")
        elif released:
            this = tuple(map(int, released.groups()))
            if this > version or (before and this >= before):
                say(CHANGELOG, number, "it is newer than the version that is built, or than the one above")
            before = this
        elif line.startswith("## ") and (line != "## [Unreleased]" or before):
            say(CHANGELOG, number, "neither a version with its day nor [Unreleased], which stands first")


def version_of(root):
    found = re.search(r"^project\(\w+ VERSION (\d+)\.(\d+)\.(\d+)", read(root, "CMakeLists.txt"), re.M)
    return tuple(map(int, found.groups()))


def main(root):
    findings, files = [], files_of(root)

    def say(path, line, what):
        findings.append(f"{path}:{line}: {what}")

    check_searches(root, files, say)
    for path in files:
        if path.endswith(".md"):
            check_page(root, path, say)
    if CHANGELOG in files:
        check_changelog(read(root, CHANGELOG), version_of(root), say)
    print("\n".join(findings) or f"{len(SEARCHES)} searches, nothing found")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ".")))
