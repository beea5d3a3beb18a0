"""deploy/sbom names what the programs are linked with."""

import json
import os
import subprocess

import pytest

from world import program

SBOM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "sbom")


def _needed(path):
    told = subprocess.run(["objdump", "-p", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line.split()[1] for line in told.splitlines() if line.split()[:1] == ["NEEDED"]}


@pytest.fixture(scope="module")
def document():
    done = subprocess.run([SBOM, "acmegate", "1.2.3", program("acmegate"), program("acmegatectl")],
                          env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}, stdout=subprocess.PIPE, check=True)
    return done.stdout


def test_the_same_programs_give_the_same(document):
    again = subprocess.run([SBOM, "acmegate", "1.2.3", program("acmegate"), program("acmegatectl")],
                           env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}, stdout=subprocess.PIPE, check=True)
    assert again.stdout == document
    assert json.loads(document)["creationInfo"]["created"] == "2023-11-14T22:13:20Z"


def test_every_library_is_named_with_its_version(document):
    packages = {package["name"]: package for package in json.loads(document)["packages"]}
    for library in ("libssl.so.3", "liblmdb.so.0", "libjansson.so.4", "libcurl.so.4", "libunbound.so.8"):
        assert library in _needed(program("acmegate"))
        owner = subprocess.run(["dpkg-query", "-S", f"*/{library}"], stdout=subprocess.PIPE, text=True, check=True).stdout
        name = owner.split(":")[0]
        version = subprocess.run(["dpkg-query", "-W", "-f=${Version}", name], stdout=subprocess.PIPE, text=True,
                                 check=True).stdout
        assert packages[name]["versionInfo"] == version
    assert any(name.startswith("libh2o-evloop") for name in packages)


def test_relations_are_between_what_is_there(document):
    told = json.loads(document)
    ids = {package["SPDXID"] for package in told["packages"]} | {"SPDXRef-DOCUMENT"}
    assert len(ids) == len(told["packages"]) + 1 and len(told["relationships"]) == len(told["packages"])
    assert all({one["spdxElementId"], one["relatedSpdxElement"]} <= ids for one in told["relationships"])
