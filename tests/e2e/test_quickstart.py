"""deploy/quickstart: every one of several begun in the same moment gets its certificate."""

import os
import re
import subprocess

from process import clean_environment
from world import BUILD, HERE

COMMAND = [os.path.join(HERE, "..", "..", "deploy", "quickstart"), "--build", os.path.abspath(BUILD)]
AT_ONCE = 4


def test_several_at_once():
    runs = [subprocess.Popen(COMMAND, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True) for _ in range(AT_ONCE)]
    ports, worlds = [], []
    outputs = [run.communicate(timeout=300)[0] for run in runs]
    for run, output in zip(runs, outputs):
        assert run.returncode == 0 and "pem: OK" in output, output
        ports += re.findall(r"on port (\d+)|--http-01-port (\d+)", output)
        worlds += re.findall(r"^path: +(\S+)$", output, re.MULTILINE)
    assert len(ports) == len(set(ports)) == 5 * AT_ONCE
    assert len(worlds) == len(set(worlds)) == AT_ONCE
