#!/usr/bin/env python3
"""Makes the vectors of signed statements, keys and roots, from docs/spec/statements.md and docs/spec/log.md alone.

    pip install cryptography && python3 statements.py

Like make.py, it shares no code with the program under test, and always makes the same files. If `ssh-keygen` is there, the
script compares its own SSH signatures with it.
"""
import base64
import hashlib
import pathlib
import shutil
import subprocess
import tempfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from make import (
    CUSTOMER, DAY, DESK, FIRST, GRANT, HOUR, MANAGER, MINUTE, NOON, NULL, REQUEST, RESOURCE, REVIEWER, SALTED, SECOND, STARTED,
    cbor, d, i, put, sha,
)

ORIGIN = "log.example"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
NAMESPACE = b"bailiwick-statement"
WEBSITE, ELSEWHERE = sha(b"review.example"), sha(b"elsewhere.example")
TENANT, OTHER_TENANT, ENROLLER = i(2), i(30), i(14)
OPERATOR, CUSTOMERS = [0, []], [1, [TENANT]]
REVIEW, MANAGE, DECIDE, OFFICER, ENROL = 1, 2, 4, 8, 16
YEAR = 365 * DAY


class Ed25519:
    kind, form = 0, "raw"

    def __init__(self, seed, passkey=None, form=None):
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.public = self.private.public_key().public_bytes_raw()
        self.passkey = passkey
        self.form = form or ("passkey" if passkey else "raw")

    def sign(self, data):
        return self.private.sign(data)

    def sign_der(self, data):
        return self.private.sign(data)


class P256:
    kind = 1

    def __init__(self, number, passkey=None):
        self.private = ec.derive_private_key(number, ec.SECP256R1())
        form = (serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
        self.public = self.private.public_key().public_bytes(*form)
        self.passkey = passkey
        self.form = "passkey" if passkey else "raw"

    def sign_der(self, data):
        return self.private.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    def sign(self, data, high=False):
        r, s = utils.decode_dss_signature(self.sign_der(data))
        if (s > ORDER // 2) != high:
            s = ORDER - s
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def key(one):
    return [one.kind, [one.public, *([one.passkey] if one.passkey else [])]]


def fingerprint(one):
    return sha(b"bailiwick/key/v1\0", cbor(key(one)))


def root(*keys, threshold=None, ordered=True):
    keys = sorted(keys, key=fingerprint) if ordered else keys
    return [[key(one) for one in keys], threshold or (1 if len(keys) == 1 else 2)]


def field(data):
    return len(data).to_bytes(4, "big") + data


def ssh_bytes(statement, namespace=NAMESPACE, name=b"sha512", algorithm=hashlib.sha512):
    return b"SSHSIG" + b"".join(map(field, [namespace, b"", name, algorithm(statement).digest()]))


def client_data(statement, kind="webauthn.get", challenge=None, page="https://review.example", end=',"crossOrigin":false}'):
    challenge = sha(statement) if challenge is None else challenge
    challenge = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
    return f'{{"type":"{kind}","challenge":"{challenge}","origin":"{page}"{end}'.encode()


def passkey(one, statement, website=None, flags=0x05, extensions=b"", der=None, **data):
    """An assertion of WebAuthn."""
    authenticator = (website or one.passkey) + bytes([flags]) + (7).to_bytes(4, "big") + extensions
    client = client_data(statement, **data)
    signature = one.sign_der(authenticator + sha(client))
    return [2, [authenticator, client, der(signature) if der else signature]]


class Log:
    """A log, and who signs in it."""

    def __init__(self):
        self.entries, self.at = [], 0

    def root(self, size=None):
        def tree(leaves):
            if len(leaves) == 1:
                return leaves[0]
            half = 1
            while half * 2 < len(leaves):
                half *= 2
            return sha(b"\x01", tree(leaves[:half]), tree(leaves[half:]))
        size = len(self.entries) if size is None else size
        leaves = [sha(b"\x00", entry) for entry in self.entries[:size]]
        return tree(leaves) if leaves else sha(b"")

    def signed(self, one, event, size=None, root=None, origin=ORIGIN, claimed=None, form=None, by=None, **how):
        """A signature of a statement. `claimed` is a size that only the entry names, `by` another key that signs."""
        size = len(self.entries) if size is None else size
        seen = root or self.root(size)
        statement = b"bailiwick/statement/v1\0" + cbor([origin, size, seen, event])
        signer = by or one
        form = form or one.form
        if form == "raw":
            signature = [0, [signer.sign(statement, **how)]]
        elif form == "ssh":
            signature = [1, [signer.sign(ssh_bytes(statement, **how))]]
        else:
            signature = passkey(signer, statement, **how)
        return [fingerprint(one), size if claimed is None else claimed, seen, signature]

    def add(self, event, *signed, minutes=1):
        """An entry, with signatures in order."""
        self.at += minutes
        signed = sorted(signed, key=lambda one: one[0])
        entry = [NOON + self.at * MINUTE, event, *([signed] if signed else [])]
        self.entries.append(cbor(entry))
        return self

    def by(self, event, *keys, minutes=1, **how):
        """An entry that these keys sign."""
        return self.add(event, *(self.signed(one, event, **how) for one in keys), minutes=minutes)

    def bundle(self):
        return b"".join(len(entry).to_bytes(2, "big") + entry for entry in self.entries)


# The operator's root, and the customer's: two of three.
BOSS = Ed25519(1)
ONE, TWO, THREE = Ed25519(2), P256(3), Ed25519(4)
REVIEWERS, MANAGERS = Ed25519(5, form="ssh"), P256(6, WEBSITE)
OFFICERS, DECIDES, DECIDES_TOO = P256(7), Ed25519(8), Ed25519(9, WEBSITE)
ENROLLERS, STRANGER, NEW = Ed25519(10), Ed25519(11), P256(12)


def enrolled(party, person, one, capacities, until=NOON + YEAR - DAY):
    return [38, [party, person, key(one), capacities, until]]


def revoked(party, person, one):
    return [39, [party, person, fingerprint(one)]]


def promised(promise, resource=None, tenant=TENANT):
    return [40, [tenant, promise, *([resource] if resource else [])]]


def roots():
    log = Log().add(STARTED)
    log.by([34, [OPERATOR, root(BOSS)]], BOSS)
    return log.by([34, [CUSTOMERS, root(ONE, TWO, THREE)]], ONE, TWO)


def people():
    """Roots, and people with keys."""
    log = roots()
    for person, one, capacities in [
        (ENROLLER, ENROLLERS, ENROL), (REVIEWER, REVIEWERS, REVIEW), (MANAGER, MANAGERS, MANAGE),
        (FIRST, DECIDES, DECIDE), (SECOND, DECIDES_TOO, DECIDE),
    ]:
        log.by(enrolled(OPERATOR, person, one, capacities), BOSS, one)
    return log.by(enrolled(CUSTOMERS, CUSTOMER, OFFICERS, OFFICER), ONE, THREE, OFFICERS)


def asked(log):
    return [10, [GRANT, REQUEST, REVIEWER, DESK, True, NOON + (log.at + 30) * MINUTE, SALTED]]


def approved(log, reviewer=REVIEWER, manager=MANAGER):
    return [6, [GRANT, REQUEST, reviewer, manager, NOON + (log.at + 30) * MINUTE, DESK, True]]


def consented(log, person=CUSTOMER):
    return [11, [GRANT, person, NOON + (log.at + 30) * MINUTE]]


def desk():
    """A workstation, and a flagged record."""
    log = people()
    log.by([18, [DESK, ENROLLER, NOON + DAY, SALTED]], ENROLLERS)
    return log.add([9, [REQUEST, 1, SALTED]])


def requested():
    log = desk()
    return log.by(asked(log), REVIEWERS)


def allowed():
    log = requested()
    return log.by(approved(log), MANAGERS)


def refused(log, decider=0, person=MANAGER):
    return [12, [GRANT, decider, person, SALTED]]


def applied(person=CUSTOMER):
    return [15, [i(8), RESOURCE, person, NOON + 30 * DAY, NOON + DAY, True, SALTED, d(3)]]


def recovery(log, days=7, party=CUSTOMERS):
    return [36, [party, root(NEW), NOON + log.at * MINUTE + days * DAY + MINUTE]]


def swapped(signature):
    """The other of the two ECDSA signatures, in DER."""
    r, s = utils.decode_dss_signature(signature)
    return utils.encode_dss_signature(r, ORDER - s)


def long_form(signature):
    return signature[:1] + b"\x81" + signature[1:]


def logs():
    def one(name, log, remark):
        put("signed", name, log.bundle(), remark)

    def wrong(title, before, event, *keys, remark, **how):
        """A log that would be good without the last entry. How it is signed is in `how`."""
        log = before()
        event = event(log) if callable(event) else event
        one(f"bad-{title}", log.by(event, *keys, **how), remark)

    log = allowed()
    log.by(consented(log), OFFICERS).add([7, [GRANT, REQUEST, REVIEWER, DESK]])
    one("good-look-with-consent", log.by([13, [REQUEST, REVIEWER, 1, SALTED]], REVIEWERS), "by SSH, a passkey and a key file")
    log = people()
    for promise, resource in [([0, [True]], RESOURCE), ([2, [7]], None), ([3, [d(5), True]], None), ([1, []], RESOURCE), ([3, [d(5), False]], None)]:
        log.by(promised(promise, resource), OFFICERS)
    one("good-promises", log.by(promised([0, [True]]), TWO, THREE), "by the officer, and by the root")
    log = people().by(applied(), OFFICERS)
    log.by([16, [i(8), FIRST, True, SALTED]], DECIDES).by([16, [i(8), SECOND, True, SALTED]], DECIDES_TOO)
    log.add([5, [RESOURCE, False, i(8), SALTED]]).by([17, [i(8), [2, [CUSTOMER, SALTED]]]], OFFICERS)
    one("good-exemption", log.add([5, [RESOURCE, True, i(8), SALTED]]), "applied for, decided and withdrawn")
    log = people().by([35, [CUSTOMERS, root(NEW)]], ONE, THREE).by(promised([0, [True]]), NEW)
    one("good-root-replaced", log.by(promised([0, [False]]), OFFICERS), "people stay")
    log = people()
    log.by(recovery(log), ENROLLERS).by(promised([0, [True]]), NEW, minutes=7 * 24 * 60 + 5)
    one("good-root-recovered", log, "it counts after seven days")
    log = people()
    log.by(recovery(log), BOSS).by([37, [CUSTOMERS]], TWO)
    one("good-root-recovery-stopped", log.by(promised([0, [True]]), ONE, TWO, minutes=8 * 24 * 60), "one key is enough to stop it")
    log = people().by(enrolled(OPERATOR, i(31), NEW, REVIEW), ENROLLERS, NEW)
    log.by(revoked(OPERATOR, i(31), NEW), NEW).by(revoked(OPERATOR, FIRST, DECIDES), BOSS)
    one("good-key-by-an-enroller", log, "and revoked by its person")
    log = people()
    log.by(enrolled(OPERATOR, REVIEWER, REVIEWERS, REVIEW, NOON + HOUR), ENROLLERS, REVIEWERS)
    log.by(enrolled(OPERATOR, REVIEWER, REVIEWERS, REVIEW), ENROLLERS, REVIEWERS, minutes=2 * 60)
    one("good-key-enrolled-again", log, "it had expired in between")
    log = people()
    event = promised([0, [True]])
    earlier = log.signed(OFFICERS, event)
    one("good-seen-an-hour-ago", log.add([1, [d(3)]]).add(event, earlier, minutes=60), "what the officer did not see is an hour old")
    log = people()
    one("good-quiet-for-days", log.by(event, OFFICERS, minutes=5 * 24 * 60), "nothing was logged in between")
    for name, how in [
        ("with-another-member", {"end": ',"crossOrigin":false,"other":1}'}), ("of-an-older-browser", {"end": "}"}),
        ("with-extensions", {"flags": 0x85, "extensions": b"\xa0"}), ("high-s", {"der": swapped}),
    ]:
        log = requested()
        one(f"good-passkey-{name}", log.by(approved(log), MANAGERS, **how), "as authenticators and browsers may do")
    log = Log().add(STARTED).add([18, [DESK, ENROLLER, NOON + DAY, SALTED]]).add([21, [REQUEST, d(2)]])
    one("good-unsigned-before-a-root", log, "as before there were roots: not proved, and not wrong")

    # The statement.
    lockbox = promised([0, [True]])
    for name, how, remark in [
        ("another-log", {"origin": "other.example"}, "the signer saw another log"),
        ("another-root", {"root": d(7)}, "another history of that size"),
        ("a-size-that-was-not-signed", {"size": 8, "claimed": 9}, "the statement names another size"),
        ("a-head-to-come", {"size": 10, "root": d(7)}, "nobody saw that many entries"),
        ("another-key", {"by": NEW}, "somebody else signed"),
        ("high-s", {"high": True}, "the other of two signatures"),
    ]:
        wrong(name, people, lockbox, OFFICERS, remark=remark, **how)
    log = people()
    one("bad-another-event", log.add(promised([0, [False]]), log.signed(OFFICERS, lockbox)), "the promise was turned round")
    log = people()
    earlier = log.signed(OFFICERS, lockbox)
    one("bad-used", log.add(lockbox, earlier).by([40, [TENANT, [0, [False]]]], ONE, TWO).add(lockbox, earlier), "a statement counts once")
    log = people()
    earlier = log.signed(OFFICERS, lockbox)
    log.by(promised([0, [False]]), OFFICERS)
    one("bad-older-than-the-last", log.add(lockbox, earlier), "the officer has signed a later one")
    log = people()
    earlier = log.signed(OFFICERS, lockbox)
    one("bad-stale", log.add([1, [d(3)]]).add(lockbox, earlier, minutes=61), "more than an hour")
    log = people()
    one("bad-needless", log.by([9, [REQUEST, 1, SALTED]], BOSS), "nobody signs a flag of the service")

    # The form of the signature.
    wrong("ssh-another-namespace", desk, asked, REVIEWERS, namespace=b"file", remark="a file's signature")
    wrong("ssh-another-hash", desk, asked, REVIEWERS, name=b"sha256", algorithm=hashlib.sha256, remark="it is sha512")
    wrong("ssh-by-a-stranger", desk, asked, REVIEWERS, form="ssh", by=STRANGER, remark="by another key")
    log = desk()
    signed = log.signed(REVIEWERS, asked(log), form="raw")
    one("bad-raw-as-ssh", log.add(asked(log), [*signed[:3], [1, signed[3][1]]]), "the bytes of one are not those of the other")
    wrong("ssh-by-p256", people, lockbox, OFFICERS, form="ssh", remark="there is no such form")
    wrong("raw-by-a-passkey", requested, approved, MANAGERS, form="raw", remark="a website's key signs through the browser only")
    log = people()
    signed = log.signed(OFFICERS, lockbox, form="passkey", website=WEBSITE)
    one("bad-passkey-by-a-key-file", log.add(lockbox, signed), "a key file is not a passkey")
    for name, how, remark in [
        ("of-another-website", {"website": ELSEWHERE}, "another rpIdHash"),
        ("without-user-verification", {"flags": 0x01}, "UV is not set"),
        ("without-user-presence", {"flags": 0x04}, "UP is not set"),
        ("with-a-new-key", {"flags": 0x45, "extensions": bytes(18)}, "AT is set"),
        ("with-bytes-without-a-flag", {"extensions": b"\xa0"}, "ED is not set"),
        ("with-a-flag-without-bytes", {"flags": 0x85}, "ED is set"),
        ("another-challenge", {"challenge": d(7)}, "another statement"),
        ("challenge-in-hex", {"challenge": d(7).hex().encode()}, "not base64url of 32 bytes"),
        ("created", {"kind": "webauthn.create"}, "an enrolment"),
        ("cross-origin", {"end": ',"crossOrigin":true}'}, "in a frame of another website"),
        ("cross-origin-later", {"end": ',"other":1,"crossOrigin":true}'}, "members in another order"),
        ("top-origin", {"end": ',"topOrigin":"https://evil.example","crossOrigin":false}'}, "members in another order"),
        ("json-with-spaces", {"end": ' ,"crossOrigin":false}'}, "another form of JSON"),
        ("json-cut", {"end": ',"crossOrigin":false'}, "no end"),
        ("origin-with-escapes", {"page": "https://review.example\\u0022"}, "no origin has escapes"),
        ("der-in-long-form", {"der": long_form}, "BER"),
        ("der-with-a-byte-more", {"der": lambda signature: signature + b"\0"}, "trailing"),
        ("der-with-a-zero-in-front", {"der": lambda signature: bytes([0x30, signature[1] + 1, 2, signature[3] + 1, 0]) + signature[4:]}, "a zero that is not needed"),
        ("raw-for-der", {"der": lambda signature: bytes(64)}, "it is DER"),
    ]:
        wrong(f"passkey-{name}", requested, approved, MANAGERS, remark=remark, **how)

    # Who signs what.
    for name, before, event, keys, remark in [
        ("look-by-a-manager", desk, asked, [MANAGERS], "the key is not the reviewer's"),
        ("look-by-a-stranger", desk, asked, [STRANGER], "nobody enrolled the key"),
        ("look-unsigned", desk, asked, [], "the operator has a root"),
        ("look-by-the-root", desk, asked, [BOSS], "a root decides about keys only"),
        ("approved-by-the-reviewer", requested, approved, [REVIEWERS], "the manager did not sign"),
        ("approved-by-both", requested, approved, [MANAGERS, REVIEWERS], "one signs"),
        ("approved-unsigned", requested, approved, [], "the operator has a root"),
        ("consent-by-a-manager", allowed, lambda log: consented(log, i(40)), [MANAGERS], "the operator does not consent for the customer"),
        ("consent-unsigned", allowed, consented, [], "the person has a key"),
        ("consent-of-another-person", allowed, lambda log: consented(log, i(40)), [OFFICERS], "the entry names another person"),
        ("refused-for-the-customer", requested, lambda log: refused(log, 1, CUSTOMER), [MANAGERS], "by the operator"),
        ("refused-for-the-manager", requested, refused, [OFFICERS], "by the customer"),
        ("judged-by-a-manager", desk, [13, [REQUEST, MANAGER, 1, SALTED]], [MANAGERS], "a reviewer judges"),
        ("penalty-by-a-decider", people, [14, [RESOURCE, 2, SALTED, NOON + HOUR, FIRST]], [DECIDES], "a reviewer or a manager"),
        ("owner-read-by-a-reviewer", people, [21, [REQUEST, d(2)]], [REVIEWERS], "no owner"),
        ("owner-deleted-by-a-manager", people, [21, [REQUEST, d(2)]], [MANAGERS], "no owner"),
        ("exemption-by-the-operator", people, applied(MANAGER), [MANAGERS], "the customer applies"),
        ("exemption-decided-by-a-reviewer", lambda: people().by(applied(), OFFICERS), [16, [i(8), REVIEWER, True, SALTED]], [REVIEWERS], "a decider decides"),
        ("workstation-by-a-manager", people, [18, [DESK, MANAGER, NOON + DAY, SALTED]], [MANAGERS], "an enroller enrols"),
        ("processor-by-the-operator", people, [25, [RESOURCE, "contoso", MANAGER, True]], [MANAGERS], "the customer allows it"),
        ("search-by-another-officer", people, [33, [i(18), OTHER_TENANT, 5, d(2), d(3)]], [OFFICERS], "another tenant's"),
        ("search-unsigned", people, [33, [i(18), TENANT, 5, d(2), d(3)]], [], "the tenant has a root"),
        ("restricted-by-the-operator", people, [32, [i(18), TENANT, d(2), True, d(3)]], [REVIEWERS], "an officer of the tenant"),
        ("promise-by-the-operator", people, lockbox, [BOSS], "the customer's own"),
        ("promise-for-another-tenant", people, promised([0, [False]], tenant=OTHER_TENANT), [OFFICERS], "not its officer"),
        ("promise-unsigned", people, lockbox, [], "always signed"),
        ("promise-by-one-of-two", people, lockbox, [ONE], "two of three"),
        ("promise-issuer-of-a-resource", people, promised([3, [d(5), True]], RESOURCE), [OFFICERS], "they count for a tenant"),
    ]:
        wrong(name, before, event, *keys, remark=remark)
    log = people()
    log.by(enrolled(OPERATOR, REVIEWER, NEW, REVIEW | MANAGE), BOSS, NEW)
    log.by([18, [DESK, ENROLLER, NOON + DAY, SALTED]], ENROLLERS).add([9, [REQUEST, 1, SALTED]]).by(asked(log), REVIEWERS)
    one("bad-approved-by-oneself", log.by(approved(log, REVIEWER, REVIEWER), NEW), "with another key and capacity")

    # Roots and keys.
    alone = lambda: Log().add(STARTED)
    made = lambda *keys, party=CUSTOMERS: [34, [party, root(*keys)]]
    for name, before, event, keys, remark in [
        ("root-unsigned", alone, made(NEW), [], "its keys sign"),
        ("root-by-one-of-three", alone, made(ONE, TWO, THREE), [ONE], "two of them sign"),
        ("root-by-another", alone, made(NEW), [STRANGER], "its own keys sign"),
        ("root-by-another-too", lambda: roots(), made(NEW, party=[1, [OTHER_TENANT]]), [NEW, BOSS], "nobody else signs"),
        ("root-twice", people, made(NEW), [NEW], "there is one"),
        ("root-with-the-operators-key", lambda: alone().by([34, [OPERATOR, root(BOSS)]], BOSS), made(BOSS), [BOSS], "the customer's root is its own"),
        ("root-replaced-by-one-of-two", people, [35, [CUSTOMERS, root(NEW)]], [ONE], "two of three"),
        ("root-replaced-by-the-operator", people, [35, [CUSTOMERS, root(NEW)]], [BOSS], "the old root signs"),
        ("root-replaced-by-the-new-one", people, [35, [CUSTOMERS, root(NEW)]], [NEW], "the old root signs"),
        ("root-replaced-with-the-operators-key", people, [35, [CUSTOMERS, root(BOSS)]], [ONE, TWO], "it belongs to somebody else"),
        ("root-replaced-without-one", alone, [35, [CUSTOMERS, root(NEW)]], [NEW], "there is none"),
        ("recovery-too-soon", people, lambda log: recovery(log, 6), [BOSS], "seven days at least"),
        ("recovery-by-a-reviewer", people, recovery, [REVIEWERS], "root or enroller"),
        ("recovery-by-the-customers-officer", people, recovery, [OFFICERS], "the operator announces it"),
        ("recovery-without-a-root", lambda: alone().by([34, [OPERATOR, root(BOSS)]], BOSS), recovery, [BOSS], "there is nothing to recover"),
        ("recovery-used-before-its-time", lambda: (lambda log: log.by(recovery(log), BOSS))(people()), lockbox, [NEW], "it does not count yet"),
        ("recovery-stopped-by-the-operator", lambda: (lambda log: log.by(recovery(log), BOSS))(people()), [37, [CUSTOMERS]], [BOSS], "the customer stops it"),
        ("recovery-stopped-without-one", people, [37, [CUSTOMERS]], [ONE], "none is announced"),
        ("key-by-the-operator", people, enrolled(CUSTOMERS, i(31), NEW, OFFICER), [BOSS, NEW], "the customer names its officers"),
        ("key-by-the-operators-enroller", people, enrolled(CUSTOMERS, i(31), NEW, OFFICER), [ENROLLERS, NEW], "the customer names its officers"),
        ("key-by-an-officer", people, enrolled(CUSTOMERS, i(31), NEW, OFFICER), [OFFICERS, NEW], "officers do not name officers"),
        ("key-without-possession", people, enrolled(OPERATOR, i(31), NEW, REVIEW), [BOSS], "the new key signs, too"),
        ("key-by-itself", people, enrolled(OPERATOR, i(31), NEW, REVIEW), [NEW], "nobody enrols itself"),
        ("key-for-oneself", people, enrolled(OPERATOR, ENROLLER, NEW, MANAGE), [ENROLLERS, NEW], "an enroller enrols others"),
        ("key-of-an-enroller-by-an-enroller", people, enrolled(OPERATOR, i(31), NEW, ENROL), [ENROLLERS, NEW], "only the root names those who name"),
        ("key-for-two-years", people, enrolled(OPERATOR, i(31), NEW, REVIEW, NOON + 2 * YEAR), [BOSS, NEW], "a year at most"),
        ("key-for-the-past", people, enrolled(OPERATOR, i(31), NEW, REVIEW, NOON), [BOSS, NEW], "it is over"),
        ("key-of-an-officer-for-the-operator", people, enrolled(OPERATOR, i(31), NEW, OFFICER), [BOSS, NEW], "officers are the customer's"),
        ("key-of-a-manager-for-the-customer", people, enrolled(CUSTOMERS, i(31), NEW, MANAGE), [ONE, TWO, NEW], "managers are the operator's"),
        ("key-of-somebody-else", people, enrolled(OPERATOR, i(31), REVIEWERS, REVIEW), [BOSS, REVIEWERS], "a key has one person"),
        ("key-for-a-person-of-two-parties", people, enrolled(CUSTOMERS, REVIEWER, NEW, OFFICER), [ONE, TWO, NEW], "a person has one party"),
        ("key-without-a-root", alone, enrolled(CUSTOMERS, i(31), NEW, OFFICER), [NEW], "nobody names people"),
        ("key-revoked-by-the-operator", people, revoked(CUSTOMERS, CUSTOMER, OFFICERS), [BOSS], "another party's"),
        ("key-revoked-by-another-person", people, revoked(OPERATOR, FIRST, DECIDES), [REVIEWERS], "not an enroller"),
        ("key-revoked-of-another-person", people, revoked(OPERATOR, SECOND, DECIDES), [BOSS], "the person has another key"),
        ("key-used-after-its-revocation", lambda: people().by(revoked(CUSTOMERS, CUSTOMER, OFFICERS), ONE, TWO), lockbox, [OFFICERS], "revoked"),
        ("key-enrolled-after-its-revocation", lambda: people().by(revoked(OPERATOR, FIRST, DECIDES), BOSS), enrolled(OPERATOR, FIRST, DECIDES, DECIDE), [BOSS, DECIDES], "it does not come back"),
        ("key-of-a-replaced-root", lambda: people().by([35, [CUSTOMERS, root(NEW)]], ONE, THREE), lockbox, [ONE, THREE], "another root counts"),
    ]:
        wrong(name, before, event, *keys, remark=remark)
    wrong("key-used-after-its-end", people, lockbox, OFFICERS, minutes=365 * 24 * 60, remark="expired")
    log = people()
    log.by(recovery(log), BOSS).by([37, [CUSTOMERS]], TWO)
    one("bad-recovery-stopped-and-used", log.by(lockbox, NEW, minutes=8 * 24 * 60), "the customer stopped it")
    log = people()
    log.by(recovery(log), BOSS)
    one("bad-old-root-after-a-recovery", log.by(lockbox, ONE, TWO, minutes=8 * 24 * 60), "another root counts")


def entries():
    def one(name, entry, remark):
        put("entry", name, cbor(entry), remark)

    def signed(*signatures, event=None):
        return [NOON, event or [37, [CUSTOMERS]], list(signatures)]

    def by(n, signature=None):
        return [d(n), 5, d(9), signature or [0, [bytes(64)]]]

    pass_by = lambda authenticator=37, client=100, signature=70: [2, [bytes(authenticator), bytes(client), bytes(signature)]]
    new, three = key(NEW), root(ONE, TWO, THREE)
    for name, event in {
        "root-made": [34, [OPERATOR, root(BOSS)]],
        "root-made-two-of-three": [34, [CUSTOMERS, three]],
        "root-replaced": [35, [CUSTOMERS, root(NEW)]],
        "root-recovery": [36, [CUSTOMERS, root(NEW), NOON + 7 * DAY]],
        "root-recovery-stopped": [37, [CUSTOMERS]],
        "person-key-enrolled": enrolled(OPERATOR, REVIEWER, REVIEWERS, REVIEW | MANAGE),
        "person-key-enrolled-passkey": enrolled(OPERATOR, MANAGER, MANAGERS, MANAGE),
        "person-key-revoked": revoked(OPERATOR, REVIEWER, REVIEWERS),
        "promised-lockbox": promised([0, [True]], RESOURCE),
        "promised-content-kept": promised([1, []], RESOURCE),
        "promised-retention": promised([2, [30]]),
        "promised-issuer": promised([3, [d(5), True]]),
    }.items():
        one(f"good-{name}", [NOON, event], name)
    for name, signatures in {
        "raw": [by(1)], "ssh": [by(1, [1, [bytes(64)]])], "passkey": [by(1, pass_by())], "three-times": [by(1), by(2), by(3)],
        "longest-passkey": [by(1, pass_by(512, 1024, 72))],
    }.items():
        one(f"good-signed-{name}", signed(*signatures), name)
    for name, entry, remark in [
        ("signed-null", [NOON, [37, [CUSTOMERS]], NULL], "what is not there at the end is left out"),
        ("signed-by-nobody", signed(), "what is not there at the end is left out"),
        ("signed-by-four", signed(*map(by, [1, 2, 3, 4])), "three are the most"),
        ("signed-twice-by-a-key", signed(by(1), by(1)), "one key, one signature"),
        ("signed-out-of-order", signed(by(2), by(1)), "ascending by key"),
        ("signed-in-an-unknown-form", signed(by(1, [3, [bytes(64)]])), "there is no form 3"),
        ("signed-with-63-bytes", signed(by(1, [0, [bytes(63)]])), "too short"),
        ("signed-without-root", signed([d(1), 5, [0, [bytes(64)]]]), "a field is missing"),
        ("signed-by-a-key-in-full", signed([new, 5, d(9), [0, [bytes(64)]]]), "it is the fingerprint"),
        ("signed-passkey-client-data-too-long", signed(by(1, pass_by(client=1025))), "1024 bytes are the most"),
        ("signed-passkey-authenticator-data-too-long", signed(by(1, pass_by(authenticator=513))), "512 bytes are the most"),
        ("signed-passkey-signature-too-long", signed(by(1, pass_by(signature=73))), "72 bytes are the most"),
        ("signed-outside-of-a-list", [NOON, [37, [CUSTOMERS]], by(1)], "it is a list"),
        ("signed-and-more", [*signed(by(1)), 1], "one more"),
        ("root-of-nobody", [NOON, [34, [OPERATOR, [[], 1]]]], "one key or three"),
        ("root-of-two", [NOON, [34, [OPERATOR, root(ONE, TWO)]]], "one key or three"),
        ("root-one-of-three", [NOON, [34, [OPERATOR, root(ONE, TWO, THREE, threshold=1)]]], "two of three"),
        ("root-three-of-three", [NOON, [34, [OPERATOR, root(ONE, TWO, THREE, threshold=3)]]], "two of three"),
        ("root-with-a-key-twice", [NOON, [34, [OPERATOR, [[three[0][0], *three[0][:2]], 2]]]], "three keys"),
        ("root-out-of-order", [NOON, [34, [OPERATOR, [three[0][::-1], 2]]]], "ascending by fingerprint"),
        ("root-of-an-unknown-party", [NOON, [34, [[2, []], root(BOSS)]]], "there is no party 2"),
        ("root-of-a-tenant-without-id", [NOON, [34, [[1, []], root(BOSS)]]], "a field is missing"),
        ("root-of-an-operator-with-id", [NOON, [34, [[0, [TENANT]], root(BOSS)]]], "there is one operator"),
        ("key-of-an-unknown-kind", [NOON, [34, [OPERATOR, [[[2, [bytes(32)]]], 1]]]], "there is no kind 2"),
        ("key-of-small-order", [NOON, [34, [OPERATOR, [[[0, [b"\x01" + bytes(31)]]], 1]]]], "it signs everything"),
        ("key-not-compressed", [NOON, [34, [OPERATOR, [[[1, [b"\x04" + bytes(32)]]], 1]]]], "not a compressed point"),
        ("key-not-on-the-curve", [NOON, [34, [OPERATOR, [[[1, [b"\x02" + b"\xff" * 32]]], 1]]]], "not a point"),
        ("key-null-passkey", [NOON, [34, [OPERATOR, [[[1, [NEW.public, NULL]]], 1]]]], "what is not there at the end is left out"),
        ("key-without-capacities", [NOON, enrolled(OPERATOR, REVIEWER, NEW, 0)], "what for?"),
        ("key-with-an-unknown-capacity", [NOON, enrolled(OPERATOR, REVIEWER, NEW, 33)], "there is no bit 5"),
        ("promised-nothing-known", [NOON, promised([4, []])], "there is no promise 4"),
        ("promised-31-days", [NOON, promised([2, [31]])], "30 are the most"),
        ("promised-no-days", [NOON, promised([2, [0]])], "one at least"),
        ("promised-lockbox-as-number", [NOON, promised([0, [1]])], "1 is not true"),
        ("promised-content-not-kept", [NOON, promised([1, [False]])], "that is an exemption"),
        ("promised-null-resource", [NOON, [40, [TENANT, [1, []], NULL]]], "what is not there at the end is left out"),
    ]:
        one(f"bad-{name}", entry, remark)


def armored(one, statement, namespace=NAMESPACE, name=b"sha512", algorithm=hashlib.sha512, kind=b"ssh-ed25519"):
    signature = one.sign(ssh_bytes(statement, namespace, name, algorithm))
    blob = b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(map(field, [
        field(kind) + field(one.public), namespace, b"", name, field(kind) + field(signature),
    ]))
    text = base64.b64encode(blob).decode()
    lines = [text[at:at + 70] for at in range(0, len(text), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]).encode()


def by_ssh_keygen(one, statement):
    """The same, by OpenSSH."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "key"
        file.touch(0o600)
        file.write_bytes(one.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()))
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE.decode(), "-f", str(file)]
        return subprocess.run(command, input=statement, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def ssh():
    statement = b"bailiwick/statement/v1\0" + cbor([ORIGIN, 0, sha(b""), [37, [CUSTOMERS]]])
    good = armored(REVIEWERS, statement)
    if shutil.which("ssh-keygen"):
        assert by_ssh_keygen(REVIEWERS, statement) == good, "OpenSSH makes another signature"
    else:
        print("ssh-keygen is not there: its signature was not compared")
    for name, data, remark in [
        ("good-ssh-keygen", good, "to the byte what `ssh-keygen -Y sign -n bailiwick-statement` makes"),
        ("bad-another-namespace", armored(REVIEWERS, statement, namespace=b"file"), "a file's signature"),
        ("bad-another-hash", armored(REVIEWERS, statement, name=b"sha256", algorithm=hashlib.sha256), "it is sha512"),
        ("bad-another-algorithm", armored(REVIEWERS, statement, kind=b"ssh-rsa"), "Ed25519 only"),
        ("bad-cut", good[:150] + good[-28:], "the signature is cut"),
        ("bad-without-an-end", good[:-28], "the last line is missing"),
        ("bad-public-key", b"ssh-ed25519 AAAA reviewer@example\n", "not a signature"),
    ]:
        put("sshsig", name, data, remark)


if __name__ == "__main__":
    entries()
    logs()
    ssh()
