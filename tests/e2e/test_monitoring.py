"""deploy/monitoring as Prometheus and Grafana read it: promtool's own checks, and no name that nobody exports."""

import json
import os
import re
import subprocess

import yaml

from process import TESTS, clean_environment
from scrape import manual, names_of

HERE = os.path.abspath(os.path.join(TESTS, "..", "deploy", "monitoring"))


def _promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], cwd=HERE, text=True, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, env=clean_environment())
    assert done.returncode == 0, done.stdout
    return done.stdout


def _alerts():
    with open(os.path.join(HERE, "alerts.yaml"), encoding="utf-8") as file:
        return [rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]]


def _dashboard():
    with open(os.path.join(HERE, "dashboard.json"), encoding="utf-8") as file:
        return json.load(file)


def _expressions():
    shown = [target["expr"] for panel in _dashboard()["panels"] for target in panel.get("targets", [])]
    return [rule["expr"] for rule in _alerts()] + [expr.replace("$instance", ".*") for expr in shown]


def test_rules_are_good():
    assert f"{len(_alerts())} rules found" in _promtool("check", "rules", "alerts.yaml")


def test_each_alert_fires_and_is_silent():
    with open(os.path.join(HERE, "alerts.test.yaml"), encoding="utf-8") as file:
        names = [test["name"] for test in yaml.safe_load(file)["tests"]]
    wanted = {f"{rule['alert']} {what}" for rule in _alerts() for what in ("fires", "is silent")}
    assert set(names) == wanted and len(names) == len(wanted)
    assert "SUCCESS" in _promtool("test", "rules", "alerts.test.yaml")


def test_every_alert_says_what_to_do():
    for rule in _alerts():
        assert rule["annotations"]["summary"] and rule["annotations"]["description"], rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]


def test_every_metric_that_is_named_exists():
    known = names_of(manual())
    exported = set(known) | {name + end for name, kind in known.items() if kind == "histogram"
                             for end in ("_bucket", "_sum", "_count")}
    named = {name for expr in _expressions() for name in re.findall(r"\b(?:acmegate|process)_\w+", expr)}
    assert named <= exported, named - exported
    # and the other way round: what is exported is shown
    assert set(known) <= {re.sub("_(bucket|sum|count)$", "", name) for name in named} | named


def test_every_expression_of_the_dashboard_parses(tmp_path):
    rules = [{"record": f"panel:{i}", "expr": expr} for i, expr in enumerate(_expressions())]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in _promtool("check", "rules", str(file))


def test_panels_have_a_place_of_their_own():
    taken = set()
    for panel in _dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


