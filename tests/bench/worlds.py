"""Worlds to measure in: those of tests/e2e, without what a test needs and a measurement does not."""

import json
import os
import re
import subprocess

from dns_server import ZONE
from process import Process, clean_environment
from world import World, log_of, program

# Of what acmebench prints.
ROWS = {
    "cpu": r"^server: ([\d.]+) ms CPU per order",
    "orders/s": r": ([\d.]+) orders/s$",
    "p50": r"^not held, all +\d+ +([\d.]+)",
    "p99": r"^not held, all +\d+ +[\d.]+ +([\d.]+)",
    "wait p50": r"^client wait +\d+ +([\d.]+)",
    "wait p99": r"^client wait +\d+ +[\d.]+ +([\d.]+)",
    "late p99": r"^begun late +\d+ +[\d.]+ +([\d.]+)",
}
CREDIT_CENTS = 10 ** 11  # so that no number of orders uses it up


class Watched(World):
    """Its gateway runs under a tool: what stands before its command line."""

    def __init__(self, folder, tool, **options):
        self.tool = tool
        super().__init__(folder, **options)

    def start_gateway(self, stop_at=None, wait=True):
        argv = [*self.tool, program("acmegate"), "--config", self.path("acmegate.yaml")]
        self.gateway = Process("acmegate", argv, self.folder, clean_environment())
        self.gateway.wait_line(lambda line: log_of(line).get("msg") == "ready", 120)


def bench_world(folder, change=None, tool=(), **options):
    """A world as an operator would run it: log at info, threads by the machine's cores, a map with room. change: as World's."""
    def adapt(config):
        config["log"] = "info"
        config["acme"].pop("threads")
        config["store"]["map_size"] = "8GiB"
        if change:
            change(config)

    world = Watched(folder, tool, change=adapt, **options)
    world.set_settings(creditCents=CREDIT_CENTS)
    return world


def make_orders(world, build, count, *more):
    """What acmebench prints of so many orders, of which more says the rest."""
    argv = [os.path.join(build, "bench", "acmebench"), "--directory", world.directory, "--ca", world.pki.ca,
            "--domain", "acme.example", "--http01-port", str(world.ports["http01"]), "--orders", str(count), *more]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise SystemExit(f"acmebench failed:\n{done.stdout}\n{world.gateway.tail(20)}")
    return done.stdout


def rows_of(text):
    """{row: number} of what acmebench has printed."""
    found = {row: re.search(pattern, text, re.M) for row, pattern in ROWS.items()}
    return {row: float(match[1]) for row, match in found.items() if match}


def ctl(world, *words):
    done = subprocess.run([program("acmegatectl"), "--socket", world.path("admin.sock"), "--json", *words], text=True,
                          env=clean_environment(), timeout=60, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def make_policy(world, name, *members):
    ctl(world, "policy", "create", name, f"names=.{ZONE}", *members)


def external_key(world, policy):
    """acmebench's options for accounts of this policy."""
    key = ctl(world, "eab", "create", policy)
    path = world.path(key["id"] + ".key")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(key["hmac_key"] + "\n")
    return ["--eab-kid", key["id"], "--eab-key", path]


def speed():
    done = subprocess.run(["openssl", "speed", "-seconds", "1", "ecdsap256"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    return f"{done.stdout.split()[-1]} P-256 verifications a second, load {os.getloadavg()[0]:.1f}"
