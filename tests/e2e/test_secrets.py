"""Every kind of file that holds a secret: where others than its owner and group can read or write it, nothing starts."""

import os
import re
import subprocess

import pytest

from process import run
from test_check_config import (_all, _check, _edited, _listener, _login_by_certificate, _named_line, _pair, _set, _zone,
                               LOGIN)
from world import log_of, program

SECRET = "c2VjcmV0IG9mIGFsbA"


def _secret(files):
    return files.write("secret", SECRET + "\n")


def _target(**more):
    return _set("notify", lambda files: {"targets": [{"name": "chat", **{
        kind: {key: _secret(files) if key.endswith("_file") else value for key, value in keys.items()}
        for kind, keys in more.items()}}]})


def _own_file(config, gateway):
    """Key and certificate in one file, as the gateway itself writes them."""
    pem = "".join(open(path, encoding="utf-8").read() for path in (gateway.pki.key, gateway.pki.certificate))
    config["acme"]["tls"] = {"own": {"file": gateway.files.write("own.pem", pem), "policy": "gateway"}}


def _key_file(config, gateway):
    path = config["store"].get("key_file") or config["store"]["path"] + ".key"
    with open(path, "rb") as file:
        config["store"]["key_file"] = gateway.files.write("seal.key", file.read())
    with open(path + ".store", "rb") as file:
        gateway.files.write("seal.key.store", file.read())


def _own_pair(listener):
    return _pair(listener, lambda files: files.certificate("pair.pem"), lambda files: files.private_key("pair-key.pem"))


# By key: how the configuration comes to name a file of the test's own there.
KINDS = {
    "store.key_file": _key_file,
    "acme.tls.key": _own_pair("acme"),
    "acme.tls.own.file": _own_file,
    "public.tls.key": _own_pair("public"),
    "public.push.password_file": _set("public", "push", "password_file", _secret),
    "metrics.tls.key": _listener("metrics"),
    "admin.tls.key": _listener("admin"),
    "dcv.zones[1].tsig_secret_file": _zone(server="127.0.0.1", tsig_name="a"),
    "notify.targets[1].webhook.url_file": _all(
        _target(webhook={"url_file": ""}), _set("notify", "targets", 0, "webhook", "url_file",
                                                lambda files: files.write("url", "https://127.0.0.1:1/x\n"))),
    "notify.targets[1].webhook.signing_key_file": _target(
        webhook={"url": "https://127.0.0.1:1/", "signing_key_file": ""}),
    "notify.targets[1].mail.password_file": _target(
        mail={"server": "127.0.0.1:1", "from": "a@acme.example", "to": ["b@acme.example"], "user": "a",
              "password_file": ""}),
    "logins[1].password_file": _set(*LOGIN, "password_file", _secret),
    "logins[1].client_key": _login_by_certificate(lambda files: files.certificate("client.pem"),
                                                  lambda files: files.private_key("client-key.pem")),
}


def test_every_kind_is_here():
    """A key that is new and names a secret is looked at, too."""
    keys = subprocess.run([program("config-keys")], check=True, text=True, stdout=subprocess.PIPE).stdout
    secret = {row.split("\t")[0] for row in keys.splitlines()
              if "the secret" in row or "seals secrets" in row or re.search(r"and its key|^[a-z_.\[\]]*key\ta file", row)}
    assert secret == {re.sub(r"\[\d+\]", "[]", kind) for kind in KINDS}


def _named_file(config, key):
    place = config
    for name in re.findall(r"[a-z_]+|\d+", key):
        place = place[int(name) - 1 if name.isdigit() else name]
    return place


@pytest.mark.parametrize("mode", (0o604, 0o642), ids=oct)
@pytest.mark.parametrize("key", KINDS)
def test_others_may_not_read_it(stopped, key, mode):
    named = []
    path = _edited(stopped, _all(KINDS[key], lambda config, gateway: named.append(_named_file(config, key))))
    good = _check(stopped, path)
    assert good.returncode == 0, good.stderr
    os.chmod(named[0], mode)
    sentence, = _check(stopped, path).stderr.splitlines()
    assert named[0] in sentence and "chmod" in sentence, sentence
    _named_line(path, sentence, key)
    started = run([program("acmegate"), "--config", path], stopped.folder)
    assert started.returncode == 1, started.output
    assert log_of(started.output.splitlines()[-1]).get("reason") == sentence, started.output


def test_a_group_may_read_it(stopped):
    """As the packages install them: root:acmegate 0640."""
    path = _edited(stopped, lambda config, _: os.chmod(config["logins"][0]["password_file"], 0o640))
    assert _check(stopped, path).returncode == 0
