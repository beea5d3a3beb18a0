"""The mistakes that people make in a configuration, and in what it names: --check-config and the start say the same
sentence about each, with file, line and key. Nothing is started in vain, and nothing that cannot work is called ok."""

import copy
import os
import re
import shutil
import socket
import subprocess

import pytest
import yaml

from engines import cases
from mistakes import Files
from process import clean_environment, run
from world import IN_MEMORY, log_of, program


def _pair(listener, certificate=None, key=None):
    """Edits a listener's TLS files; what is not given stays as it is."""
    def edit(config, world):
        tls = config[listener].setdefault("tls", {"certificate": world.pki.certificate, "key": world.pki.key})
        if certificate:
            tls["certificate"] = certificate(world.files)
        if key:
            tls["key"] = key(world.files)
    return edit


def _set(*path_and_value):
    """Sets what stands at that path; a function is called with the world's files first. None removes."""
    *path, last, value = path_and_value

    def edit(config, world):
        place = config
        for key in path:
            place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
        given = value(world.files) if callable(value) else value
        if given is None:
            del place[last]
        else:
            place[last] = given
    return edit


def _all(*edits):
    def edit(config, world):
        for one in edits:
            one(config, world)
    return edit


def _listen_at(listener, address):
    def edit(config, world):
        config[listener]["listen"] = [address.format(**world.ports)]
    return edit


def _listener(name, key=None, **more):
    """One of those that are off by default, with TLS: with its own key where no other is given."""
    def edit(config, world):
        files = world.files
        config.setdefault(name, {}).update(listen=["127.0.0.1:0"], **more, tls={
            "certificate": files.certificate("own.pem"), "key": (key or (lambda f: f.private_key()))(files)})
    return edit


PROXY = {"user_header": "X-User", "role_header": "X-Role"}


def _login_by_certificate(certificate, key):
    def edit(config, world):
        login = config["logins"][0]
        del login["login"], login["password_file"]
        login["client_certificate"], login["client_key"] = certificate(world.files), key(world.files)
    return edit


def _zone(secret="c2VjcmV0IG9mIHRoZSB6b25l", **zone):
    """With a secret in tsig_secret_file where the zone has a tsig_name."""
    def zones(files):
        key = {"tsig_secret_file": files.write("tsig", secret + "\n")} if "tsig_name" in zone else {}
        return [{"zone": "example.org", **zone, **key}]
    return _set("dcv", "zones", zones)


def _key_inside_the_store(config, world):
    config["store"]["key_file"] = config["store"]["path"] + "/key"
    shutil.copy(config["store"]["path"] + ".key", config["store"]["key_file"])


def _socket_of_another(files):
    path = os.path.join(files.folder, "another.sock")
    if not os.path.exists(path):
        files.other = socket.socket(socket.AF_UNIX)
        files.other.bind(path)
        files.other.listen(1)
    return path


LOGIN, PROFILE = ("logins", 0), ("profiles", 0)
TLS_CERTIFICATE, TLS_KEY = "acme.tls.certificate", "acme.tls.key"

# What is done to a configuration that works, the key that is to be named, and words of the sentence.
ERRORS = {
    "a key is misspelt": (_set("acme", "lisen", ["127.0.0.1:1"]), "acme.lisen", "unknown key"),
    "no unit": (_set("acme", "hold_finalize", "20"), "acme.hold_finalize", "20s"),
    "a number that is none": (_set("acme", "threads", "four"), "acme.threads", "whole number"),
    "http": (_set("acme", "url", "http://127.0.0.1:1"), "acme.url", "https://"),
    "a final slash": (_set("acme", "url", "https://127.0.0.1:1/"), "acme.url", "final slash"),
    "a name to listen on": (_set("acme", "listen", ["localhost:443"]), "acme.listen[1]", "0.0.0.0:443"),
    "no port to listen on": (_set("acme", "listen", ["127.0.0.1"]), "acme.listen[1]", "address and port"),
    "a port too high": (_set("public", "listen", ["127.0.0.1:80800"]), "public.listen[1]", "address and port"),
    "no TLS": (_set("acme", "tls", None), "acme.tls", "is missing"),
    "yes for true": (_set(*LOGIN, "test", "yes"), "logins[1].test", "true, false"),
    "a secret in the file": (_set(*LOGIN, "password", "secret"), "logins[1].password", "password_file"),
    "no folder for backups": (_set("backup", {"folder": "/nonexistent/backups"}), "backup.folder", "No such file"),
    "backups in the store": (lambda config, world: config.update(backup={"folder": config["store"]["path"] + "/b"}),
                             "backup.folder", "inside store.path"),
    "no folder for the audit": (_set("housekeeping", {"audit_export": "/nonexistent/audit"}),
                                "housekeeping.audit_export", "No such file"),
    "an absent secret": (_set(*LOGIN, "password_file", "/nonexistent/p"), "logins[1].password_file", "No such file"),
    "an empty secret": (_set(*LOGIN, "password_file", lambda f: f.write("empty", "\n")), "logins[1].password_file",
                        "does not begin with a line"),
    "a byte order mark": (_set(*LOGIN, "password_file", lambda f: f.write("bom", "\ufeffcorrect horse\n")),
                          "logins[1].password_file", "byte order mark"),
    "a blank behind the secret": (_set(*LOGIN, "password_file", lambda f: f.write("blank", "correct horse \n")),
                                  "logins[1].password_file", "blank"),
    "a blank before a push secret": (_set("public", "push", "password_file", lambda f: f.write("tab", "\tstaple\n")),
                                     "public.push.password_file", "blank"),
    "a folder for a secret": (_set(*LOGIN, "password_file", "/tmp"), "logins[1].password_file", "regular file"),
    "no secret": (_set(*LOGIN, "password_file", None), "logins[1]", "needs a password_file"),
    "a password of nobody": (_set(*LOGIN, "login", None), "logins[1]", "login name"),
    "push with half of its credentials": (_set("public", "push", "user", None), "public.push", "both user and"),
    "push where domain control is": (_set("public", "push", "path", "/.well-known/pki-validation/push"),
                                     "public.push.path", "another path"),
    "a push prefix that is none": (_set("public", "push", "allow", ["91.199.212.132/33"]), "public.push.allow[1]",
                                   "prefix"),
    "the key of another certificate": (_pair("acme", key=lambda f: f.other_key()), TLS_KEY, "not the key of"),
    "the same of the public listener": (_pair("public", key=lambda f: f.other_key()), "public.tls.key",
                                        "not the key of"),
    "the same of the metrics listener": (_listener("metrics", lambda f: f.other_key()), "metrics.tls.key",
                                         "not the key of"),
    "the same of admin.listen": (_listener("admin", lambda f: f.other_key()), "admin.tls.key", "not the key of"),
    "operators without TLS": (_set("admin", "listen", ["127.0.0.1:0"]), "admin.listen", "needs admin.tls"),
    "TLS for no operators": (_all(_listener("admin"), _set("admin", "listen", None)), "admin.tls", "no use without"),
    "proxies for no operators": (_set("admin", "trusted_proxies", ["127.0.0.1"]), "admin.trusted_proxies",
                                 "no use without"),
    "anybody says who he is": (_listener("admin", proxy=PROXY), "admin.proxy", "needs admin.trusted_proxies"),
    "one field for user and role": (
        _listener("admin", trusted_proxies=["127.0.0.1"], proxy={"user_header": "X-User", "role_header": "x-user"}),
        "admin.proxy.role_header", "user_header already"),
    "a role of nobody": (_listener("admin", trusted_proxies=["127.0.0.1"], proxy={"role_header": "X-Role"}),
                         "admin.proxy.user_header", "is missing"),
    "a field that is taken": (
        _listener("admin", trusted_proxies=["127.0.0.1"], proxy={"user_header": "Cookie"}), "admin.proxy.user_header",
        "header field"),
    "a field that is none": (
        _listener("admin", trusted_proxies=["127.0.0.1"], proxy={"user_header": "X User"}), "admin.proxy.user_header",
        "header field"),
    "operators where clients are": (
        _all(_listener("admin"), _listen_at("admin", "127.0.0.1:{acme}")), "admin.listen[1]", "taken by acme.listen[1]"),
    "operators at a port in use": (_all(_listener("admin"), _listen_at("admin", "127.0.0.1:{sandbox}")),
                                   "admin.listen[1]", "in use by another process"),
    "a certificate that has expired": (
        _pair("acme", lambda f: f.certificate("old.pem", days=(-9, -1)), lambda f: f.private_key()), TLS_CERTIFICATE,
        "has expired"),
    "a certificate of next year": (
        _pair("acme", lambda f: f.certificate("next.pem", days=(300, 400)), lambda f: f.private_key()),
        TLS_CERTIFICATE, "not valid yet"),
    "an expired public certificate": (
        _pair("public", lambda f: f.certificate("old.pem", days=(-9, -1)), lambda f: f.private_key()),
        "public.tls.certificate", "has expired"),
    "key and certificate swapped": (
        _pair("acme", lambda f: f.private_key(), lambda f: f.certificate("swapped.pem")), TLS_CERTIFICATE,
        "PEM certificate"),
    "a certificate in DER": (
        _pair("acme", lambda f: f.write("der", b"\x30\x82\x01\x02")),
        TLS_CERTIFICATE, "PEM certificate"),
    "a key that is none": (_pair("acme", key=lambda f: f.write("garbage", "garbage\n")), TLS_KEY, "PEM private key"),
    "a key with a passphrase": (
        _pair("acme", lambda f: f.certificate("own.pem"), lambda f: f.private_key("locked.pem", b"secret")), TLS_KEY,
        "passphrase"),
    "an address twice": (_set("acme", "listen", ["127.0.0.1:0", "127.0.0.1:7", "127.0.0.1:7"]), "acme.listen[3]",
                         "taken by acme.listen[2]"),
    "one address for two listeners": (_listen_at("public", "127.0.0.1:{acme}"), "public.listen[1]",
                                      "taken by acme.listen[1]"),
    "all addresses and one of them": (_listen_at("public", "0.0.0.0:{acme}"), "public.listen[1]",
                                      "taken by acme.listen[1]"),
    "a port in use": (_listen_at("public", "127.0.0.1:{sandbox}"), "public.listen[1]", "in use by another process"),
    "an address of another machine": (_set("public", "listen", ["192.0.2.1:80"]), "public.listen[1]",
                                      "no address of this machine"),
    "anchors that are garbage": (_set(*LOGIN, "trust_anchors", lambda f: f.write("garbage", "garbage\n")),
                                 "logins[1].trust_anchors", "no certificate can be read"),
    "anchors that are no CA's": (_set(*LOGIN, "trust_anchors", lambda f: f.certificate("leaf.pem")),
                                 "logins[1].trust_anchors", "no CA's"),
    "anchors that have all expired": (
        _set(*LOGIN, "trust_anchors", lambda f: f.certificate("old-ca.pem", days=(-9, -1), is_ca=True)),
        "logins[1].trust_anchors", "no root"),
    "anchors that are a key": (_set(*LOGIN, "trust_anchors", lambda f: f.private_key()), "logins[1].trust_anchors",
                               "no certificate can be read"),
    "a CA file that is garbage": (_set(*LOGIN, "ca_file", lambda f: f.write("garbage", "garbage\n")),
                                  "logins[1].ca_file", "no certificate can be read"),
    "the key of another client certificate": (
        _login_by_certificate(lambda f: f.certificate("client.pem"), lambda f: f.other_key()), "logins[1].client_key",
        "not the key of"),
    "an expired client certificate": (
        _login_by_certificate(lambda f: f.certificate("old.pem", days=(-9, -1)), lambda f: f.private_key()),
        "logins[1].client_certificate", "has expired"),
    "an API address with its path": (_set(*LOGIN, "url", "https://secure.trust-provider.com/products"),
                                     "logins[1].url", "nothing behind it"),
    "a DNSSEC anchor that is garbage": (
        _set("validation", "trust_anchor", lambda f: f.write("anchor", "not a record at all\n")),
        "validation.trust_anchor", "no DNSSEC trust anchors"),
    "a list of keys that is none": (_set("acme", "keys", "blocked", lambda f: f.write("list", "garbage\n")),
                                    "acme.keys.blocked", "list:1: it is not a digest"),
    "a socket in an absent folder": (_set("admin", "socket", "/nonexistent/admin.sock"), "admin.socket",
                                     "the folder \"/nonexistent\""),
    "a socket where a file is": (_set("admin", "socket", lambda f: f.write("file", "")), "admin.socket", "no socket"),
    "a socket of another program": (_set("admin", "socket", _socket_of_another), "admin.socket", "another process"),
    "a socket's name that is too long": (_set("admin", "socket", "/" + 120 * "s"), "admin.socket", "107"),
    "a relative socket": (_set("admin", "socket", "admin.sock"), "admin.socket", "from /"),
    "a store in an absent folder": (_set("store", "path", "/nonexistent/a/store"), "store.path",
                                    "the folder \"/nonexistent/a\""),
    "a store that is a file": (_set("store", "path", lambda f: f.write("file", "")), "store.path", "no folder"),
    # started in another folder it would be another, empty store: everything would be bought again
    "a relative store": (_set("store", "path", "store"), "store.path", "from /"),
    "a key file in an absent folder": (_set("store", "key_file", "/nonexistent/key"), "store.key_file",
                                       "the folder \"/nonexistent\""),
    "a key file that is none": (_set("store", "key_file", lambda f: f.write("short", "short")), "store.key_file",
                                "32 octets"),
    "a zone that is a public suffix": (
        _zone(zone="co.uk", server="127.0.0.1", tsig_name="a"), "dcv.zones[1]", "public suffix"),
    "a TSIG secret that is none": (_zone("not base64!", server="127.0.0.1", tsig_name="a"),
                                   "dcv.zones[1].tsig_secret_file", "base64"),
    "a zone without its key": (_zone(server="127.0.0.1"), "dcv.zones[1]", "needs tsig_name"),
    "a zone that nobody serves": (_zone(), "dcv.zones[1]", "needs a server"),
    "cname without zones": (_set("dcv", "methods", ["cname"]), "dcv.methods", "no dcv.zones"),
    "a hook that cannot be run": (_set("dcv", "hook", lambda f: {"program": f.write("hook", "#!/bin/sh\n")}),
                                  "dcv.hook.program", "cannot be run"),
    "a resolver by name": (_set("validation", "resolvers", ["dns.example.org"]), "validation.resolvers[1]",
                           "address of a resolver"),
    "a login that is not there": (_set(*PROFILE, "login", "mian"), "profiles[1].login", "not the name of a login"),
    "a product for two years": (_set(*PROFILE, "days", 731), "profiles[1].days", "365"),
    "a wildcard product for one name": (_set(*PROFILE, "products", {"single": 489}), "profiles[1].products.single",
                                        "single"),
    "money without prices": (_set("spending", "amount_per_day", "500"), "profiles[1].prices", "needs a price"),
    "a contact that is none": (_set(*PROFILE, "contact_email", "pki"), "profiles[1].contact_email", "e-mail"),
    "a password that all can read": (
        _set(*LOGIN, "password_file", lambda f: f.write("open", "correct horse\n", 0o644)), "logins[1].password_file",
        "every user"),
    "a TLS key that all can read": (
        _pair("acme", lambda f: f.certificate("own.pem"), lambda f: f.private_key("open.pem", mode=0o644)), TLS_KEY,
        "every user"),
    "the metrics' TLS key that all can read": (
        _listener("metrics", lambda f: f.private_key("open.pem", mode=0o644)), "metrics.tls.key", "every user"),
    "the operators' TLS key that all can read": (
        _listener("admin", lambda f: f.private_key("open.pem", mode=0o644)), "admin.tls.key", "every user"),
    "a client's key that all can read": (
        _login_by_certificate(lambda f: f.certificate("client.pem"), lambda f: f.private_key("open.pem", mode=0o644)),
        "logins[1].client_key", "every user"),
    "a default that is not there": (_set("default_profile", "ov"), "default_profile", "not the name of a profile"),
}

WARNINGS = {
    "a certificate for another host": (
        _pair("acme", lambda f: f.certificate("elsewhere.pem", hosts=("acme.example.org",)),
              lambda f: f.private_key()), TLS_CERTIFICATE, "the host of acme.url"),
    "push without credentials": (
        _all(_set("public", "push", "user", None), _set("public", "push", "password_file", None)), "public.push",
        "no user and password_file"),
    "a store in memory": (_set("store", "path", "/dev/shm/acmegate-never-made"), "store.path", IN_MEMORY),
    "the key inside the store": (_key_inside_the_store, "store.key_file", "inside store.path"),
    "a socket folder that the unit makes": (_set("admin", "socket", "/run/acmegate-never-made/admin.sock"),
                                            "admin.socket", "RuntimeDirectory"),
}


def _edited(world, edit):
    config = copy.deepcopy(world.config())
    edit(config, world)
    path = world.path("mistake.yaml")
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, sort_keys=False)
    return path


def _named_line(path, sentence, key):
    """The line of the file that the sentence names, which must be about that key."""
    found = re.search(re.escape(path) + r":(\d+): " + re.escape(key) + r": ", sentence)
    assert found, f"{path}:LINE: {key}: is expected in:\n{sentence}"
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()[int(found.group(1)) - 1]


def _check(world, path):
    return subprocess.run([program("acmegate"), "--config", path, "--check-config"], cwd=world.folder, text=True,
                          env=clean_environment(), timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


def _warnings(checked):
    """But for those of the tests' own disk and database."""
    return [line for line in checked.stdout.splitlines() if line.startswith("WARNING: ") and IN_MEMORY not in line
            and "WARNING: PostgreSQL: " not in line]


def test_there_are_many():
    assert len(ERRORS) + len(WARNINGS) >= 54


@pytest.mark.parametrize("mistake", cases(ERRORS, [
    "no folder for backups", "backups in the store", "a store in an absent folder", "a store that is a file",
    "a relative store", "a socket of another program"], "its folder with its lock, and its backups"))
def test_what_cannot_work_is_refused(stopped, mistake):
    edit, key, words = ERRORS[mistake]
    path = _edited(stopped, edit)
    checked = _check(stopped, path)
    assert checked.returncode == 1 and ": ok" not in checked.stdout, checked.stdout + checked.stderr
    sentence, = checked.stderr.splitlines()
    assert words in sentence, sentence
    line = _named_line(path, sentence, key)
    # of the key, or of the nearest thing above it that stands there
    names = [re.sub(r"\[\d+\]", "", name) + ":" for name in key.split(".")]
    assert line.strip(" -").startswith(tuple(names)) or ("[" in key and line.strip().startswith("-")), (line, sentence)
    started = run([program("acmegate"), "--config", path], stopped.folder)
    assert started.returncode == 1, started.output
    reasons = [log_of(one).get("reason", one) for one in started.output.splitlines()]
    assert reasons[-1] == sentence, "the start says something else"


@pytest.mark.parametrize("mistake", cases(WARNINGS, ["a store in memory", "the key inside the store"], "its folder"))
def test_what_is_hardly_meant_is_a_warning(stopped, mistake):
    edit, key, words = WARNINGS[mistake]
    path = _edited(stopped, edit)
    checked = _check(stopped, path)
    assert checked.returncode == 0 and f"{path}: ok" in checked.stdout, checked.stdout + checked.stderr
    warnings = _warnings(checked)
    if words == IN_MEMORY:
        warnings = [line for line in checked.stdout.splitlines() if IN_MEMORY in line]
    warning, = warnings
    assert words in warning
    _named_line(path, warning, key)


def test_the_start_says_the_warning_too(stopped):
    edit, key, words = WARNINGS["push without credentials"]
    path = _edited(stopped, edit)
    stopped.write_config()
    os.replace(path, stopped.path("acmegate.yaml"))
    stopped.start_gateway()
    line = stopped.wait_log(lambda one: one.get("level") == "warning" and words in one.get("reason", ""))
    _named_line(stopped.path("acmegate.yaml"), line["reason"], key)
    stopped.stop_gateway()
    stopped.write_config()


def test_nothing_is_said_about_what_is_well(stopped):
    stopped.write_config()
    checked = _check(stopped, stopped.path("acmegate.yaml"))
    assert checked.returncode == 0 and _warnings(checked) == [] and checked.stderr == "", checked
    assert not os.path.exists("/dev/shm/acmegate-never-made")


def test_a_folder_of_weak_keys_is_taken(stopped):
    path = _edited(stopped, _set("acme", "keys", "weak", lambda files: files.folder_named("weak")))
    assert _check(stopped, path).returncode == 0


@pytest.mark.lmdb("the lock in its folder")
def test_beside_the_running_daemon(make_world):
    """Its addresses and its socket are its own: no mistake. What is wrong besides is still found."""
    world = make_world()
    checked = _check(world, world.path("acmegate.yaml"))
    assert checked.returncode == 0 and f"process {world.gateway.pid} runs" in checked.stdout, checked
    world.files = Files(world.folder)
    path = _edited(world, _pair("acme", key=lambda f: f.other_key()))
    assert "not the key of" in _check(world, path).stderr
    second = run([program("acmegate"), "--config", world.path("acmegate.yaml")], world.folder)
    assert second.returncode == 1 and f"process {world.gateway.pid} owns this store" in second.output
    assert "store.path" in second.output
