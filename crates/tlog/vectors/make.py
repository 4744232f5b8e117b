#!/usr/bin/env python3
"""Makes the vectors of log entries of kinds 6, 7 and 9 to 22, and all histories, from docs/spec/log.md alone.

    python3 make.py

Nothing here is shared with the program that is tested. Everything is made of fixed bytes, so it makes
the same files every time.
"""
import pathlib

HOME = pathlib.Path(__file__).parent
DAY = 86_400_000
HOUR = DAY // 24
MINUTE = HOUR // 60
NOON = 20_420 * DAY + DAY // 2


class Raw(bytes):
    """CBOR that stands as it is."""


NULL, INDEFINITE = Raw(b"\xf6"), Raw(b"\x9f\xff")


def head(major, n):
    for length, code in [(1, 24), (2, 25), (4, 26), (8, 27)]:
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * length:
            return bytes([major << 5 | code]) + n.to_bytes(length, "big")
    raise ValueError(n)


def cbor(value):
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(4, len(value)) + b"".join(map(cbor, value))


def i(n):
    """An id."""
    return bytes([n]) * 16


def d(n):
    """A digest, a commitment, a workstation."""
    return bytes([n]) * 32


def put(kind, name, data, remark):
    text = data.hex()
    lines = [f"# {remark}"] + [text[at:at + 96] for at in range(0, len(text), 96)]
    (HOME / kind).mkdir(exist_ok=True)
    (HOME / kind / f"{name}.hex").write_text("\n".join(lines) + "\n")


# ---- entries ------------------------------------------------------------------------------------

def entries():
    def one(name, event, remark):
        put("entry", name, cbor([NOON, event]), remark)

    grant, request, reviewer, manager, customer = i(3), i(4), i(5), i(6), i(7)
    approval, resource, applicant = i(8), i(9), i(10)
    soon = NOON + 15 * MINUTE
    good = {
        "approved": [6, [grant, request, reviewer, manager, soon, d(1), False]],
        "approved-with-lockbox": [6, [grant, request, reviewer, manager, soon, d(1), True]],
        "looked": [7, [grant, request, reviewer, d(1)]],
        "flagged": [9, [request, 0, d(2)]],
        "flagged-by-monitoring": [9, [request, 1, d(2)]],
        "look-requested": [10, [grant, request, reviewer, d(1), True, soon, d(2)]],
        "consented": [11, [grant, customer, soon]],
        "refused": [12, [grant, 0, manager, d(2)]],
        "refused-by-customer": [12, [grant, 1, customer, d(2)]],
        "flag-dismissed": [13, [request, reviewer, 0, d(2)]],
        "flag-escalated": [13, [request, reviewer, 2, d(2)]],
        "notified": [14, [resource, 0, d(2)]],
        "throttled-by-monitoring": [14, [resource, 1, d(2), soon]],
        "blocked": [14, [resource, 2, d(2), soon, manager]],
        "lifted": [14, [resource, 5, d(2), NULL, manager]],
        "exemption-applied": [15, [approval, resource, applicant, NOON + DAY, soon, True, d(2), d(3)]],
        "exemption-approved": [16, [approval, manager, True, d(2)]],
        "exemption-refused": [16, [approval, manager, False, d(2)]],
        "exemption-expired": [17, [approval, [0, []]]],
        "exemption-renewed": [17, [approval, [1, [i(11)]]]],
        "exemption-withdrawn-by-customer": [17, [approval, [2, [applicant, d(2)]]]],
        "exemption-withdrawn-by-operator": [17, [approval, [3, [manager, d(2)]]]],
        "workstation-enrolled": [18, [d(1), manager, NOON + DAY, d(2)]],
        "workstation-revoked": [19, [d(1), manager, d(2)]],
        "proved": [20, [d(1), d(2), d(3), 0]],
        "proved-undecided": [20, [d(1), d(2), d(3), 2]],
        "owner-read": [21, [request, d(2)]],
        "owner-deleted": [22, [request, d(2)]],
        "role-assigned": [4, [7, i(12), 0, d(2)]],
        "lockbox-switched": [4, [11, resource, 1, d(2)]],
    }
    for name, event in good.items():
        one(f"good-{name}", event, name)
    bad = [
        ("approved-without-workstation", [6, [grant, request, reviewer, manager, soon]], "two fields are missing"),
        ("approved-lockbox-as-number", [6, [grant, request, reviewer, manager, soon, d(1), 0]], "0 is not false"),
        ("looked-workstation-of-16-bytes", [7, [grant, request, reviewer, i(1)]], "too short"),
        ("looked-with-a-person-more", [7, [grant, request, reviewer, d(1), manager]], "one more"),
        ("flagged-unknown-source", [9, [request, 2, d(2)]], "there is no source 2"),
        ("flagged-category-in-clear", [9, [request, 0, "violence"]], "a category is committed to"),
        ("look-requested-reason-in-clear", [10, [grant, request, reviewer, d(1), True, soon, "why"]], "a reason is committed to"),
        ("consented-null-expiry", [11, [grant, customer, NULL]], "null"),
        ("refused-unknown-decider", [12, [grant, 2, manager, d(2)]], "there is no decider 2"),
        ("flag-unknown-outcome", [13, [request, reviewer, 3, d(2)]], "there is no outcome 3"),
        ("penalised-unknown", [14, [resource, 6, d(2), NULL, manager]], "there is no penalty 6"),
        ("penalised-trailing-null", [14, [resource, 1, d(2), soon, NULL]], "what is not there at the end is left out"),
        ("penalised-trailing-nulls", [14, [resource, 0, d(2), NULL, NULL]], "what is not there at the end is left out"),
        ("exemption-applied-one-commitment", [15, [approval, resource, applicant, NOON + DAY, soon, True, d(2)]], "a field is missing"),
        ("exemption-decided-as-number", [16, [approval, manager, 1, d(2)]], "1 is not true"),
        ("exemption-ended-unknown", [17, [approval, [4, []]]], "there is no end 4"),
        ("exemption-ended-as-number", [17, [approval, 0]], "an end has fields, if none"),
        ("exemption-expired-by-somebody", [17, [approval, [0, [manager]]]], "nobody ends what expires"),
        ("exemption-ended-indefinite", [17, [approval, Raw(b"\x81\x00")]], "fields are missing"),
        ("exemption-ended-fields-of-indefinite-length", [17, [approval, Raw(b"\x82\x00" + INDEFINITE)]], "an indefinite length"),
        ("workstation-enrolled-for-ever", [18, [d(1), manager, NULL, d(2)]], "each certificate expires"),
        ("proved-unknown-outcome", [20, [d(1), d(2), d(3), 3]], "there is no proof 3"),
        ("owner-read-by-a-person", [21, [request, manager]], "who it was is committed to"),
        ("next-kind", [23, []], "there is no kind 23"),
    ]
    for name, event, remark in bad:
        one(f"bad-{name}", event, remark)


entries()
