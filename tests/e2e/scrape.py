"""What a metrics listener says, read as Prometheus reads it."""

import re
import subprocess

import requests

from process import clean_environment
from world import program

SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="([^"]*)"')


class Scrape:
    """One reading: .text, .families (name to type), .samples (list of name, labels, value)."""

    def __init__(self, text):
        self.text, self.families, self.samples = text, {}, []
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.families[name] = kind
            elif not line.startswith("#"):
                name, labels, value = SAMPLE.fullmatch(line).groups()
                self.samples.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def value(self, name, **labels):
        """The sum of the samples that have these labels; None where there are none."""
        found = [value for sample, has, value in self.samples if sample == name and labels.items() <= has.items()]
        return sum(found) if found else None

    def state(self, family):
        """All samples of a family, to be compared with those of another reading."""
        names = {family, family + "_count"} if self.families[family] == "histogram" else {family}
        return tuple((tuple(sorted(has.items())), value) for name, has, value in self.samples if name in names)


def scrape(url, **more):
    session = requests.Session()
    session.trust_env = False
    answer = session.get(url + "/metrics", timeout=30, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Scrape(answer.text)


def manual():
    """What acmegate --list-metrics prints: the manual's table."""
    return subprocess.run([program("acmegate"), "--list-metrics"], check=True, text=True, env=clean_environment(),
                          stdout=subprocess.PIPE).stdout


def names_of(table):
    """Name to type, of the manual's table."""
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", table, re.M))
