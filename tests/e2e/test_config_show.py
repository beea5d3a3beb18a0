"""The configuration in force, and what the file has otherwise: acmegatectl config show and config diff."""

import yaml

from test_ctl import ctl, ctl_json
from world import PASSWORD, PUSH_PASSWORD


def test_show_and_diff(make_world):
    """Defaults are shown; of a secret its file; a key that only a restart can change is compared as well."""
    world = make_world()
    shown = {row["key"]: row["value"] for row in ctl_json(world, "config", "show")["items"]}
    assert shown["acme.url"] == world.acme_url and shown["acme.identifiers_max"] == "100"
    assert shown["logins[main].password_file"] == world.path("login-password")
    assert shown["public.push.password_file"] == world.path("push-password")
    text = ctl(world, "config", "show").stdout
    assert PASSWORD not in text and PUSH_PASSWORD not in text
    assert ctl_json(world, "config", "diff")["items"] == []
    with open(world.path("acmegate.yaml"), encoding="utf-8") as file:
        config = yaml.safe_load(file)
    config["logins"][0]["low_credit"] = "7.00"
    config["instance"] = "b"
    with open(world.path("acmegate.yaml"), "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, sort_keys=False)
    rows = {row["key"]: row for row in ctl_json(world, "config", "diff")["items"]}
    assert set(rows) == {"logins[main].low_credit", "instance"}
    assert (rows["logins[main].low_credit"]["was"], rows["logins[main].low_credit"]["is"]) == ("0.00", "7.00")
    assert rows["instance"]["restart"] and not rows["logins[main].low_credit"]["restart"]
