"""In which order the gateway has sent what it sent: asked of the calls that Sectigo's stand-in read. What was bought in
the end tells too little, since the stand-in refuses a number that it knows, and so may hide what we should not have
sent."""

import itertools

SENDS = ("AutoApplyOrder", "AutoReplaceSSL")
CHANGES = (*SENDS, "AutoRevokeSSL", "AutoReject", "AutoRefund", "RetryCAACheck")
# Answers after which nothing can have been placed, so that the same may leave again without a look.
NOT_PLACED = (-15, -16, -26, -42)
# Of a wait that has to be kept, what is seen at the other end of the wire at the least: the first of two requests may
# be read late.
KEPT = 0.6

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text):
    """Of a duration as the configuration has it: "800ms", "15m"."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    return float(number) * _UNITS[text[len(number):]]


class Times:
    """What of the configuration the sequence has to keep, in seconds."""

    def __init__(self, config):
        issuance = config.get("issuance", {})
        self.resend = seconds(issuance.get("resend", "15m"))
        self.settle_again = seconds(issuance.get("settle_again", "5m"))
        self.timeout = min(seconds(login.get("timeout", "120s")) for login in config["logins"])


def _told(*calls):
    """In short, for whoever reads what was wrong."""
    names = ("foreignOrderNumber", "orderNumber", "baseOrderNumber", "certificateID", "serialNumber")
    return ", ".join(f"{call['call']}({' '.join(call[name] for name in names if call.get(name))}) at {call['readMs']} ms on "
                     f"connection {call['connection']}" for call in calls)


def _is_answered(call, times):
    """So that the gateway could read it."""
    took_s = (call["endedMs"] - call["readMs"]) / 1000
    return call["endedMs"] and took_s < times.timeout and not call["lost"] and call["httpStatus"] == 200


def _gap(before, after):
    """By whichever clock it is longer: a test may move the time of day, in both directions."""
    return max(after["time"] - before["time"], (after["readMs"] - before["readMs"]) / 1000)


def _is_missed(look, send, times):
    """Whether the look did not find what was sent: the report by its number; of a replacement that carries none, its
    family."""
    if not _is_answered(look, times):
        return False
    if send.get("foreignOrderNumber"):
        return (look["call"] == "WebHostReport" and look["code"] == 0 and look["found"] == 0 and
                look.get("foreignOrderNumber") == send["foreignOrderNumber"])
    return look["call"] == "GetDetailedOrderStatus" and look.get("orderNumber") == send["orderNumber"]


def _missed(calls, send, times, until=None):
    """The looks in vain after this request (and before that one)."""
    found = itertools.takewhile(lambda call: call is not until, calls[calls.index(send) + 1:])
    return [call for call in found if _is_missed(call, send, times)]


def _sends(calls):
    """Lists of requests that would place the same, each in the order of being read. By hand none has a number."""
    groups = {}
    for call in calls:
        number = call.get("foreignOrderNumber") or call.get("uniqueValue")
        if call["call"] in SENDS and number:
            groups.setdefault((call["call"], number), []).append(call)
    return list(groups.values())


def _is_surely_not_placed(send, times):
    return _is_answered(send, times) and send["code"] in NOT_PLACED


def _check_group(group, calls, times):
    """Nothing that may have been placed leaves again before a report has not known it, and its time is over."""
    doubt = False
    for before, send in itertools.pairwise(group):
        doubt = doubt or not _is_surely_not_placed(before, times)
        if not doubt:
            continue
        looks = _missed(calls, before, times, until=send)
        assert looks, f"sent again without a look: {_told(before, send)}"
        assert _gap(before, send) >= KEPT * times.resend, f"sent again too soon: {_told(before, send)}"


def _check_connections(calls):
    """Each call that changes something has a connection of its own."""
    uses = {}
    for call in calls:
        uses.setdefault(call["connection"], []).append(call)
    for used in uses.values():
        assert len(used) == 1 or not any(call["call"] in CHANGES for call in used), f"on one connection: {_told(*used)}"


def _check_collects(calls, times):
    """Never two CollectSSL at once for a login. One that the gateway has given up may still be answered."""
    last = {}
    for call in (call for call in calls if call["call"] == "CollectSSL"):
        before = last.get(call.get("loginName"))
        if before:
            given_up_ms = before["readMs"] + KEPT * 1000 * times.timeout
            end_ms = min(before["endedMs"] or given_up_ms, given_up_ms)
            assert call["readMs"] >= end_ms, f"while another is under way: {_told(before, call)}"
        last[call.get("loginName")] = call


def check_sequence(calls, times):
    for group in _sends(calls):
        _check_group(group, calls, times)
    _check_connections(calls)
    _check_collects(calls, times)


def check_refusal(issuance, calls, times):
    """What ended refused although an earlier request may have been placed was looked for twice, and not at once."""
    group = [call for call in calls if call["call"] in SENDS and call.get("foreignOrderNumber") == issuance]
    if not group or group[-1]["code"] >= 0:
        return
    earlier = any(not _is_surely_not_placed(send, times) for send in group[:-1])
    if not earlier and group[-1]["code"] != -55:
        return
    looks = _missed(calls, group[-1], times)
    assert len(looks) > 1, f"final after {len(looks)} looks: {_told(*group)}"
    assert _gap(looks[0], looks[-1]) >= KEPT * times.settle_again, f"final after two looks at once: {_told(*looks)}"
