#!/usr/bin/env python3
"""Makes the vectors of log entries of kinds 6, 7 and 9 to 33 and of starts with policies, all histories, and the
receipts that name policies, a place of processing or a content filter, from docs/spec/log.md and docs/spec/receipt.md alone.

    pip install cryptography && python3 make.py

The script shares no code with the program under test. All inputs are fixed bytes, so it always makes
the same files.
"""
import base64
import hashlib
import pathlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HOME = pathlib.Path(__file__).parent
DAY = 86_400_000
HOUR = DAY // 24
MINUTE = HOUR // 60
NOON = 20_420 * DAY + DAY // 2


class Raw(bytes):
    """Bytes that are already CBOR."""


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
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())
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

def succession(old="log.example", source=1):
    """That a log succeeds another, cut after five entries, of which nine were seen."""
    return [old, "log.example~0a0b0c0d", [5, d(5)], [[0, old, [5, d(5)]], [source, old, [9, d(6)]]], d(2)]


# 0.001 and 16.0 as IEEE 754 numbers of 32 bits.
RATE, ALPHA = 0x3A83126F, 0x41800000


def training_started(training=None, validation=None, rate=RATE, settings=None, program=1, file=2):
    """A job starts to train: base model, files, settings, program."""
    settings = settings or [3, 4, rate, 8, ALPHA, 7]
    training = d(file) if training is None else training
    validation = d(3) if validation is None else validation
    return [28, [i(17), i(2), d(6), training, validation, settings, d(program)]]


def trained(adapter=4, epochs=3, kernel="lora-1/x86_64"):
    """An adapter came out of it."""
    return [29, [i(17), d(adapter), epochs, *([] if kernel is None else [kernel])]]


def entries():
    def one(name, event, remark):
        put("entry", name, cbor([NOON, event]), remark)

    grant, request, reviewer, manager, customer = i(3), i(4), i(5), i(6), i(7)
    approval, resource, applicant = i(8), i(9), i(10)
    soon, tenant = NOON + 15 * MINUTE, i(2)
    good = {
        "approved": [6, [grant, request, reviewer, manager, soon, d(1), False]],
        "approved-with-lockbox": [6, [grant, request, reviewer, manager, soon, d(1), True]],
        "looked": [7, [grant, request, reviewer, d(1)]],
        "flagged": [9, [request, 0, d(2)]],
        "flagged-by-monitoring": [9, [request, 1, d(2)]],
        "flagged-by-reviewer": [9, [request, 2, d(2)]],
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
        "exemption-applied-content-filter": [15, [approval, resource, applicant, NOON + DAY, soon, False, d(2), d(3), 0]],
        "exemption-applied-keeping-files": [15, [approval, resource, applicant, NOON + DAY, soon, True, d(2), d(3), NULL, 0b1110000]],
        "exemption-approved": [16, [approval, manager, True, d(2)]],
        "exemption-refused": [16, [approval, manager, False, d(2)]],
        "exemption-expired": [17, [approval, [0, []]]],
        "exemption-renewed": [17, [approval, [1, [i(11)]]]],
        "exemption-withdrawn-by-customer": [17, [approval, [2, [applicant, d(2)]]]],
        "exemption-withdrawn-by-operator": [17, [approval, [3, [manager, d(2)]]]],
        "workstation-enrolled": [18, [d(1), manager, NOON + DAY, d(2)]],
        "workstation-revoked": [19, [d(1), manager, d(2)]],
        "started-with-policies": [0, [d(1), d(2), [d(3)], d(4)]],
        "proved": [20, [d(1), d(2), d(3), 0]],
        "proved-undecided": [20, [d(1), d(2), d(3), 2]],
        "subject-erased": [31, [i(18), tenant, d(2)]],
        "subject-restricted": [32, [i(18), tenant, d(2), True, d(3)]],
        "subject-unrestricted": [32, [i(18), tenant, d(2), False, d(3)]],
        "subject-request-received": [33, [i(18), tenant, 0, d(2), d(3), NOON + 31 * DAY]],
        "subject-request-searched": [33, [i(18), tenant, 5, d(2), d(3)]],
        "owner-read": [21, [request, d(2)]],
        "owner-deleted": [22, [request, d(2), i(13)]],
        "repaired-keys-lost": [8, [3, 2]],
        "key-lost": [23, [i(13)]],
        "succeeded": [24, [succession(), d(7) + d(8)]],
        "succeeded-lost-known": [24, [[*succession(), [2, 1, d(9)]], d(7) + d(8)]],
        "role-assigned": [4, [7, i(12), 0, d(2)]],
        "lockbox-switched": [4, [11, resource, 1, d(2)]],
        "engine-added": [4, [12, i(14), 0, d(2)]],
        "content-filter-added": [4, [13, i(15), 0, d(2)]],
        "blocklist-changed": [4, [14, i(16), 1, d(2)]],
        "processor-allowed": [25, [resource, "contoso", customer, True]],
        "processor-withdrawn": [25, [resource, "Contoso_AI.eu-1", customer, False]],
        "training-started": training_started(),
        "training-started-without-validation": training_started(validation=NULL),
        "trained": trained(),
        "trained-before-the-end": trained(epochs=1, kernel=None),
        "processor-of-64-bytes": [25, [resource, "c" * 64, customer, True]],
        "object-deleted": [26, [i(17), 4, tenant, 0]],
        "object-expired": [26, [i(17), 0, tenant, 1]],
        "object-key-lost": [26, [i(17), 10, tenant, 3]],
        "key-withheld": [27, [tenant, True]],
        "key-given-back": [27, [tenant, False]],
        "personal-data-of-a-resource": [30, [resource, NULL, 2, d(2)]],
        "personal-data-of-a-processor": [30, [NULL, "contoso", 0, d(2)]],
    }
    for name, event in good.items():
        one(f"good-{name}", event, name)
    bad = [
        ("approved-without-workstation", [6, [grant, request, reviewer, manager, soon]], "two fields are missing"),
        ("approved-lockbox-as-number", [6, [grant, request, reviewer, manager, soon, d(1), 0]], "0 is not false"),
        ("looked-workstation-of-16-bytes", [7, [grant, request, reviewer, i(1)]], "too short"),
        ("looked-with-a-person-more", [7, [grant, request, reviewer, d(1), manager]], "one more"),
        ("personal-data-handling", [30, [resource, NULL, 4, d(2)]], "there is no handling 4"),
        ("personal-data-name", [30, [NULL, "a b", 2, d(2)]], "a processor has a plain name"),
        ("personal-data-setting-in-clear", [30, [resource, NULL, 2, "words"]], "a setting is committed to"),
        ("flagged-unknown-source", [9, [request, 3, d(2)]], "there is no source 3"),
        ("flagged-category-in-clear", [9, [request, 0, "violence"]], "a category is committed to"),
        ("look-requested-reason-in-clear", [10, [grant, request, reviewer, d(1), True, soon, "why"]], "a reason is committed to"),
        ("consented-null-expiry", [11, [grant, customer, NULL]], "null"),
        ("refused-unknown-decider", [12, [grant, 2, manager, d(2)]], "there is no decider 2"),
        ("flag-unknown-outcome", [13, [request, reviewer, 3, d(2)]], "there is no outcome 3"),
        ("penalised-unknown", [14, [resource, 6, d(2), NULL, manager]], "there is no penalty 6"),
        ("penalised-trailing-null", [14, [resource, 1, d(2), soon, NULL]], "what is not there at the end is left out"),
        ("penalised-trailing-nulls", [14, [resource, 0, d(2), NULL, NULL]], "what is not there at the end is left out"),
        ("exemption-applied-one-commitment", [15, [approval, resource, applicant, NOON + DAY, soon, True, d(2)]], "a field is missing"),
        ("exemption-applied-no-class", [15, [approval, resource, applicant, NOON + DAY, soon, True, d(2), d(3), NULL, 2048]], "there is no class 11"),
        ("exemption-applied-unknown", [15, [approval, resource, applicant, NOON + DAY, soon, True, d(2), d(3), 1]], "there is no exemption 1"),
        ("exemption-applied-trailing-null", [15, [approval, resource, applicant, NOON + DAY, soon, True, d(2), d(3), NULL]], "nothing is said by leaving it out"),
        ("exemption-decided-as-number", [16, [approval, manager, 1, d(2)]], "1 is not true"),
        ("exemption-ended-unknown", [17, [approval, [4, []]]], "there is no end 4"),
        ("exemption-ended-as-number", [17, [approval, 0]], "an end has fields, if none"),
        ("exemption-expired-by-somebody", [17, [approval, [0, [manager]]]], "nobody ends what expires"),
        ("exemption-ended-indefinite", [17, [approval, Raw(b"\x81\x00")]], "fields are missing"),
        ("exemption-ended-fields-of-indefinite-length", [17, [approval, Raw(b"\x82\x00" + INDEFINITE)]], "an indefinite length"),
        ("workstation-enrolled-for-ever", [18, [d(1), manager, NULL, d(2)]], "each certificate expires"),
        ("started-policies-null", [0, [d(1), d(2), [], NULL]], "what is not there at the end is left out"),
        ("started-policies-short", [0, [d(1), d(2), [], i(4)]], "a digest of 16 bytes"),
        ("proved-unknown-outcome", [20, [d(1), d(2), d(3), 3]], "there is no proof 3"),
        ("owner-read-by-a-person", [21, [request, manager]], "who it was is committed to"),
        ("owner-deleted-without-key", [22, [request, d(2)]], "the key is missing that it was sealed under"),
        ("owner-deleted-key-of-32-bytes", [22, [request, d(2), d(3)]], "no key's id"),
        ("repaired-unknown", [8, [4, 1]], "there is no repair 4"),
        ("key-lost-of-a-tenant", [23, [i(13), i(1)]], "one more"),
        ("succeeded-without-signature", [24, [succession()]], "nobody ends the old log"),
        ("succeeded-signature-of-63-bytes", [24, [succession(), bytes(63)]], "too short"),
        ("succeeded-signature-as-numbers", [24, [succession(), [1, 2]]], "it is bytes"),
        ("succeeded-without-reason", [24, [succession()[:4], d(7) + d(8)]], "a field is missing"),
        ("succeeded-lost-null", [24, [[*succession(), NULL], d(7) + d(8)]], "what is not there at the end is left out"),
        ("succeeded-unknown-source", [24, [succession(source=4), d(7) + d(8)]], "there is no source 4"),
        ("succeeded-origin-as-bytes", [24, [succession(old=b"log.example"), d(7) + d(8)]], "it is text"),
        ("subject-unknown", [4, [15, resource, 0, d(2)]], "there is no subject 15"),
        ("processor-of-65-bytes", [25, [resource, "c" * 65, customer, True]], "the name is too long"),
        ("processor-without-name", [25, [resource, "", customer, True]], "the name is empty"),
        ("processor-with-a-space", [25, [resource, "contoso ai", customer, True]], "a name has no space"),
        ("processor-with-a-dot-in-front", [25, [resource, ".contoso", customer, True]], "a letter or digit is in front"),
        ("processor-as-bytes", [25, [resource, b"contoso", customer, True]], "it is text"),
        ("processor-allowed-as-number", [25, [resource, "contoso", customer, 1]], "1 is not true"),
        ("processor-allowed-without-person", [25, [resource, "contoso", NULL, True]], "a person is responsible"),
        ("processor-allowed-for-a-deployment", [25, [resource, i(3), "contoso", customer, True]], "one more"),
        ("training-started-without-program", [28, training_started()[1][:6]], "a field is missing"),
        ("training-started-learning-rate-as-decimal", training_started(rate="0.001"), "it is the bits of a number"),
        ("training-started-settings-too-short", training_started(settings=[3, 4, RATE, 8, ALPHA]), "the seed is missing"),
        ("training-started-file-as-number", training_started(training=7), "it is a digest"),
        ("trained-kernel-with-a-space", trained(kernel="fma f32"), "a name has no space"),
        ("trained-kernel-with-a-slash-at-the-end", trained(kernel="lora-1/"), "a name is empty"),
        ("trained-kernel-empty", trained(kernel=""), "what is not there is left out"),
        ("trained-kernel-null", [29, [i(17), d(4), 3, NULL]], "what is not there at the end is left out"),
        ("trained-epochs-too-large", trained(epochs=2**32), "it has 32 bits"),
        ("object-unknown-class", [26, [i(17), 11, tenant, 0]], "there is no class 11"),
        ("object-unknown-reason", [26, [i(17), 4, tenant, 4]], "there is no reason 4"),
        ("object-class-in-words", [26, [i(17), "file", tenant, 0]], "it is a number"),
        ("object-without-tenant", [26, [i(17), 4, 0]], "a field is missing"),
        ("object-tenant-null", [26, [i(17), 4, NULL, 0]], "a tenant owned it"),
        ("object-with-an-owner", [26, [i(17), 4, tenant, 0, customer]], "one more"),
        ("key-withheld-as-number", [27, [tenant, 1]], "1 is not true"),
        ("subject-erased-without-certificate", [31, [i(18), tenant]], "a field is missing"),
        ("subject-erased-name-in-clear", [31, [i(18), tenant, "alice"]], "it is a digest"),
        ("subject-restricted-as-number", [32, [i(18), tenant, d(2), 1, d(3)]], "1 is not true"),
        ("subject-restricted-by-a-person", [32, [i(18), tenant, d(2), True, customer]], "the log does not name the officer"),
        ("subject-request-unknown-step", [33, [i(18), tenant, 8, d(2), d(3)]], "there is no step 8"),
        ("subject-request-null-deadline", [33, [i(18), tenant, 5, d(2), d(3), NULL]], "what is not there at the end is left out"),
        ("next-kind", [41, []], "there is no kind 41"),
    ]
    for name, event, remark in bad:
        one(f"bad-{name}", event, remark)


# ---- histories ----------------------------------------------------------------------------------

GRANT, REQUEST, REVIEWER, MANAGER, CUSTOMER = i(3), i(4), i(5), i(6), i(7)
A, B, RESOURCE, APPLICANT, FIRST, SECOND = i(8), i(11), i(9), i(10), i(12), i(13)
DESK, SALTED = d(1), d(2)
STARTED = [0, [d(20), d(21), []]]
WITH_POLICIES = [0, [d(20), d(21), [], d(22)]]
PROVED = [20, [d(22), d(23), d(24), 0]]


def bundle(events):
    """Events, each with how many minutes after noon it happened."""
    data = b""
    for minute, event in events:
        entry = cbor([NOON + minute * MINUTE, event])
        data += len(entry).to_bytes(2, "big") + entry
    return data


def flagged():
    return [9, [REQUEST, 1, SALTED]]


def enrolled(until=10_000):
    return [18, [DESK, MANAGER, NOON + until * MINUTE, SALTED]]


def requested(lockbox=False, until=60, request=REQUEST):
    return [10, [GRANT, request, REVIEWER, DESK, lockbox, NOON + until * MINUTE, SALTED]]


def approved(lockbox=False, until=35, manager=MANAGER, request=REQUEST, reviewer=REVIEWER, desk=DESK):
    return [6, [GRANT, request, reviewer, manager, NOON + until * MINUTE, desk, lockbox]]


def consented(person=CUSTOMER, until=45):
    return [11, [GRANT, person, NOON + until * MINUTE]]


def refused(decider, person):
    return [12, [GRANT, decider, person, SALTED]]


def looked(grant=GRANT, request=REQUEST, reviewer=REVIEWER, desk=DESK):
    return [7, [grant, request, reviewer, desk]]


def judged(outcome=1, person=REVIEWER):
    return [13, [REQUEST, person, outcome, SALTED]]


def review(*events, enrol=(1, 10_000)):
    """A start, an enrolled workstation and a flagged record, and then some events."""
    start = [(0, STARTED)] + ([(enrol[0], enrolled(enrol[1]))] if enrol else []) + [(2, flagged())]
    return start + list(events)


def applied(approval=A, until=1000, lapses=500):
    return [15, [approval, RESOURCE, APPLICANT, NOON + until * MINUTE, NOON + lapses * MINUTE, True, SALTED, d(3)]]


def applied_filter(approval=A, until=1000):
    """For a weaker content filter."""
    kind, fields = applied(approval, until)
    return [kind, [*fields, 0]]


def decided(person, yes=True, approval=A):
    return [16, [approval, person, yes, SALTED]]


def logging(on, approval=A, resource=RESOURCE):
    return [5, [resource, on, approval, SALTED]]


EXPIRED, WITHDRAWN, TAKEN_BACK = [0, []], [2, [APPLICANT, SALTED]], [3, [MANAGER, SALTED]]


def ended(end, approval=A):
    return [17, [approval, end]]


def exemption(*events):
    """In force from minute 4 to minute 1000, and then some events."""
    return [(0, STARTED), (1, applied()), (3, decided(FIRST)), (4, decided(SECOND)), (4, logging(False)), *events]


def penalised(action, by=None, until=None):
    """0 notified, 1 throttled, 2 blocked, 3 appealed, 4 upheld, 5 lifted."""
    end = [NOON + until * MINUTE] if until else [NULL] if by else []
    return [14, [RESOURCE, action, SALTED, *end, *([by] if by else [])]]


def blocked(*events):
    """Blocked by the first person from minute 1 to minute 1000, and then some events."""
    return [(0, STARTED), (1, penalised(2, FIRST, 1000)), *events]


def from_start(*events):
    return [(0, STARTED), *events]


def histories():
    def one(name, events, remark):
        put("history", name, bundle(events), remark)

    ask, allow, see = (10, requested()), (20, approved()), (30, looked())
    ask_box, allow_box = (10, requested(True)), (20, approved(True, until=600))
    apply, off, on = (1, applied()), (4, logging(False)), (10, logging(True))
    for name, events, remark in [
        ("good-look", review(ask, allow, see, (40, judged())), "asked for, approved, looked, judged"),
        ("good-look-with-consent", review(ask_box, allow_box, (30, consented()), (40, looked())), "with lockbox on"),
        ("good-judged-without-a-look", review((10, judged(0))), "what need not be read is better not read"),
        ("good-look-refused", review(ask, (20, refused(0, MANAGER)), (30, judged(0))), "no look, no finding"),
        ("bad-look-not-approved", review(ask, see), "asked for only"),
        ("bad-look-other-grant", review(ask, allow, (30, looked(grant=i(33)))), "by a permission that nobody gave"),
        ("bad-look-expired", review(ask, allow, (35, looked())), "the moment it expires is too late"),
        ("bad-look-used", review(ask, allow, see, (31, looked())), "a permission is for one look"),
        ("bad-look-other-record", review(ask, allow, (30, looked(request=i(44)))), "another record"),
        ("bad-look-other-person", review(ask, allow, (30, looked(reviewer=MANAGER))), "another person"),
        ("bad-look-other-workstation", review(ask, allow, (30, looked(desk=d(9)))), "another workstation"),
        ("bad-look-workstation-never-enrolled", review(ask, allow, see, enrol=None), "nobody enrolled it"),
        ("bad-look-workstation-revoked", review(ask, allow, (25, [19, [DESK, MANAGER, SALTED]]), see), "revoked after the approval"),
        ("bad-look-enrolment-expired", review(ask, allow, see, enrol=(1, 30)), "its certificate has expired"),
        ("bad-look-without-consent", review(ask_box, allow_box, see), "lockbox is on"),
        ("bad-look-consent-left-out", review(ask_box, allow, see), "lockbox is on in the request and off in the approval"),
        ("bad-look-consent-by-reviewer", review(ask_box, allow_box, (30, consented(REVIEWER)), (40, looked())), "the operator's own person"),
        ("bad-look-consent-expired", review(ask_box, allow_box, (30, consented()), (45, looked())), "the consent's minutes are over"),
        ("bad-look-consent-for-two-hours", review(ask_box, allow_box, (30, consented(until=150)), (40, looked())), "60 minutes are the most"),
        ("bad-look-not-flagged", from_start((1, enrolled()), ask, allow, see), "only flagged records are reviewed"),
        ("bad-look-judged-already", review(ask, allow, (25, judged(0, MANAGER)), see), "it is not flagged any more"),
        ("bad-look-refused", review(ask, (15, refused(1, CUSTOMER)), allow, see), "the customer had said no"),
        ("bad-approved-by-reviewer", review(ask, (20, approved(manager=REVIEWER))), "nobody approves their own"),
        ("bad-approved-unasked", review(allow), "nobody had asked"),
        ("bad-approved-late", review(ask, (60, approved(until=70))), "the request had expired"),
        ("bad-approved-for-two-hours", review(ask, (20, approved(until=140))), "60 minutes are the most"),
        ("bad-approved-other-record", review(ask, (20, approved(request=i(44)))), "not what was asked for"),
        ("bad-approved-other-workstation", review(ask, (20, approved(desk=d(9)))), "not what was asked for"),
        ("bad-judged-by-who-escalated", review((10, judged(2)), (20, judged(0))), "another person must"),
        ("bad-judged-twice", review((10, judged(0)), (20, judged(1, MANAGER))), "it is not flagged any more"),

        ("good-exemption", exemption((1000, ended(EXPIRED)), (1000, logging(True))), "two people, and its date"),
        ("good-exemption-withdrawn", exemption((10, ended(WITHDRAWN)), on), "by the customer"),
        ("good-exemption-renewed", exemption(
            (10, applied(B, 2000)), (11, decided(FIRST, approval=B)), (12, decided(SECOND, approval=B)),
            (12, ended([1, [B]])), (12, logging(False, B)), (1500, flagged()),
        ), "the old one's date does not matter any more"),
        ("good-exemption-of-the-content-filter", from_start(
            (1, applied_filter()), (3, decided(FIRST)), (4, decided(SECOND)), (1000, ended(EXPIRED)),
        ), "it has no effect on content logging"),
        ("good-exemptions-of-both-kinds", exemption(
            (10, applied_filter(B)), (11, decided(FIRST, approval=B)), (12, decided(SECOND, approval=B)),
            (13, ended(WITHDRAWN)), (13, logging(True)), (1000, ended(EXPIRED, B)),
        ), "each has its own end"),
        ("bad-exemption-of-the-content-filter-and-off", from_start(
            (1, applied_filter()), (3, decided(FIRST)), (4, decided(SECOND)), off,
        ), "content is not kept, and nobody had applied for that"),
        ("bad-exemption-of-the-content-filter-outlives-its-date", from_start(
            (1, applied_filter()), (3, decided(FIRST)), (4, decided(SECOND)), (1061, flagged()),
        ), "its end is missing an hour later"),
        ("bad-exemption-renewed-by-the-other-kind", exemption(
            (10, applied_filter(B)), (11, decided(FIRST, approval=B)), (12, decided(SECOND, approval=B)),
            (12, ended([1, [B]])), (12, logging(True)),
        ), "a weaker filter is no renewal of zero retention"),
        ("bad-logging-without-an-application", from_start(off), "nobody had applied"),
        ("bad-exemption-one-decision", from_start(apply, (3, decided(FIRST)), off), "one of two"),
        ("bad-exemption-same-person-twice", from_start(apply, (3, decided(FIRST)), (4, decided(FIRST)), off), "two of one person"),
        ("bad-exemption-by-applicant", from_start(apply, (3, decided(FIRST)), (4, decided(APPLICANT)), off), "nobody approves their own"),
        ("bad-exemption-refused", from_start(
            apply, (2, decided(MANAGER, False)), (3, decided(FIRST)), (4, decided(SECOND)), off,
        ), "one refusal refuses"),
        ("bad-exemption-lapsed", from_start(apply, (3, decided(FIRST)), (500, decided(SECOND)), (500, logging(False))), "decided too late"),
        ("bad-exemption-other-resource", exemption((5, logging(False, resource=i(99)))), "approved for another"),
        ("bad-exemption-for-two-years", from_start((1, applied(until=2 * 365 * 24 * 60))), "365 days are the most"),
        ("bad-exemption-outlives-its-date", exemption((1061, flagged())), "an hour later it is still off"),
        ("bad-exemption-ended-late", exemption((1061, ended(EXPIRED)), (1061, logging(True))), "more than an hour late"),
        ("bad-exemption-ended-and-off", exemption((10, ended(TAKEN_BACK))), "withdrawn, and content is still not kept"),
        ("bad-exemption-used-after-its-end", exemption((10, ended(TAKEN_BACK)), on, (20, logging(False))), "an approval ends once"),
        ("bad-exemption-on-without-an-end", exemption(on), "content is kept again, and the approval holds"),
        ("bad-exemption-expired-early", exemption((10, ended(EXPIRED)), on), "its date has not come"),
        ("bad-exemption-renewed-by-nothing", exemption((12, ended([1, [B]])), (12, logging(False, B))), "nobody applied for it"),

        ("good-penalty-upheld", blocked((2, penalised(3, CUSTOMER)), (3, penalised(4, SECOND, 1000))), "appealed, and heard by another"),
        ("good-penalty-lifted", blocked((2, penalised(3, CUSTOMER)), (3, penalised(5, FIRST))), "anybody may lift it"),
        ("good-penalty-automatic", from_start((1, penalised(0)), (2, penalised(1, None, 1000)), (3, penalised(2, FIRST, 1000))), "a day at most, by nobody"),
        ("bad-penalty-heard-by-who-imposed", blocked((2, penalised(3, CUSTOMER)), (3, penalised(4, FIRST, 1000))), "another person must"),
        ("bad-penalty-heard-by-who-imposed-before", blocked(
            (2, penalised(3, CUSTOMER)), (3, penalised(2, SECOND, 1000)), (4, penalised(4, FIRST, 1000)),
        ), "who had a part in it, too"),
        ("bad-penalty-heard-unasked", blocked((3, penalised(4, SECOND, 1000))), "nobody had appealed"),
        ("bad-penalty-appealed-twice", blocked((2, penalised(3, CUSTOMER)), (3, penalised(3, CUSTOMER))), "once against each"),
        ("bad-penalty-appealed-expired", blocked((1000, penalised(3, CUSTOMER))), "it is over"),
        ("bad-penalty-for-a-year", from_start((1, penalised(2, FIRST, 365 * 24 * 60))), "90 days are the most"),
        ("bad-penalty-without-an-end", from_start((1, penalised(2, FIRST))), "every penalty expires"),
        ("bad-penalty-block-by-nobody", from_start((1, penalised(2, None, 1000))), "a person stands behind each block"),
        ("bad-penalty-throttle-by-nobody-for-two-days", from_start((1, penalised(1, None, 2 * 24 * 60))), "a day is the most"),
        ("bad-penalty-over-a-persons-by-nobody", blocked((2, penalised(1, None, 1000))), "a person has decided"),
        ("bad-penalty-lifted-from-nothing", from_start((1, penalised(5, FIRST))), "there is none"),

        ("good-training", from_start(
            (1, training_started()), (2, trained(epochs=1, kernel=None)), (3, training_started()), (4, trained()),
        ), "an epoch, a break, and the end"),
        ("good-training-with-another-program", from_start(
            (1, training_started()), (2, training_started(program=9)), (3, trained()),
        ), "it was updated in between: a notice, and no finding"),
        ("bad-trained-without-a-start", from_start((1, trained())), "the log does not say from which files"),
        ("bad-trained-with-too-many-epochs", from_start((1, training_started()), (2, trained(epochs=4))), "it has three"),
        ("bad-trained-twice", from_start((1, training_started()), (2, trained()), (3, trained(adapter=5))), "another adapter"),
        ("bad-training-with-another-file", from_start((1, training_started()), (2, training_started(file=9))), "it goes on with it"),
        ("bad-training-before-the-first-start", [(0, training_started()), (1, STARTED)], "its beginning was left out"),
        ("good-policies-proved", [(0, PROVED), (1, WITH_POLICIES), (2, [1, [d(3)]])], "proved, and then in force"),
        ("good-policies-unproved", [(0, WITH_POLICIES), (1, PROVED)], "in force before they were proved: a notice, and no finding"),
        ("good-objects-destroyed", from_start((1, [26, [i(17), 4, i(2), 0]]), (2, [26, [i(18), 4, i(2), 1]])), "two objects"),
        ("bad-object-destroyed-twice", from_start((1, [26, [i(17), 4, i(2), 0]]), (2, [26, [i(17), 4, i(2), 1]])), "once is enough"),
        ("good-begins-with-a-change", [(0, [4, [0, i(1), 0, SALTED]]), (1, STARTED), (2, [1, [d(3)]])], "a tenant was added before the first start"),
        ("bad-begins-with-a-request", [(0, [1, [d(3)]]), (1, STARTED)], "its beginning was left out"),
        ("bad-time-falls", [(1, STARTED), (0, [1, [d(3)]])], "before its predecessor"),
    ]:
        one(name, events, remark)


# ---- receipts that name policies, a place of processing or a content filter ----------------------

LOG = "bailiwick/vectors"
SIGNER = Ed25519PrivateKey.from_private_bytes(b"\x2a" * 32)
SALT = i(9)


def key_id():
    public = SIGNER.public_key().public_bytes_raw()
    return hashlib.sha256(LOG.encode() + b"\n\x01" + public).digest()[:4]


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def terms(policies):
    return {
        0: i(2), 1: i(2), 2: i(3), 3: "local", 4: "local", 5: "embedded", 6: d(4), 7: d(5), 8: d(6), 9: 0, 10: 30,
        11: policies,
    }


def tuned(adapter=None):
    """Terms of a request that a fine-tuned model answered."""
    return {**terms({0: d(22), 1: True}), 14: {0: d(7), 1: i(17)} if adapter is None else adapter}


def place(region="swedencentral", engine="azure-sweden", **changes):
    """Terms of a request that a processor's engine answered."""
    ran = {
        0: 2, 1: "contoso", 2: "SE", 3: "https://contoso.openai.azure.com", 4: "gpt-4.1", 5: "DataZoneStandard",
        6: ["francecentral", "swedencentral"], 7: ["contoso"],
    }
    ran.update({int(name[1:]): item for name, item in changes.items()})
    ran = {number: item for number, item in ran.items() if item is not None}
    item = {**terms({0: d(22), 1: True}), 3: region, 5: engine, 12: ran}
    return {number: claim for number, claim in item.items() if number != 6}


def own():
    """Terms of a request that the embedded engine answered."""
    return {**terms({0: d(22), 1: True}), 12: {0: 0, 5: "Standard", 6: ["local"], 7: []}}


def attempt(region="francecentral", failure=1, processor=None):
    """An attempt on an engine before."""
    return {0: "vllm-paris", 1: region, 2: failure, **({3: processor} if processor else {})}


def detector(layer="encoder", digest=12):
    """A detector that looked."""
    return {0: layer, 1: d(digest)}


def filtered(named=1, detectors=None, **changes):
    """Terms of a request to which a content filter applied."""
    both = [detector("blocklist", 13), detector()]
    item = {0: "Microsoft.DefaultV2", 1: d(11), 2: both if detectors is None else detectors}
    item.update({int(name[1:]): value for name, value in changes.items()})
    item = {number: value for number, value in item.items() if value is not None}
    return {**terms({0: d(22), 1: True}), 9: named, 13: item}


def found(side=0, category=2, severity=None, blocked=False):
    """A finding; without a severity, of a category that has none."""
    return {0: side, 1: category, **({} if severity is None else {2: severity}), 3: blocked}


def screened(prompt=1, completion=1, findings=()):
    """How far each side was checked, and what was found."""
    return {0: prompt, 1: completion, 2: list(findings)}


def personal(handling=2, processor="contoso"):
    """Terms of a request in which personal data was looked for."""
    return {**place(), 15: {0: handling, **({} if processor is None else {1: processor})}}


def values(kinds=(("card", 1), ("email", 2)), restored=0, unsure=0, unseen=False):
    """How much of it was found."""
    return {0: [list(one) for one in kinds], 1: restored, 2: unsure, 3: unseen}


def written(kind=4, destroyed=False, until=NOON + DAY):
    """An object that a request wrote or destroyed."""
    return {0: i(17), 1: kind, 2: destroyed, **({} if until is None else {3: until})}


def signed(terms, shown=None, attempts=None, seen=None, outcome=0, objects=None, values=None):
    """A receipt over some terms, in a log of one entry; or over those, and showing others."""
    facts = {0: i(4), 1: NOON, 2: NOON + 250, 3: 200, 4: 0, 5: d(7), 6: d(8), 7: 12, 8: 3}
    facts[3], facts[4] = (200, 0) if outcome == 0 else (400, outcome)
    if attempts is not None:
        facts[11] = attempts
    if seen is not None:
        facts[12] = seen
    if objects is not None:
        facts[13] = objects
    if values is not None:
        facts[14] = values
    claims = cbor({0: terms, 1: facts})
    entry = cbor([NOON + 250, [1, [sha(b"bailiwick/commitment/v1\0", SALT, claims)]]])
    root = base64.b64encode(sha(b"\0", entry)).decode()
    text = f"{LOG}\n1\n{root}\n"
    line = base64.b64encode(key_id() + SIGNER.sign(text.encode())).decode()
    protected = cbor({1: -8, 3: "application/bailiwick-receipt+cbor", 4: key_id(), 395: 1})
    signature = SIGNER.sign(cbor(["Signature1", protected, b"", claims]))
    unprotected = {
        396: {-1: [cbor([1, 0, []])]}, -70001: SALT, -70002: entry,
        -70003: f"{text}\n\u2014 {LOG} {line}\n",
    }
    if shown is not None:
        claims = cbor({0: shown, 1: facts})
    return b"\xd2" + cbor([protected, unprotected, claims, signature])


def receipts():
    proved, unproved = {0: d(22), 1: True}, {0: d(22), 1: False}
    first = {11: proved, **{n: item for n, item in terms(proved).items() if n != 11}}
    for name, data, remark in [
        ("good-policies-proved", signed(terms(proved)), "the policies were proved"),
        ("good-policies-unproved", signed(terms(unproved)), "they were not"),
        ("bad-policies-proved-afterwards", signed(terms(unproved), terms(proved)), "signed as unproved, and shown as proved"),
        ("bad-policies-null", signed(terms(NULL)), "what is not there is left out"),
        ("bad-policies-without-proved", signed(terms({0: d(22)})), "a field is missing"),
        ("bad-policies-proved-as-number", signed(terms({0: d(22), 1: 1})), "1 is not true"),
        ("bad-policies-digest-alone", signed(terms(d(22))), "a digest is no policies"),
        ("bad-policies-before-the-rest", signed(first), "another order"),
        ("good-place", signed(place()), "a processor's engine, in a region of the zone"),
        ("good-place-of-the-operator", signed(place(_1=None, _2=None, _7=[])), "an engine of the operator, and no processor is allowed"),
        ("good-place-embedded", signed(own()), "the embedded engine"),
        ("good-place-after-attempts", signed(place(), attempts=[attempt(), attempt(failure=3, processor="contoso")]), "two engines did not answer before"),
        ("bad-place-region", signed(place("eastus")), "processed in a region that the deployment did not allow"),
        ("bad-place-no-regions", signed(place(_6=[])), "no region is allowed"),
        ("bad-place-region-embedded", signed({**own(), 3: "eastus"}), "processed in a region that the deployment did not allow"),
        ("bad-place-processor", signed(place(_7=["fabrikam"])), "the customer allowed another processor"),
        ("bad-place-no-processors", signed(place(_7=[])), "the customer allowed no processor"),
        ("bad-place-attempt-region", signed(place(), attempts=[attempt("eastus")]), "sent to a region that the deployment did not allow"),
        ("bad-place-attempt-processor", signed(place(), attempts=[attempt(processor="fabrikam")]), "sent to a processor that the customer had not allowed"),
        ("bad-place-attempts-without-place", signed(terms(proved), attempts=[attempt()]), "which regions were allowed is left out"),
        ("bad-place-swapped", signed(place(_6=["francecentral"]), place()), "signed with other regions than shown"),
        ("bad-place-processor-without-country", signed(place(_2=None)), "a processor has a country"),
        ("bad-place-without-destination", signed(place(_3=None)), "an engine that is another program has a destination"),
        ("bad-place-named-embedded", signed(place(engine="embedded")), "the name of the service's own engine"),
        ("bad-place-embedded-elsewhere", signed(place(engine="embedded", _0=0, _1=None, _2=None)), "the embedded engine is not dialed"),
        ("bad-place-kind", signed(place(_0=3)), "there is no kind 3"),
        ("bad-place-without-sku", signed(place(_5=None)), "a field is missing"),
        ("bad-place-without-processors", signed(place(_7=None)), "a field is missing"),
        ("bad-place-null", signed({**terms(proved), 12: NULL}), "what is not there is left out"),
        ("bad-place-processor-null", signed(place(_1=NULL, _2=None)), "what is not there is left out"),
        ("bad-place-regions-descending", signed(place(_6=["swedencentral", "francecentral"])), "another order"),
        ("bad-place-region-twice", signed(place(_6=["swedencentral", "swedencentral"])), "twice"),
        ("bad-place-no-attempts", signed(place(), attempts=[]), "what is not there is left out"),
        ("bad-place-attempt-failure", signed(place(), attempts=[attempt(failure=4)]), "there is no failure 4"),
        ("bad-place-attempts-null", signed(place(), attempts=NULL), "what is not there is left out"),
        ("good-adapter", signed(tuned()), "a fine-tuned model answered"),
        ("bad-adapter-without-job", signed(tuned({0: d(7)})), "a field is missing"),
        ("bad-adapter-null", signed(tuned(NULL)), "what is not there is left out"),
        ("bad-adapter-swapped", signed(tuned({0: d(9), 1: i(17)}), tuned()), "signed with another adapter than shown"),
        ("good-objects", signed(terms(proved), objects=[written(), written(0, True, None)]), "one written, one destroyed"),
        ("good-objects-256", signed(terms(proved), objects=[written()] * 256), "as many as there may be"),
        ("bad-objects-257", signed(terms(proved), objects=[written()] * 257), "too many"),
        ("bad-objects-none", signed(terms(proved), objects=[]), "what is not there is left out"),
        ("bad-objects-null", signed(terms(proved), objects=NULL), "what is not there is left out"),
        ("bad-objects-class", signed(terms(proved), objects=[written(11)]), "there is no class 11"),
        ("bad-objects-destroyed-as-number", signed(terms(proved), objects=[written(4, 1)]), "1 is not true"),
        ("bad-objects-until-null", signed(terms(proved), objects=[written(until=NULL)]), "what is not there is left out"),
        ("bad-objects-without-class", signed(terms(proved), objects=[{0: i(17), 2: False}]), "a field is missing"),
        ("good-personal", signed(personal(), values=values(restored=3, unsure=1)), "pseudonyms, restored in the answer"),
        ("good-personal-of-the-resource", signed(personal(3, None), values=values(), outcome=1), "blocked, and refused"),
        ("good-personal-off", signed(personal(0), values=values(())), "the processor's setting is off"),
        ("good-personal-unseen", signed(personal(), values=values((), unseen=True)), "an image went on"),
        ("good-personal-later-kind", signed(personal(), values=values([("later_kind", 1)])), "a kind of a later version"),
        ("bad-personal-swapped", signed(personal(0), personal(), values=values(())), "signed with another handling than shown"),
        ("bad-personal-alone", signed(personal()), "what was found is left out"),
        ("bad-personal-found-alone", signed(place(), values=values()), "what happens with it is left out"),
        ("bad-personal-off-and-found", signed(personal(0), values=values()), "found, and nothing looked"),
        ("bad-personal-restored-of-nothing", signed(personal(), values=values((), restored=1)), "restored, and nothing was replaced"),
        ("bad-personal-restored-under-report", signed(personal(1), values=values(restored=1)), "restored, and nothing was replaced"),
        ("bad-personal-answered-in-spite", signed(personal(3), values=values()), "blocked, and answered"),
        ("bad-personal-handling", signed(personal(4), values=values(())), "there is no handling 4"),
        ("bad-personal-descending", signed(personal(), values=values([("email", 1), ("card", 1)])), "another order"),
        ("bad-personal-twice", signed(personal(), values=values([("card", 1), ("card", 1)])), "twice"),
        ("bad-personal-zero", signed(personal(), values=values([("card", 0)])), "none is not counted"),
        ("bad-personal-kind", signed(personal(), values=values([("Card number", 1)])), "not the name of a kind"),
        ("bad-personal-null", signed({**place(), 15: NULL}), "what is not there is left out"),
        ("bad-personal-unseen-as-number", signed(personal(), values=values(unseen=1)), "1 is not true"),
        ("good-filter", signed(filtered(), seen=screened()), "both sides were filtered, and nothing was found"),
        ("good-filter-blocked-prompt", signed(filtered(), seen=screened(1, 0, [found(0, 2, 1), found(0, 4, blocked=True)]), outcome=1), "an attempt to break out, refused"),
        ("good-filter-cut-completion", signed(filtered(), seen=screened(1, 2, [found(1, 0, 3, True), found(1, 9)])), "cut short after it had gone on; and a term of a list, shown only"),
        ("good-filter-down", signed(filtered(detectors=[]), seen=screened(3, 3)), "the detectors were down, and the filter lets texts go on"),
        ("good-filter-partly", signed(filtered(), seen=screened(1, 3, [found(1, 1, 1)])), "a part of the completion was not filtered"),
        ("good-filter-later-layer", signed(filtered(detectors=[detector("a later one")]), seen=screened()), "a kind of detector of a later version"),
        ("bad-filter-swapped", signed(filtered(detectors=[]), filtered(), seen=screened(3, 3)), "signed without the detectors that are shown"),
        ("bad-filter-named-alone", signed({**terms(proved), 9: 1}), "which filter is left out"),
        ("bad-filter-none-and-named", signed(filtered(0), seen=screened()), "none applied, and one did"),
        ("bad-filter-none-and-screened", signed(terms(proved), seen=screened()), "none applied, and texts were filtered"),
        ("bad-filter-without-screened", signed(filtered()), "what it did is left out"),
        ("bad-filter-by-nobody", signed(filtered(detectors=[]), seen=screened()), "filtered, and no detector looked"),
        ("bad-filter-found-by-nobody", signed(filtered(detectors=[]), seen=screened(3, 3, [found(0, 6)])), "found, and no detector looked"),
        ("bad-filter-found-in-nothing", signed(filtered(), seen=screened(1, 0, [found(1, 6)])), "found in a text that nothing checked"),
        ("bad-filter-answered-a-blocked-prompt", signed(filtered(), seen=screened(1, 1, [found(0, 4, blocked=True)])), "blocked, and answered"),
        ("bad-filter-kind", signed(filtered(2), seen=screened()), "there is no filter 2"),
        ("bad-filter-without-name", signed(filtered(_0=None), seen=screened()), "a field is missing"),
        ("bad-filter-without-detectors", signed(filtered(_2=None), seen=screened()), "a field is missing"),
        ("bad-filter-detectors-descending", signed(filtered(detectors=[detector(), detector("blocklist", 13)]), seen=screened()), "another order"),
        ("bad-filter-detectors-digests-descending", signed(filtered(detectors=[detector(digest=13), detector()]), seen=screened()), "another order"),
        ("bad-filter-detector-twice", signed(filtered(detectors=[detector(), detector()]), seen=screened()), "twice"),
        ("bad-filter-65-detectors", signed(filtered(detectors=[detector(digest=n) for n in range(65)]), seen=screened()), "64 are the most"),
        ("bad-filter-null", signed({**terms(proved), 13: NULL}), "what is not there is left out"),
        ("bad-filter-screened-null", signed(terms(proved), seen=NULL), "what is not there is left out"),
        ("bad-filter-check", signed(filtered(), seen=screened(4, 1)), "there is no check 4"),
        ("bad-filter-without-findings", signed(filtered(), seen={0: 1, 1: 1}), "a field is missing"),
        ("bad-filter-side", signed(filtered(), seen=screened(findings=[found(2, 6)])), "there is no side 2"),
        ("bad-filter-category", signed(filtered(), seen=screened(findings=[found(0, 10)])), "there is no category 10"),
        ("bad-filter-severity-safe", signed(filtered(), seen=screened(findings=[found(0, 0, 0)])), "safe is no finding"),
        ("bad-filter-severity", signed(filtered(), seen=screened(findings=[found(0, 0, 4)])), "there is no severity 4"),
        ("bad-filter-without-severity", signed(filtered(), seen=screened(findings=[found(0, 0)])), "this category has severities"),
        ("bad-filter-profanity-with-severity", signed(filtered(), seen=screened(findings=[found(0, 6, 2)])), "this category has none"),
        ("bad-filter-findings-descending", signed(filtered(), seen=screened(findings=[found(1, 6), found(0, 6)])), "another order"),
        ("bad-filter-findings-categories-descending", signed(filtered(), seen=screened(findings=[found(1, 7), found(1, 6)])), "another order"),
        ("bad-filter-finding-twice", signed(filtered(), seen=screened(findings=[found(1, 6), found(1, 6, blocked=True)])), "twice"),
        ("bad-filter-blocked-as-number", signed(filtered(), seen=screened(findings=[{0: 0, 1: 6, 3: 0}])), "0 is not false"),
    ]:
        put("receipt", name, data, remark)


if __name__ == "__main__":
    entries()
    histories()
    receipts()
