#!/usr/bin/python3 -B
"""under_unit.py COMMAND...: runs it with what deploy/acmegate.service leaves it: system calls, and one capability.

Of the system calls those are left that the unit's SystemCallFilter lines leave, by the sets of this machine's systemd."""

import ctypes
import errno
import os
import re
import subprocess
import sys

UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "acmegate.service")
ALLOW, REFUSE = 0x7fff0000, 0x00050000 | errno.EPERM  # of seccomp.h
UNKNOWN = -1
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, NET_BIND_SERVICE, CAPABILITIES = 38, 24, 10, 64


def names_of(group):
    """The system calls of a set; a name alone is itself."""
    if not group.startswith("@"):
        return {group}
    text = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", group], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    words = re.findall(r"^ +(@?\w[\w-]*)$", text, re.M)
    return set().union(*(names_of(word) for word in words))


def left():
    """As systemd.exec(5): the first line says that what is named is allowed, those after it take and give."""
    allowed = set(names_of("@default"))
    with open(UNIT, encoding="utf-8") as file:
        for take, words in re.findall(r"^SystemCallFilter=(~?)(.*)$", file.read(), re.M):
            named = set().union(*(names_of(word) for word in words.split()))
            allowed = allowed - named if take else allowed | named
    return allowed


def main(argv):
    allowed = left()
    libc, seccomp = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    for capability in range(CAPABILITIES):
        if capability != NET_BIND_SERVICE:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    context = ctypes.c_void_p(seccomp.seccomp_init(REFUSE))
    for name in allowed:
        call = seccomp.seccomp_syscall_resolve_name(name.encode())
        if call != UNKNOWN:
            seccomp.seccomp_rule_add(context, ALLOW, call, 0)
    if seccomp.seccomp_load(context) != 0:
        raise SystemExit("the unit's filter cannot be put in place")
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1:])
