"""Everything that the stand-in can do wrong, by call, and how an order gets that call made."""

from lanes import FULL, SLOW

# In the proportions of the real ones: a request that is late has been done before it is sent again.
TIMEOUT_S = 2.0 if SLOW else 0.7
LATE_S = 1.7 * TIMEOUT_S
SETTLE_AGAIN_S, RESEND_S = TIMEOUT_S, 3 * TIMEOUT_S

# Before anything is done: the request may as well not have come.
BEFORE = [("refuse", {}), ("delay", {"seconds": 0.3}), ("delay", {"seconds": LATE_S}), ("code:-42", {}),
          ("status-503", {}), ("status-500", {})]
# It is done, and the answer gets lost on one way or the other.
AFTER = [("lose-reply-after-accept", {}), ("lose-reply-after-accept", {"seconds": 0.5}), ("close-without-reply", {}),
         ("code-after-accept:-14", {}), ("status-500-after-accept", {}), ("html-after-accept", {}),
         ("reset-mid-body", {}), ("truncate", {}), ("short-body", {}), ("slow", {"seconds": 0.3}),
         ("slow", {"seconds": LATE_S})]
# What only an order has.
ORDER = [("overtaken", {"seconds": 2}), ("code:-26", {}), ("code:-14", {}), ("code:-55", {}), ("code:-4", {}),
         ("code:-9", {}), ("code:-15", {}), ("code-after-accept:-55", {}), ("push-early", {"seconds": 1}),
         ("push-drop", {}), ("push-duplicate", {}), ("push-delay", {"seconds": 0.5}), ("wrong-certificate", {})]

# The call, the kind of order that makes it, and what is wrong before so that it is made.
LOST = {"endpoint": "AutoApplyOrder", "action": "lose-reply-after-accept", "times": 1}
NO_PUSH = {"endpoint": "*", "action": "push-drop", "times": -1}
CALLS = {
    "AutoApplyOrder": ("purchase", [], BEFORE + AFTER + ORDER),
    "AutoReplaceSSL": ("replacement", [], BEFORE + AFTER + ORDER),
    "CollectSSL": ("purchase", [NO_PUSH], BEFORE[1:] + AFTER + [("code:-14", {}), ("code:-26", {})]),
    "WebHostReport": ("purchase", [LOST], BEFORE[1:] + AFTER + [("code:-14", {})]),
    "GetDetailedOrderStatus": ("doubted", [], BEFORE[1:] + AFTER + [("code:-14", {})]),
    # The stand-in has looked by itself by then, and accepts nothing whose answer could get lost.
    "AutoUpdateDCV": ("slow", [], BEFORE[1:] + [("code:-14", {}), ("code:-26", {})]),
    # Asked again no sooner than ten minutes later, so only what has been done may get lost here.
    "RetryCAACheck": ("blocked", [], AFTER),
    "AutoReject": ("overdue", [], BEFORE[1:] + AFTER + [("code:-14", {})]),
    "AutoRefund": ("overdue", [], BEFORE[1:] + AFTER + [("code:-14", {})]),
    "AutoAuthorize": ("unpaid", [], BEFORE + AFTER + [("code:-14", {})]),
    "AutoRevokeSSL": ("revocation", [], BEFORE + AFTER + [("code:-14", {}), ("code:-26", {})]),
}

# What no document settles, played strictly or oddly. A profile that suits them is the operator's affair.
UNCHECKED = {"checkNumbers": False}  # Sectigo takes a number twice: what is sent twice is bought twice
MODES = [{}, UNCHECKED, {"csrNamesMustMatch": True}, {"collectEncoding": "escaped"},
         {"collectEncoding": "pem"}, {"chainOrder": "leaf-first"}, {"duplicateForeignOrderCode": -17},
         {"reuseValidation": True}, {"wildcardAddsBaseName": False}, {"csrWithoutCommonName": "refuse"}]
USUAL = {"csrNamesMustMatch": False, "collectEncoding": "literal",
         "chainOrder": "root-first", "duplicateForeignOrderCode": -4, "reuseValidation": False,
         "wildcardAddsBaseName": True, "csrWithoutCommonName": "accept", "checkNumbers": True, "reportLagLooks": 0,
         "reportLagMs": 0, "reportNames": "plain", "reportZoneMinutes": 0, "reportStrangers": 0, "reportPageMax": 0}

# How a report may be late, long and written otherwise. One that lags longer than the resend would be bought twice.
REPORTS = [{"reportLagLooks": 1}, {"reportLagMs": int(1500 * SETTLE_AGAIN_S)}, {"reportNames": "shuffled"},
           {"reportZoneMinutes": 840}, {"reportZoneMinutes": -720}, {"reportStrangers": 1500, "reportPageMax": 1000}]
# One answer of each class, to the repeat of a request that was placed and whose answer was lost.
AT_THE_REPEAT = (-9, -2, -999, -55, -15, -16, -42, -14)

# Refusals: the order may end with this truth instead of with a certificate.
REFUSALS = ("code:-4", "code:-9", "code:-55")


def rule(call, action, more):
    return {"endpoint": call, "action": action, "times": 1, **more}


def alone():
    """(kind, rules, mode) of every fault at every call."""
    cases = []
    for call, (kind, before, actions) in CALLS.items():
        if kind == "overdue" and not FULL:
            actions = actions[::3]  # each waits for its deadline
        cases += [(kind, before + [rule(call, *action)], {}) for action in actions]
    return cases


def modes():
    return [(kind, [], mode) for mode in MODES[1:] for kind in ("purchase", "replacement")]


def _lost(call):
    return rule(call, "lose-reply-after-accept", {})


def unchecked():
    """What a request may meet, at a Sectigo that takes its number twice. What is still at work when the wait for it is
    over is bought twice there, so nothing is overtaken."""
    calls = ("AutoApplyOrder", "AutoReplaceSSL", "WebHostReport")
    return [(kind, rules, UNCHECKED) for kind, rules, _ in alone()
            if rules[-1]["endpoint"] in calls and rules[-1]["action"] != "overtaken"]


def settled():
    """What was placed and lost, where the report makes it hard to find, and where the repeat is answered so or so: the
    report knows it from the fourth look on, the repeat leaves after the second or third."""
    cases = []
    for call in ("AutoApplyOrder", "AutoReplaceSSL"):
        kind = CALLS[call][0]
        cases += [(kind, [_lost(call)], {**UNCHECKED, **mode}) for mode in REPORTS]
        cases += [(kind, [_lost(call), rule(call, f"code:{code}", {"skip": 1})], {**UNCHECKED, "reportLagLooks": 3})
                  for code in AT_THE_REPEAT]
    return cases


def pairs(count, random):
    """Two faults, at the same call or at two, in a mode: as many as wanted from this source of numbers."""
    cases = []
    for _ in range(count):
        call = random.choice(list(CALLS))
        kind, before, actions = CALLS[call]
        if kind == "overdue" and not FULL:
            continue
        same = [other for other in CALLS if CALLS[other][0] == kind] + ["CollectSSL", "WebHostReport"]
        other = random.choice(same)
        rules = before + [rule(call, *random.choice(actions)), rule(other, *random.choice(CALLS[other][2]))]
        mode = random.choice(MODES)
        if any(one["action"] == "overtaken" for one in rules):
            mode = {name: value for name, value in mode.items() if name not in UNCHECKED}
        cases.append((kind, rules, mode))
    return cases
