"""python3-acme, the library below certbot, by a small program of its own calls."""

import datetime
import os

import josepy
import pytest
import requests
from acme import client, errors, messages
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import crypto

from matrix import (Home, Webroot, check_bound, check_new_and_renewed, check_revoked, check_slow, external_key,
                    names_for)


class PythonAcme(Home):
    def __init__(self, world, web, names, monkeypatch, key=None):
        super().__init__(world)
        self.names, self.web, self.generation = names, web, 0
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", world.pki.ca)
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            monkeypatch.delenv(name)
        self.net = client.ClientNetwork(josepy.JWKRSA(key=rsa.generate_private_key(65537, 2048)))
        self.client = client.ClientV2(messages.Directory.from_json(requests.get(world.directory, timeout=30).json()),
                                      self.net)
        binding = key and messages.ExternalAccountBinding.from_data(self.net.key.public_key(), key["id"],
                                                                    key["hmac_key"], self.client.directory)
        self.client.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True,
                                                                   external_account_binding=binding))

    def _new_request(self):
        self.generation += 1
        path = self.request(self.key(f"key{self.generation}.pem"), self.names, f"csr{self.generation}.pem")
        with open(path, "rb") as file:
            return file.read()

    def _answer(self, order):
        for authorization in order.authorizations:
            if authorization.body.status == messages.STATUS_VALID:
                continue
            challenge = next(c for c in authorization.body.challenges if c.chall.typ == "http-01")
            response, text = challenge.response_and_validation(self.net.key)
            with open(os.path.join(self.web.challenges, challenge.chall.encode("token")), "w",
                      encoding="ascii") as file:
                file.write(text)
            self.client.answer_challenge(challenge, response)

    def get(self, patience=60):
        deadline = datetime.datetime.now() + datetime.timedelta(seconds=60)
        order = self.client.new_order(self._new_request())
        self._answer(order)
        order = self.client.poll_authorizations(order, deadline)
        deadline = datetime.datetime.now() + datetime.timedelta(seconds=patience)
        return self.write("chain.pem", self.client.finalize_order(order, deadline).fullchain_pem)

    def revoke(self, path):
        with open(path, "rb") as file:
            pem = file.read()
        if hasattr(josepy, "ComparableX509"):  # Debian 12's
            self.client.revoke(josepy.ComparableX509(crypto.load_certificate(crypto.FILETYPE_PEM, pem)), 4)
        else:
            self.client.revoke(x509.load_pem_x509_certificate(pem), 4)


def test_new_and_renewed(world, monkeypatch):
    with Webroot(world) as web:
        one = PythonAcme(world, web, names_for("python3-acme"), monkeypatch)
        check_new_and_renewed(world, one.names, one.get, one.get)


def test_revoke(world, monkeypatch):
    with Webroot(world) as web:
        one = PythonAcme(world, web, names_for("python3-acme"), monkeypatch)
        path = one.get()
        check_revoked(world, one.names, path, lambda: one.revoke(path))


def test_external_account(bound_world, monkeypatch):
    with Webroot(bound_world) as web:
        key = external_key(bound_world)
        one = PythonAcme(bound_world, web, names_for("python3-acme"), monkeypatch, key)
        check_bound(bound_world, one.names, key, one.get())


def test_slow_upstream(slow_world, monkeypatch):
    with Webroot(slow_world) as web:
        one = PythonAcme(slow_world, web, names_for("python3-acme"), monkeypatch)

        def impatient():
            with pytest.raises(errors.TimeoutError):
                one.get(patience=2)

        check_slow(slow_world, one.names, impatient, one.get)
