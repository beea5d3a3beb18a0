"""The command sectigo: its options, its manual and completion, its questions, and where secrets go."""

import pathlib
import re
import subprocess

import pytest

from process import clean_environment
from sandbox_client import Csr
from sectigo_command import (COMMANDS, DONE, NAME, PASSWORD, REFUSED, ROOT, SECTIGO, UNCONFIRMED, USAGE,
                             cli, issued, on_terminal, own, run)  # noqa: F401


# ---- what there is, and what is written about it ----


def options_of(command):
    return re.findall(r"^  (--[A-Za-z0-9-]+)", run(command, "--help").out, re.M)


def test_all_commands_are_listed():
    listed = re.findall(r"^  ([a-z-]+) ", run("--help").out, re.M)
    assert sorted(listed) == sorted(COMMANDS)
    assert run("--version").out.startswith("sectigo ")
    assert run().status == USAGE and "usage:" in run().err
    assert run("aply").status == USAGE and 'no command "aply"' in run("aply").err


def test_the_manual_has_everything():
    manual = (ROOT / "deploy/manual/sectigo.1").read_text().replace("\\-", "-")
    for command in COMMANDS:
        assert re.search(rf"^\.B {command}$", manual, re.M), command
        options = options_of(command)
        assert "--help" in options
        for option in options:
            assert re.search(rf"{option}\b(?!-)", manual), f"{command} {option}"
    section = manual.split(".SH EXIT STATUS")[1].split(".SH EXAMPLES")[0]
    assert re.findall(r"^\.B (\d)$", section, re.M) == [str(n) for n in range(8)]


@pytest.mark.parametrize("manual", sorted(path.name for path in (ROOT / "deploy/manual").glob("*.[18]")))
def test_the_manuals_can_be_formatted(manual):
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", ROOT / "deploy/manual" / manual],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and done.stderr == ""


def test_options_are_the_parameters_of_the_reference():
    reference = (ROOT / "sectigo/parameter.c").read_text()
    names = re.findall(r'^    \{"([^"]+)", SECTIGO_', reference, re.M)
    assert len(names) > 70
    expected = {"--" + name.replace(" ", "") for name in names} - {"--loginName", "--loginPassword"}
    assert expected <= set(options_of("apply"))


def complete(*words):
    script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sectigo "$SECTIGO"; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", ROOT / "deploy/completion/sectigo", "sectigo", *words],
                          capture_output=True, text=True, timeout=30, env=clean_environment(SECTIGO=str(SECTIGO)))
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def test_completion(tmp_path):
    assert complete("re") == ["replace", "revoke", "reject", "refund", "report", "resend-dcv", "retry-caa"]
    assert sorted(complete("")) == sorted(COMMANDS + ["--help", "--version"])
    assert complete("refund", "--refund") == ["--refundReasonCode"]
    assert set(complete("update-dcv", "--new")) == {"--newMethod", "--newMethods", "--newDCVEmailAddress",
                                                    "--newDCVEmailAddresses"}
    (tmp_path / "my www.csr").touch()
    assert complete("apply", "--csr", f"{tmp_path}/m") == [f"{tmp_path}/my www.csr"]
    assert complete("apply", "--days", "") == []


# ---- asking ----


def test_nobody_can_be_asked(cli):
    before = cli.placed()
    ran = cli.order(yes=False)
    assert ran.status == UNCONFIRMED and "--yes" in ran.err and cli.placed() == before
    number, _ = issued(cli)
    for command in (["revoke", "--revocationReason", "x"], ["reject"], ["refund", "--refundReasonCode", "11"]):
        assert cli(*command, "--orderNumber", number).status == UNCONFIRMED
    assert cli.box.order(number)["state"] == "issued"


@pytest.mark.parametrize("answer, status, bought", [("y\n", DONE, 1), ("YES\n", DONE, 1), ("n\n", UNCONFIRMED, 0),
                                                    ("\n", UNCONFIRMED, 0), ("yesterday\n", UNCONFIRMED, 0)])
def test_asked_on_a_terminal(cli, answer, status, bought):
    before = cli.placed()
    csr = cli.file("asked.csr", Csr(NAME).pem)
    ran = on_terminal(cli, answer, "apply", "--product", "287", "--days", "365", "--csr", csr, "--dcvMethod",
                      "CNAME_CSR_HASH")
    assert ran.status == status and cli.placed() == before + bought
    question = f"Buy PositiveSSL DV (287) for 365 days at {cli.box.url} as partner? The account is charged. [y/N]"
    assert question in ran.err


def test_a_test_order_says_so(cli):
    csr = cli.file("asked.csr", Csr(NAME).pem)
    ran = on_terminal(cli, "y\n", "apply", "--product", "287", "--days", "365", "--csr", csr, "--dcvMethod",
                      "CNAME_CSR_HASH", "--test", "y")
    assert "Place a test order" in ran.err and "Nothing is charged" in ran.err
    assert ran.values["totalCost"] == "0.00"


# ---- the request ----


def test_dry_run_masks_and_sends_nothing(cli):
    before, csr = cli.placed(), Csr(NAME)
    ran = cli.order(csr, "--dry-run", yes=False)
    assert ran.status == DONE and cli.placed() == before
    assert ran.out.startswith(f"POST {cli.box.url}/products/!AutoApplyOrder\n")
    for line in ("product=287", "loginName=partner", "loginPassword=***", "checkFONIsUnique=Y", "responseFormat=1"):
        assert line in ran.out.splitlines()
    assert csr.pem in ran.out
    fields = cli.order(csr, "--dry-run", "--json").json["parameters"]
    assert fields["csr"] == csr.pem and fields["loginPassword"] == "***" and fields["serverSoftware"] == "-1"


def test_dry_run_needs_no_password(cli):
    for command, wanted in (("balance", []), ("collect", ["--orderNumber", "1", "--wait"])):
        ran = run(command, "--login", "me", "--dry-run", *wanted)
        assert ran.status == DONE and "loginName=me" in ran.out and "loginPassword=***" in ran.out
    assert run("balance", "--dry-run", "--json").json["url"].startswith("https://secure.trust-provider.com/products/")


def test_spellings_are_one(cli):
    csr = cli.file("spelled.csr", Csr(NAME).pem)
    shown = [run("apply", "--dry-run", "--login=me", "--product=287", "--days", "365", "--csr", csr, *rest).out
             for rest in (["--dcvMethod", "CNAME_CSR_HASH", "--foreignOrderNumber", "x"],
                          ["--dcv-method=CNAME_CSR_HASH", "--foreign-order-number=x"],
                          ["--DCVMETHOD", "CNAME_CSR_HASH", "--FOREIGNORDERNUMBER", "x"])]
    assert shown[0] == shown[1] == shown[2] and "dcvMethod=CNAME_CSR_HASH" in shown[0]


def test_requests_from_anywhere(cli):
    csr = Csr(NAME)
    bare = "".join(csr.pem.splitlines()[1:-1])
    for content in (csr.pem, csr.der, bare, "text before\n" + csr.pem):
        path = cli.file("any.csr", content)
        assert cli.order(csr, "--dry-run", "--json").json["parameters"]["csr"] == csr.pem
        out = run("decode-csr", "--dry-run", "--csr", path, "--json").json
        assert out["parameters"]["csr"] == csr.pem
    with open(cli.file("stdin.csr", csr.pem)) as stdin:
        assert run("token", "--csr", "-", "--name", NAME, stdin=stdin).status == DONE


def test_no_private_key_leaves(cli):
    both = cli.file("both.pem", Csr(NAME).pem + "-----BEGIN EC PRIVATE KEY-----\nMHc=\n-----END EC PRIVATE KEY-----\n")
    for command in (["decode-csr"], ["token", "--name", NAME], ["apply", "--product", "287", "--days", "365"]):
        ran = cli(*command, "--csr", both)
        assert ran.status == USAGE and "private key" in ran.err


@pytest.mark.parametrize("arguments, words", [
    (["balance", "--verbose"], "no --verbose"), (["balance", "extra"], "is no option"),
    (["balance", "--login"], "needs a value"), (["balance", "--json=yes"], "takes no value"),
    (["status", "--orderNumber", "1", "--order-number", "2"], "given twice"),
    (["status"], "orderNumber"), (["status", "--orderNumber", "1", "--certificateID", "1"], "together"),
    (["collect", "--orderNumber", "1", "--timeout", "soon"], "no SECONDS"),
    (["collect", "--orderNumber", "1", "--responseFormat", "0", "--responseType", "2"], "--raw"),
    (["collect", "--orderNumber", "1", "--raw", "--wait"], "--raw"),
    (["balance", "--proxy", "http://me:word@127.0.0.1:1"], "SECTIGO_PROXY"),
    (["balance", "--url", "http://127.0.0.1:1"], "https://"),
    (["balance", "--client-certificate", "/dev/null"], "together"),
    (["apply", "--csr", "/nowhere"], "/nowhere"),
    (["apply", "--product", "700", "--days", "365", "--appRepEmailAddress", "a@example.org", "--wait"], "--wait"),
    (["products", "--url", "https://127.0.0.1"], "no --url"),
])
def test_wrong_options(cli, arguments, words):
    ran = run(*arguments[:1], *([] if arguments[0] == "products" else cli.login), *arguments[1:])
    assert ran.status == USAGE and words in ran.err and ran.out == "", ran.err


def test_no_password_on_the_command_line(cli):
    for option in ("--loginPassword", "--password", "--login-password"):
        for arguments in ([option, PASSWORD], [f"{option}={PASSWORD}"]):
            ran = run("balance", "--login", "me", *arguments)
            assert ran.status == USAGE and "--password-file" in ran.err
    ran = run("apply", "--appRepLoginPassword", PASSWORD)
    assert ran.status == USAGE and "names a file" in ran.err
    assert run("balance").err.startswith("sectigo balance: --login is missing")
    assert "password is missing" in run("balance", "--login", "me").err
    assert "empty" in run("balance", "--login", "me", "--password-file", cli.file("empty", "\n")).err


def test_secrets_leave_the_environment(own):
    order = own.order(publish=False).values
    running = subprocess.Popen([str(SECTIGO), "collect", *map(str, own.where), "--login", "partner", "--orderNumber",
                                order["orderNumber"], "--wait", "--interval", "0.05"], text=True,
                               env=clean_environment(SECTIGO_PASSWORD=PASSWORD), stderr=subprocess.PIPE)
    assert "Being processed" in running.stderr.readline()
    shown = [pathlib.Path(f"/proc/{running.pid}/{name}").read_bytes() for name in ("environ", "cmdline")]
    running.kill()
    running.communicate()
    assert not any(PASSWORD.encode() in one for one in shown) and b"HOME" in shown[0]


def test_a_client_certificate_is_a_login(cli):
    key = cli.file("key.pem", subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"],
                                             capture_output=True, check=True).stdout)
    crt = cli.file("crt.pem", subprocess.run(["openssl", "req", "-new", "-x509", "-key", key, "-subj", "/CN=me"],
                                             capture_output=True, check=True).stdout)
    ran = run("balance", *cli.where, "--client-certificate", crt, "--client-key", key)
    assert ran.status == REFUSED and "-3" in ran.err  # sent without a password, which the sandbox wants
    assert "loginPassword" not in run("balance", "--client-certificate", crt, "--client-key", key, "--dry-run").out
