"""Where a server does something else than the RFC says: data for expect.py, and for the table in README.md."""

import functools
import re
import subprocess
from collections import namedtuple

# section: of the RFC, as in the test's name. does: what the test observes instead (a value, a set of values, or a
# tuple of those). why: for the table. since, before: the versions that do so, () for all.
Difference = namedtuple("Difference", "server feature section test what does why since before")


def _each(server, feature, section, test, why, does, since=(), before=()):
    """One difference for every item of does."""
    why += f" (before {'.'.join(map(str, before))})" if before else f" ({'.'.join(map(str, since))})" if since else ""
    return [Difference(server, feature, section, test, what, value, why, since, before) for what, value in does.items()]


@functools.cache
def _version(server):
    """Of Debian's package."""
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", server], stdout=subprocess.PIPE, text=True, check=True)
    return tuple(map(int, re.match(r"(?:\d+:)?(\d+)\.(\d+)", shown.stdout).groups()))


def differences_of(server, test):
    """Those of the version that is installed, by what they are about."""
    return {d.what: d for d in DIFFERENCES if d.server == server and d.test == test
            and (not d.since or d.since <= _version(server)) and (not d.before or _version(server) < d.before)}


_ALGORITHMS = ("none", "HS256", "RS1", "ES257")
_MALFORMED = (400, "malformed")

DIFFERENCES = [
    *_each("pebble", "JWS algorithms", "6.2", "test_8555_6_2_algorithm",
           "says malformed, and lists what it takes in the detail alone",
           {**{alg: _MALFORMED for alg in _ALGORITHMS}, **{alg + " algorithms": False for alg in _ALGORITHMS}}),
    *_each("pebble", "JWS algorithms", "6.2", "test_8555_6_2_supported_algorithms", "does not know EdDSA",
           {"EdDSA": 400}),
    *_each("pebble", "account keys", "6.2", "test_8555_6_2_bad_public_key", "takes account keys of any strength",
           {"RSA 1024": (201, "application/json")}),
    *_each("pebble", "request URL integrity", "6.4", "test_8555_6_4_url", "says malformed instead of unauthorized",
           {what: _MALFORMED for what in ("another resource", "a query", "another host", "upper case", "a slash")}),
    *_each("pebble", "replay protection", "6.5.2", "test_8555_6_5_2_nonce_is_base64url",
           "looks the nonce up without a look at its form", {nonce: (400, "badNonce")
                                                             for nonce in ("not base64url!", "AAA=", "AA+A")}),
    *_each("pebble", "orders list", "7.1.2.1", "test_8555_7_1_2_1_orders_list", "lists invalid orders too",
           {"invalid orders": True}),
    *_each("pebble", "newNonce", "7.2", "test_8555_7_2_new_nonce", "says max-age=0, no-cache instead of no-store",
           {"HEAD cache": False, "GET cache": False}),
    *_each("pebble", "contacts", "7.3", "test_8555_7_3_contact", "takes header fields in mailto URLs",
           {"hfields": (201, "application/json")}),
    *_each("pebble", "binding", "7.3.4", "test_8555_7_3_4_binding_is_reflected", "loses it when the account is updated",
           {"updated": None}),
    *_each("pebble", "account update", "7.3.2", "test_8555_7_3_2_members_that_are_ignored",
           "refuses an update without contact that does not deactivate",
           {"orders": 400, "status": 400, "termsOfServiceAgreed": 400, "unheard_of": 400}),
    *_each("pebble", "key rollover", "7.3.5", "test_8555_7_3_5_key_change_is_checked",
           "takes a nonce in the inner JWS", {"inner nonce": (200, {"", "application/json"}),
                                              "inner nonce: the old key": 400}),
    *_each("pebble", "key rollover", "7.3.5", "test_8555_7_3_5_key_in_use", "answers 500, without the Location of the account",
           {"status": 500, "location": None}, before=(2, 6)),
    *_each("pebble", "key rollover", "7.3.5", "test_8555_7_3_5_key_in_use", "gives two accounts one key",
           {"status": 200, "location": None}, since=(2, 6)),
    *_each("pebble", "account deactivation", "7.3.6", "test_8555_7_3_6_deactivation", "says 403 instead of 401",
           {what: (403, "unauthorized") for what in ("account", "order", "authorization", "new order")}),
    *_each("pebble", "finalize", "7.4", "test_8555_7_4_csr", "does not verify the CSR's own signature",
           {"a spoilt signature": (200, "application/json"), "a spoilt signature: the order": {"processing", "valid"}},
           before=(2, 6)),
    *_each("pebble", "finalize", "7.4", "test_8555_7_4_csr", "does not compare the common name with the order's names",
           {"a foreign CN": (200, "application/json"), "a foreign CN: the order": {"processing", "valid"}}),
    *_each("pebble", "extensions of CSRs", "7.4", "test_8555_7_4_extensions_that_are_not_granted", "drops them in silence",
           {what: (200, "application/json") for what in ("must staple", "an authority", "code signing")}),
    *_each("pebble", "keys of CSRs", "6.7", "test_8555_6_7_key_of_a_csr",
           "takes what its library can read, and says malformed of the rest",
           {"RSA 1024": (200, "application/json"), "P-224": (200, "application/json"), "secp256k1": _MALFORMED}),
    *_each("pebble", "revocation", "7.6", "test_8555_7_6_reason", "parses reasons as unsigned, and says malformed of others",
           {"-1": _MALFORMED}),
    *_each("pebble", "http-01", "8.3", "test_8555_8_3_http_01", "takes no blanks after the key authorization",
           {"with blanks after it": "invalid", "with blanks after it challenge": "invalid"}),
    *_each("pebble", "accounts", "7.3.2", "test_8555_6_2_objects_of_another_account",
           "serves the signer's own account under the URL of any account",
           {"read account": 200, "update account": 200, "deactivate account": 200}),
    *_each("pebble", "accounts", "7.3.2", "test_8555_6_2_objects_that_do_not_exist",
           "serves the signer's own account under the URL of any account", {"account": False}),
    *_each("pebble", "JSON", "6.1", "test_8555_6_1_payload", "parses as Go's encoding/json does: the last of two members "
           "counts, bad UTF-8 is replaced, depth is not bounded",
           {what: (201, "application/json") for what in ("a member twice", "a member twice, deep", "invalid UTF-8",
                                                         "overlong UTF-8", "half a surrogate", "deep lists",
                                                         "deep objects")}),
    *_each("pebble", "base64url", "6.1", "test_8555_6_1_base64url_with_stray_bits", "ignores bits after the last octet",
           {member: (201, "application/json") for member in ("payload", "signature")}),
    *_each("pebble", "size of a request", "6.7", "test_oversized_body", "has no bound of its own",
           {"65537": _MALFORMED, "1048576": _MALFORMED}),
    *_each("pebble", "challenges", "7.5.1", "test_8555_7_5_1_retry_after", "sends no Retry-After", {"answer": False}),
    *[row for feature, section, test in (
        ("pre-authorization", "7.4.1", "test_8555_7_4_1_new_authz"),
        ("pre-authorization", "7.4.1", "test_8555_7_4_1_refused"),
        ("subdomain authorization", "4.2", "test_9444_4_2_subdomains_allowed"),
        ("subdomain authorization", "4.3", "test_9444_4_3_ancestor_domain"),
        ("profiles", "3", "test_profiles_3_directory"),
        ("profiles", "4", "test_profiles_4_new_order"))
      for row in _each("pebble", feature, section, test, "does not offer it", {"offered": False})],
    *[row for feature, section, test in (
        ("renewal information", "4", "test_9773_4_renewal_info"),
        ("renewal information", "4", "test_9773_4_unknown_certificates"),
        ("replacing a certificate", "5", "test_9773_5_replaces"),
        ("replacing a certificate", "5", "test_9773_5_certificate_of_another_authority"),
        ("dns-account-01", "3.2", "test_dns_account_label_3_2_dns_account_01"))
      for row in _each("pebble", feature, section, test, "does not offer it", {"offered": False}, before=(2, 6))],
    *_each("pebble", "renewal information", "4", "test_9773_4_unknown_certificates", "says 400 of an unknown issuer",
           {"nobody's": _MALFORMED}, since=(2, 6)),
    *_each("pebble", "replacing a certificate", "5", "test_9773_5_replaces", "says malformed instead of alreadyReplaced",
           {"replaced already": (409, "malformed")}, since=(2, 6)),
    *_each("pebble", "replacing a certificate", "5", "test_9773_5_replaces", "takes one that shares no name",
           {"no name in common": False}, since=(2, 6)),
    *_each("pebble", "replacing a certificate", "5", "test_9773_5_certificate_of_another_authority", "refuses it",
           {"taken": (400, None)}, since=(2, 6)),
    *_each("pebble", "dns-account-01", "3.2", "test_dns_account_label_3_2_dns_account_01",
           "looks at the label of an earlier draft", {"its own": "invalid"}, since=(2, 6)),
    *_each("pebble", "binding", "7.3.4", "test_8555_7_3_4_algorithms", "takes HS256 alone",
           {"sha384": 403, "sha512": 403}, since=(2, 6)),
]
