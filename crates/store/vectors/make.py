#!/usr/bin/env python3
"""Makes the vectors, from docs/spec alone: nothing here is shared with the program that is tested.

    pip install kyber-py cryptography && python3 make.py

HPKE (RFC 9180) and X-Wing (draft-connolly-cfrg-xwing-kem) are written out below; ML-KEM, X25519 and
AES-GCM are those of the two packages. Everything is derived from fixed bytes, so it makes the same
files every time.
"""
import hashlib
import hmac
import pathlib

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from kyber_py.ml_kem import ML_KEM_768

HOME = pathlib.Path(__file__).parent
DAY = 86_400_000
DEADLINE = 20_000 * DAY


def fixed(name, length):
    return hashlib.shake_256(name.encode()).digest(length)


def flip(data, at):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def u32(n):
    return n.to_bytes(4, "big")


def u64(n):
    return n.to_bytes(8, "big")


def sized(data):
    return u32(len(data)) + data


def put(kind, name, data, remark):
    text = data.hex()
    lines = [f"# {remark}"] + [text[i:i + 100] for i in range(0, len(text), 100)]
    (HOME / kind).mkdir(exist_ok=True)
    (HOME / kind / f"{name}.hex").write_text("\n".join(lines) + "\n")


# ---- X-Wing, HPKE -------------------------------------------------------------------------------

def xwing_keys(private):
    expanded = hashlib.shake_256(private).digest(96)
    public_m, private_m = ML_KEM_768.key_derive(expanded[:64])
    private_x = X25519PrivateKey.from_private_bytes(expanded[64:])
    return public_m, private_x.public_key().public_bytes_raw()


def xwing_encapsulate(private, randomness):
    public_m, public_x = xwing_keys(private)
    secret_m, ct_m = ML_KEM_768._encaps_internal(public_m, randomness[:32])
    ephemeral = X25519PrivateKey.from_private_bytes(randomness[32:])
    ct_x = ephemeral.public_key().public_bytes_raw()
    secret_x = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_x))
    shared = hashlib.sha3_256(secret_m + secret_x + ct_x + public_x + b"\\.//^\\").digest()
    return shared, ct_m + ct_x


def extract(salt, material):
    return hmac.digest(salt or bytes(32), material, "sha256")


def expand(key, info, length):
    out, block, n = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([n]), "sha256")
        out, n = out + block, n + 1
    return out[:length]


SUITE = b"HPKE" + bytes.fromhex("647a" "0001" "0002")


def hpke_seal(private, randomness, info, aad, content, suite=SUITE):
    shared, enc = xwing_encapsulate(private, randomness)

    def labeled_extract(salt, label, material):
        return extract(salt, b"HPKE-v1" + suite + label + material)

    def labeled_expand(secret, label, context, length):
        return expand(secret, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context, length)

    context = b"\0" + labeled_extract(b"", b"psk_id_hash", b"") + labeled_extract(b"", b"info_hash", info)
    secret = labeled_extract(shared, b"secret", b"")
    key = labeled_expand(secret, b"key", context, 32)
    nonce = labeled_expand(secret, b"base_nonce", context, 12)
    return enc + AESGCM(key).encrypt(nonce, content, aad)


# ---- sealed records -----------------------------------------------------------------------------

class Sealed:
    """A record and all that it is bound to; what is changed before `make` is bound in, what is
    changed after it is not."""

    def __init__(self, content=b"a prompt and its completion", position=0, **other):
        self.private = fixed("private", 32)
        self.key, self.tenant = fixed("key", 16), fixed("tenant", 16)
        self.request, self.resource = fixed("request", 16), fixed("resource", 16)
        self.deadline, self.position, self.content = DEADLINE, position, content
        self.span_label, self.span_aad = b"bailiwick/span/v1\0", b""
        self.record_label, self.nonce, self.suite = b"bailiwick/record/v1\0", bytes(12), SUITE
        self.deadline_bytes = u64
        vars(self).update(other)
        self.make()

    def make(self):
        deadline = self.deadline_bytes(self.deadline)
        seed = fixed("seed", 32)
        info = self.span_label + self.key + self.tenant + deadline
        self.span = hpke_seal(self.private, fixed("randomness", 64), info, self.span_aad, seed, self.suite)
        chain = expand(seed, b"bailiwick/chain/v1", 32)
        for _ in range(self.position):
            chain = expand(chain, b"bailiwick/chain/v1", 32)
        key = expand(chain, b"bailiwick/record/v1", 32)
        aad = self.record_label + self.key + self.tenant + deadline + u32(self.position)
        self.record = AESGCM(key).encrypt(self.nonce, self.content, aad + self.request + self.resource)

    def again(self, next=0, before=(), origin=None, private=None, key=None, label=b"bailiwick/span/v2\0", **raw):
        """Seals the span again, to another key. `before` are the positions whose keys stand one by
        one; `raw` replaces what is sealed, or the bytes of a part of it."""
        chain, keys, state = expand(fixed("seed", 32), b"bailiwick/chain/v1", 32), [], b""
        for _ in range(4097):
            keys.append(expand(chain, b"bailiwick/record/v1", 32))
            if len(keys) == next + 1:
                state = chain
            chain = expand(chain, b"bailiwick/chain/v1", 32)
        content = (origin or self.key) + u32(next) + raw.get("state", state)
        content += b"".join(u32(at) + keys[at] for at in before) + raw.get("more", b"")
        self.key, self.private = key or fixed("successor", 16), private or fixed("its private", 32)
        info = label + self.key + self.tenant + u64(self.deadline)
        self.span = hpke_seal(self.private, fixed("again", 64), info, b"", raw.get("content", content))
        return self

    def put(self, name, remark, **changed):
        vars(self).update(changed)
        digest = hashlib.sha256(self.content).digest()
        fields = [self.private, self.key, self.tenant, u64(self.deadline), self.request, self.resource]
        fields += [u32(self.position), digest, sized(self.span), sized(self.record)]
        put("sealed-record", name, b"".join(fields), remark)


def sealed_records():
    Sealed().put("good-first", "the first record of a span")
    Sealed(position=1).put("good-second", "the second")
    Sealed(position=4095).put("good-last", "the last that a span may have")
    Sealed(content=b"").put("good-empty", "a record of nothing")
    Sealed(content=fixed("content", 3000)).put("good-long", "3000 bytes")
    Sealed(deadline=0).put("good-long-ago", "a deadline is bound, and not judged, when a record is opened")

    Sealed(position=4096).put("bad-position-4096", "sealed as it should be, one beyond the last")
    for field in ["key", "tenant", "request", "resource"]:
        one = Sealed()
        one.put(f"bad-another-{field}", "not what it was sealed for", **{field: fixed("another", 16)})
    Sealed().put("bad-another-private-key", "not the key of the span", private=fixed("another", 32))
    Sealed().put("bad-later-deadline", "a day more", deadline=DEADLINE + DAY)
    Sealed().put("bad-another-position", "the first record as the second", position=1)
    Sealed(position=1).put("bad-an-earlier-position", "the second record as the first", position=0)
    one = Sealed()
    size = len(one.record)
    one.put("bad-record-first-byte", "one bit of the ciphertext", record=flip(one.record, 0))
    one = Sealed()
    one.put("bad-record-tag", "one bit of the tag", record=flip(one.record, -1))
    for cut in [0, 1, 15, 16, size - 1]:
        one = Sealed()
        one.put(f"bad-record-of-{cut}-bytes", "cut short", record=one.record[:cut])
    one = Sealed()
    one.put("bad-record-longer", "a byte more", record=one.record + b"\0")
    for name, at in [("ml-kem", 5), ("x25519", 1100), ("seed", 1125), ("tag", 1167)]:
        one = Sealed()
        one.put(f"bad-span-{name}", "one bit of the span", span=flip(one.span, at))
    for cut in [0, 1119, 1120, 1167]:
        one = Sealed()
        one.put(f"bad-span-of-{cut}-bytes", "cut short", span=one.span[:cut])
    one = Sealed()
    one.put("bad-span-longer", "a byte more", span=one.span + b"\0")
    one = Sealed()
    one.put("bad-span-of-zeros", "overwritten", span=bytes(1168))
    Sealed(nonce=b"\0" * 11 + b"\1").put("bad-nonce-one", "sealed under a nonce that is not zero")
    Sealed(span_aad=b"\0").put("bad-span-with-additional-data", "the seed is sealed without any")
    Sealed(span_label=b"bailiwick/span/v2\0").put("bad-span-version-2", "another label")
    Sealed(span_label=b"bailiwick/span/v1").put("bad-span-label-without-zero", "the zero byte is missing")
    Sealed(record_label=b"bailiwick/record/v1").put("bad-record-label-without-zero", "the zero byte is missing")
    Sealed(deadline_bytes=lambda n: n.to_bytes(8, "little")).put("bad-deadline-little-endian", "numbers are big-endian")
    Sealed(suite=b"HPKE" + bytes.fromhex("647a" "0001" "0001")).put("bad-suite", "the key schedule of another suite")
    Sealed().again().put("good-again", "a span that was sealed again, to another key")
    Sealed(position=4095).again().put("good-again-last", "the last of such a span")
    Sealed(position=1).again(3, [0, 1]).put("good-again-before-a-deleted-one", "the third was deleted: its key stands by itself")
    Sealed(position=3).again(3, [0, 1]).put("good-again-after-a-deleted-one", "the third was deleted: its key follows from the chain")
    Sealed(position=4094).again(4096, range(4095)).put("good-again-all-but-the-last", "the last was deleted: no chain leads anywhere")
    Sealed(position=2).again(3, [0, 1]).put("bad-again-a-deleted-one", "its key is not there")
    Sealed(position=1).again(3, [0]).put("bad-again-two-deleted", "nor is this one's")
    Sealed(position=0).again(4096).put("bad-again-all-deleted", "no key is left")
    Sealed(position=4096).again().put("bad-again-position-4096", "one beyond the last")
    Sealed(position=1).again(3, [1, 0]).put("bad-again-not-ascending", "the keys stand in another order")
    Sealed(position=1).again(3, [1, 1]).put("bad-again-twice", "a key twice")
    Sealed(position=3).again(3, [0, 1, 3]).put("bad-again-key-beyond", "a key that the chain gives, too")
    Sealed(position=1).again(4097, [0, 1], state=bytes(32)).put("bad-again-chain-beyond", "a chain that begins beyond the last")
    Sealed(position=1).again(3, [0, 1], more=b"\0").put("bad-again-longer", "a byte more")
    Sealed(position=1).again(3, [0], more=u32(1) + bytes(31)).put("bad-again-key-cut", "a key of 31 bytes")
    Sealed().again(content=fixed("seed", 32)).put("bad-again-seed", "a seed under the label of one that was sealed again")
    Sealed().again(content=fixed("key", 16) + u32(0)).put("bad-again-without-chain", "cut short")
    Sealed().again(label=b"bailiwick/span/v1\0").put("bad-again-label-of-the-first", "the label of a span as it is begun")
    Sealed().again(origin=fixed("another", 16)).put("bad-again-another-origin", "the records are bound to the key that they were sealed under")
    Sealed().again(origin=fixed("successor", 16)).put("bad-again-itself-as-origin", "nor are they bound to the new one")
    Sealed().again().put("bad-again-first-key", "not the key that it is sealed to now", private=fixed("private", 32))
    Sealed().again().put("bad-again-later-deadline", "a day more", deadline=DEADLINE + DAY)
    one = Sealed().again()
    one.put("bad-again-cut", "cut short", span=one.span[:-1])
    Sealed().put("bad-another-content", "opens, and to something else than it says", content=b"else")


# ---- wrapped keys -------------------------------------------------------------------------------

KEY, TENANT = f"key_{fixed('key', 16).hex()}", f"ten_{fixed('tenant', 16).hex()}"
NAME = f"{KEY}.{TENANT}.{DEADLINE}"


def wrap(name=NAME, kek=None, private=None, label=b"bailiwick/wrapped-key/v1\0"):
    nonce = fixed("nonce", 12)
    key = AESGCM(kek or fixed("kek", 32))
    return nonce + key.encrypt(nonce, private or fixed("private", 32), label + name.encode())


def wrapped_keys():
    def one(name, remark, wrapped=None, file=NAME, kek=None):
        fields = [kek or fixed("kek", 32), fixed("private", 32), sized(file.encode())]
        fields.append(sized(wrap(file) if wrapped is None else wrapped))
        put("wrapped-key", name, b"".join(fields), remark)

    one("good-key", "as it is written")
    one("good-far-deadline", "the largest number", file=f"{KEY}.{TENANT}.{2**64 - 1}")
    good = wrap()
    one("bad-later-deadline", "renamed to live a day longer", good, f"{KEY}.{TENANT}.{DEADLINE + DAY}")
    one("bad-another-tenant", "renamed", good, f"{KEY}.ten_{'00' * 16}.{DEADLINE}")
    one("bad-another-id", "renamed", good, f"key_{'00' * 16}.{TENANT}.{DEADLINE}")
    one("bad-another-kek", "not the one it is wrapped under", good, kek=fixed("another", 32))
    zeros = bytes(32)
    one("bad-kek-of-zeros", "a key-encryption key that is being destroyed", wrap(kek=zeros), kek=zeros)
    for cut in [0, 11, 12, 59]:
        one(f"bad-{cut}-bytes", "cut short", good[:cut])
    one("bad-longer", "a byte more", good + b"\0")
    one("bad-nonce", "one bit of the nonce", flip(good, 0))
    one("bad-ciphertext", "one bit of the key", flip(good, 12))
    one("bad-tag", "one bit of the tag", flip(good, -1))
    one("bad-zeros", "overwritten, on the way to being destroyed", bytes(60))
    one("bad-label-without-zero", "the zero byte is missing", wrap(label=b"bailiwick/wrapped-key/v1"))
    one("bad-private-key-of-31-bytes", "wrapped as it should be", wrap(private=fixed("private", 31)))
    one("bad-private-key-of-33-bytes", "wrapped as it should be", wrap(private=fixed("private", 33)))
    for name, file in [
        ("leading-zero", f"{KEY}.{TENANT}.0{DEADLINE}"),
        ("plus", f"{KEY}.{TENANT}.+{DEADLINE}"),
        ("negative", f"{KEY}.{TENANT}.-1"),
        ("over-64-bits", f"{KEY}.{TENANT}.{2**64}"),
        ("without-deadline", f"{KEY}.{TENANT}"),
        ("with-a-copys-name", f"{NAME}.bak"),
        ("upper-case", f"{KEY.upper()}.{TENANT}.{DEADLINE}"),
        ("swapped", f"{TENANT}.{KEY}.{DEADLINE}"),
    ]:
        one(f"bad-name-{name}", "not a key's name", file=file)


# ---- kept objects -------------------------------------------------------------------------------

class Object:
    """A sealed head and a sealed body; what is changed before `make` is bound in."""

    def __init__(self, content=b"the head", body=None, **other):
        self.key = fixed("object key", 32)
        self.object, self.tenant, self.resource = fixed("object", 16), fixed("tenant", 16), fixed("resource", 16)
        self.kind, self.owner, self.shared, self.revision = 4, bytes([2]) + fixed("person", 16), 0, 3
        self.content, self.body = content, body
        self.head_label, self.body_label = b"bailiwick/object-head/v1\0", b"bailiwick/object-body/v1\0"
        vars(self).update(other)

    def bound(self):
        return self.object + bytes([self.kind]) + self.tenant + self.resource

    def commitment(self):
        digest = hashlib.sha256(b"bailiwick/commitment/v1\0" + fixed("salt", 16) + self.body).digest()
        return [len(self.body), fixed("salt", 16), digest]

    def head(self, plain=None):
        if plain is None:
            plain = cbor([self.content] + ([] if self.body is None else [self.commitment()]))
        key, nonce = expand(self.key, self.head_label, 32), fixed("nonce", 12)
        aad = self.head_label + self.bound() + self.owner + bytes([self.shared]) + u64(self.revision)
        return nonce + AESGCM(key).encrypt(nonce, plain, aad)

    def chunks(self, last=None):
        size = 65536
        plain = [self.body[at:at + size] for at in range(0, len(self.body), size)] or [b""]
        key, aad = AESGCM(expand(self.key, self.body_label, 32)), self.body_label + self.bound()
        last = len(plain) - 1 if last is None else last
        return [key.encrypt(bytes(7) + u32(n) + bytes([n == last]), one, aad) for n, one in enumerate(plain)]

    def fields(self):
        ids = [self.key, self.object, bytes([self.kind]), self.tenant, self.resource]
        return ids + [self.owner, bytes([self.shared]), u64(self.revision)]

    def put_head(self, name, remark, sealed=None, **changed):
        sealed = self.head() if sealed is None else sealed
        vars(self).update(changed)
        fields = self.fields() + [sized(self.content), sized(sealed)]
        put("object-head", name, b"".join(fields), remark)

    def put_body(self, name, remark, sealed=None, **changed):
        sealed = b"".join(self.chunks() if sealed is None else sealed)
        head = self.head()
        length, digest = len(self.body), hashlib.sha256(self.body).digest()
        vars(self).update(changed)
        put("object-body", name, b"".join(self.fields() + [u64(length), digest, sized(head), sized(sealed)]), remark)


def object_heads():
    Object().put_head("good-head", "a head without a body")
    Object(b"").put_head("good-empty", "an empty head")
    Object(body=b"a body").put_head("good-with-a-body", "with what is known of its body")
    Object(owner=bytes([0]) + bytes(16)).put_head("good-of-a-key", "the owner is the first key")
    Object(shared=1, revision=2**64 - 1, kind=10).put_head("good-shared", "shared, the last class and revision")
    for field in ["object", "tenant", "resource"]:
        Object().put_head(f"bad-another-{field}", "not what it was sealed for", **{field: fixed("another", 16)})
    Object().put_head("bad-another-key", "another object's key", key=fixed("another", 32))
    Object().put_head("bad-another-class", "a job in place of a file", kind=8)
    Object().put_head("bad-another-owner", "given away", owner=bytes([2]) + fixed("another", 16))
    Object().put_head("bad-a-key-for-a-person", "given away", owner=bytes([0]) + bytes(16))
    Object().put_head("bad-shared", "shared by somebody else", shared=1)
    Object().put_head("bad-another-revision", "an older head", revision=4)
    good = Object().head()
    for name, at in [("nonce", 0), ("ciphertext", 12), ("tag", -1)]:
        Object().put_head(f"bad-{name}", "one bit", flip(good, at))
    for cut in [0, 11, 12, 27, len(good) - 1]:
        Object().put_head(f"bad-{cut}-bytes", "cut short", good[:cut])
    Object().put_head("bad-longer", "a byte more", good + b"\0")
    Object(head_label=b"bailiwick/object-head/v1").put_head("bad-label-without-zero", "the zero byte is missing")
    Object(head_label=b"bailiwick/object-body/v1\0").put_head("bad-label-of-a-body", "the label of a body")
    one = Object()
    for name, plain in [
        ("as-it-is", b"the head"), ("text", cbor(["the head"])), ("body-null", cbor([b"the head", Raw(b"\xf6")])),
        ("two-bodies", cbor([b"the head", [1, bytes(16), bytes(32)], 0])),
        ("salt-of-15-bytes", cbor([b"the head", [1, bytes(15), bytes(32)]])),
        ("trailing", cbor([b"the head"]) + b"\0"),
    ]:
        one.put_head(f"bad-plain-{name}", "not the plaintext of a head", one.head(plain))


def object_bodies():
    size = 65536
    for name, length in [("one-byte", 1), ("empty", 0), ("chunk-and-one", size + 1)]:
        Object(body=fixed("body", length)).put_body(f"good-{name}", f"{length} bytes")
    one = Object(body=fixed("body", size + 5))
    a, b = one.chunks()
    for name, remark, sealed in [
        ("truncated", "the last chunk is missing", [a]),
        ("front-missing", "the first chunk is missing", [b]),
        ("swapped", "in another order", [b, a]),
        ("twice", "a chunk twice", [a, a[:21]]),
        ("no-last", "no chunk is marked as the last", one.chunks(9)),
    ]:
        Object(body=one.body).put_body(f"bad-{name}", remark, sealed)
    one = Object(body=b"a body")
    a, = one.chunks()
    for name, remark, sealed in [
        ("longer", "a byte more", [a, b"\0"]),
        ("cut", "a byte less", [a[:-1]]),
        ("bit", "one bit", [flip(a, 1)]),
        ("tag", "one bit of the tag", [flip(a, -1)]),
        ("nothing", "no chunk", []),
        ("not-the-last", "not marked as the last", one.chunks(9)),
        ("of-another-body", "a chunk of another object", Object(body=one.body, key=fixed("another", 32)).chunks()),
    ]:
        Object(body=b"a body").put_body(f"bad-{name}", remark, sealed)
    Object(body=b"a body").put_body("bad-sealed-shorter", "sealed as if it ended before, with the same head", Object(body=b"a bod").chunks())
    Object(body=b"a body").put_body("bad-another-object", "another object's file", Object(body=b"a body", object=fixed("another", 16)).chunks())
    Object(body=b"a body", body_label=b"bailiwick/object-body/v1").put_body("bad-label-without-zero", "the zero byte is missing")


# ---- messages -----------------------------------------------------------------------------------

class Raw(bytes):
    """CBOR that stands as it is."""


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
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(4, len(value)) + b"".join(map(cbor, value))


def frame(value):
    return sized(cbor(value))


def opening(**changed):
    """An Open request, with some fields changed."""
    fields = dict(
        entry=b"an entry", index=6, path=[fixed("a", 32), fixed("b", 32)], checkpoint="a note\n",
        tenant=fixed("tenant", 16), resource=fixed("resource", 16), request=fixed("request", 16),
        key=fixed("key", 16), deadline=DEADLINE, span=fixed("span", 1168), position=3,
        record=fixed("record", 40), consented=[],
    )
    fields.update(changed)
    f = fields
    approved, looked = [f["entry"], f["index"], f["path"]], [b"another", 7, []]
    record = [f[n] for n in ["tenant", "resource", "request", "key", "deadline", "span", "position", "record"]]
    return [3, [[approved, looked, f["checkpoint"], *f["consented"]], record]]


def seeing(first=5, entries=(b"an entry", b"another"), checkpoint="a note\n", more=()):
    """A See request."""
    return [4, [[first, list(entries), checkpoint, *more]]]


def reading(**changed):
    """An OpenOwn request: the record of an Open request, with an entry in place of a grant."""
    [[approved, _, checkpoint, *more], record] = opening(**changed)[1]
    return [5, [[approved, checkpoint, *more], record]]


def named(deadline=DEADLINE):
    return [fixed("key", 16), fixed("tenant", 16), deadline]


def destroying(**changed):
    """A Destroy request, with the entry of an OpenOwn request."""
    return [8, [named(), reading(**changed)[1][0]]]


def resealing(*spans, to=None):
    """A Reseal request."""
    return [7, [named(), to or fixed("successor", 16), list(spans)]]


def asked(kind=4, action=0, holder=(0, ())):
    """What an ObjectKey request names."""
    return [fixed("object", 16), fixed("tenant", 16), kind, action, list(holder)]


def requests():
    def one(name, data, remark):
        put("custodian-request", name, data, remark)

    tenant = fixed("tenant", 16)
    public_key = frame([0, [tenant, DEADLINE]])
    one("good-public-key", public_key, "PublicKey")
    one("good-public-key-small", frame([0, [tenant, 5]]), "well formed; it will be refused")
    one("good-destroy-due", frame([1, []]), "DestroyDue")
    one("good-keys", frame([2, []]), "Keys")
    one("good-open", frame(opening()), "Open")
    one("good-open-empty", frame(opening(entry=b"", path=[], checkpoint="", span=b"", record=b"")), "well formed; it will be refused")
    one("good-open-consented", frame(opening(consented=[[b"a consent", 6, [fixed("c", 32)]]])), "with lockbox on")
    one("good-see", frame(seeing()), "See")
    one("good-see-first", frame(seeing(first=0, entries=[])), "See, by who does not know what was read")
    one("good-see-empty-entry", frame(seeing(entries=[b""])), "well formed; it will be refused")
    one("good-open-own", frame(reading()), "OpenOwn")
    one("good-open-own-empty", frame(reading(entry=b"", path=[], checkpoint="", span=b"", record=b"")), "well formed; it will be refused")
    one("good-successor", frame([6, [named()]]), "Successor")
    one("good-reseal", frame(resealing([fixed("span", 1168), [3, 7]], [fixed("span", 1220), []])), "Reseal, two spans")
    one("good-reseal-nothing", frame(resealing()), "Reseal, none")
    one("good-destroy", frame(destroying()), "Destroy")
    one("good-destroyed", frame([9, []]), "Destroyed")
    one("good-damaged", frame([10, []]), "Damaged")
    one("good-pinned", frame([11, []]), "Pinned")
    one("good-succeed", frame([12, [reading()[1][0], [fixed("a", 32)]]]), "Succeed")
    one("good-succeed-named", frame([12, [reading()[1][0], []]]), "Succeed, where what was seen is named")
    listed = [fixed("object", 16), tenant, 4, DEADLINE]
    one("good-new-object-keys", frame([13, [tenant, [[fixed("object", 16), 4, DEADLINE], [fixed("other", 16), 0]]]]), "NewObjectKeys, one without an end")
    one("good-object-key", frame([14, [asked()]]), "ObjectKey, by the first key")
    one("good-object-key-person", frame([14, [asked(holder=[2, [fixed("person", 16)]], action=2)]]), "ObjectKey, by a person, to train")
    one("good-object-key-program", frame([14, [asked(holder=[3, [fixed("program", 16)]], action=1)]]), "ObjectKey, by a program, to write")
    one("good-destroy-object-keys", frame([15, [[fixed("object", 16), fixed("other", 16)]]]), "DestroyObjectKeys")
    one("good-object-keys", frame([16, []]), "ObjectKeys, from the first")
    one("good-object-keys-after", frame([16, [fixed("object", 16)]]), "ObjectKeys, after one")
    one("good-move-object-key", frame([17, [listed]]), "MoveObjectKey")
    one("good-move-object-key-kept", frame([17, [listed[:3]]]), "MoveObjectKey, to no end")
    one("good-tenant-key", frame([18, [tenant]]), "TenantKey")
    one("good-subject-key", frame([19, [[0, [tenant, DEADLINE]]]]), "SubjectKey, for records")
    one("good-subject-key-objects", frame([19, [[1, [tenant]]]]), "SubjectKey, for objects")
    one("good-find-subject", frame([20, [[tenant, b"alice", fixed("salt", 16)], reading()[1][0]]]), "FindSubject")
    one("good-destroy-subject-key", frame([21, [[2, [tenant]]]]), "DestroySubjectKey, for restrictions")
    one("good-three", frame([1, []]) + frame([2, []]) + public_key, "one after the other")

    one("bad-nothing", b"", "no message at all")
    for cut in [1, 3, 4, 5, len(public_key) - 1]:
        one(f"bad-cut-at-{cut}", public_key[:cut], "hung up inside of a message")
    one("bad-second-cut", public_key + public_key[:7], "the second message is cut short")
    one("bad-length-zero", u32(0), "a message of no bytes")
    one("bad-length-too-small", u32(len(public_key) - 5) + public_key[4:], "ends before its last field does")
    one("bad-length-too-large", u32(len(public_key) - 3) + public_key[4:] + b"\0", "a byte is left over")
    one("bad-length-over-the-limit", u32(256 * 1024 * 1024 + 1) + public_key[4:], "more than 256 MiB")
    one("bad-length-all-ones", b"\xff" * 4, "four gigabytes")
    one("bad-length-little-endian", (len(public_key) - 4).to_bytes(4, "little") + public_key[4:], "lengths are big-endian")
    for name, value, remark in [
        ("unknown", [22, []], "there is no request 22: nothing lists or searches records"),
        ("subject-key-without-deadline", [19, [[0, [tenant]]]], "records have one"),
        ("subject-key-of-two", [19, [[1, [tenant]], [1, [tenant]]]], "one message gives one key"),
        ("subject-key-unknown", [19, [[3, [tenant]]]], "there is no use 3"),
        ("find-subject-without-proof", [20, [[tenant, b"alice", fixed("salt", 16)]]], "the log must have the search"),
        ("find-subject-name-as-text", [20, [[tenant, "alice", fixed("salt", 16)], reading()[1][0]]], "it is bytes"),
        ("find-subject-short-salt", [20, [[tenant, b"alice", bytes(15)], reading()[1][0]]], "it has 16 bytes"),
        ("object-key-of-two", [14, [asked(), asked()]], "one message gives one key"),
        ("object-keys-in-a-list", [14, [[asked(), asked()]]], "one message gives one key"),
        ("object-key-without-holder", [14, [asked()[:4]]], "who?"),
        ("object-key-unknown-action", [14, [asked(action=3)]], "there is no action 3"),
        ("object-key-unknown-class", [14, [asked(kind=11)]], "there is no class 11"),
        ("object-key-holder-in-words", [14, [asked(holder="Key1")]], "a number and its fields"),
        ("object-key-of-the-administrator", [14, [asked(holder=[4, []])]], "nobody else holds a permit"),
        ("new-object-keys-with-a-key", [13, [tenant, [[fixed("object", 16), 4, DEADLINE, fixed("key", 32)]]]], "the custodian makes it"),
        ("new-object-keys-null-end", [13, [tenant, [[fixed("object", 16), 4, Raw(b"\xf6")]]]], "what is not there is left out"),
        ("object-keys-null", [16, [Raw(b"\xf6")]], "what is not there is left out"),
        ("destroy-object-keys-of-a-tenant", [15, [tenant]], "a list of objects"),
        ("tenant-key-without-tenant", [18, []], "whose?"),
        ("pinned-of-a-log", [11, ["log.example"]], "Pinned has no fields"),
        ("succeed-without-a-proof", [12, [reading()[1][0]]], "a field is missing"),
        ("succeed-by-a-note", [12, ["a note\n", []]], "an entry, proved"),
        ("succeed-digest-of-31-bytes", [12, [reading()[1][0], [bytes(31)]]], "too short"),
        ("destroyed-of-a-key", [9, [named()]], "Destroyed has no fields"),
        ("open-own-by-a-grant", [5, opening()[1]], "approval and look where one entry is to be"),
        ("open-own-twice", reading(consented=[b"a note\n"]), "one more"),
        ("open-own-without-proof", [5, [reading()[1][1]]], "only the record"),
        ("open-own-digest-of-31-bytes", reading(path=[bytes(31)]), "too short"),
        ("open-own-checkpoint-as-bytes", reading(checkpoint=b"a note\n"), "it is text"),
        ("successor-not-in-a-list", [6, named()], "its fields stand in a list of their own"),
        ("successor-without-deadline", [6, [named()[:2]]], "a field is missing"),
        ("successor-deadline-negative", [6, [named(Raw(b"\x20"))]], "-1"),
        ("destroy-nothing", [8, []], "which?"),
        ("destroy-without-a-deletion", [8, [named()]], "why?"),
        ("destroy-two-keys", [8, [named(), named()]], "one deletion takes one key"),
        ("destroy-entry-as-text", destroying(entry="an entry"), "it is bytes"),
        ("destroy-by-two-entries", [8, [*destroying()[1], reading()[1][0]]], "one more"),
        ("reseal-to-a-public-key", resealing(to=fixed("public", 1216)), "to what it seals, the custodian looks up"),
        ("reseal-to-another-deadline", [7, [named(), named(DEADLINE + DAY), []]], "the second key has the first one's tenant and deadline"),
        ("reseal-span-as-text", resealing(["span", []]), "it is bytes"),
        ("reseal-without-positions", resealing([b"span"]), "a field is missing"),
        ("reseal-position-over-32-bits", resealing([b"span", [2**32]]), "too large"),
        ("reseal-position-negative", resealing([b"span", [Raw(b"\x20")]]), "-1"),
        ("reseal-positions-of-indefinite-length", resealing([b"span", Raw(b"\x9f\xff")]), "an indefinite length"),
        ("see-nothing", [4, []], "no checkpoint"),
        ("see-not-in-a-list", [4, seeing()[1][0]], "its fields stand in a list of their own"),
        ("see-entry-as-text", seeing(entries=["an entry"]), "an entry is bytes"),
        ("see-entries-as-bytes", [4, [[5, bytes(32), "a note\n"]]], "entries are a list"),
        ("see-entries-of-indefinite-length", [4, [[5, Raw(b"\x9f\x41\x00\xff"), "a note\n"]]], "an indefinite length"),
        ("see-without-entries", [4, [[5, "a note\n"]]], "the entries are missing"),
        ("see-from-negative", seeing(first=Raw(b"\x20")), "-1"),
        ("see-checkpoint-as-bytes", seeing(checkpoint=b"a note\n"), "it is text"),
        ("see-field-too-many", seeing(more=[0]), "one more"),
        ("see-twice", [4, seeing()[1] * 2], "one more"),
        ("negative", [Raw(b"\x20"), []], "request -1"),
        ("text", ["Keys", []], "a name in place of a number"),
        ("number-longer-than-needed", [Raw(b"\x18\x02"), []], "2 in two bytes"),
        ("deadline-longer-than-needed", [0, [tenant, Raw(b"\x1b" + u64(5))]], "5 in nine bytes"),
        ("deadline-negative", [0, [tenant, Raw(b"\x24")]], "-5"),
        ("deadline-float", [0, [tenant, Raw(b"\xf9\x45\x00")]], "5.0"),
        ("deadline-null", [0, [tenant, Raw(b"\xf6")]], "null"),
        ("deadline-true", [0, [tenant, Raw(b"\xf5")]], "true"),
        ("deadline-bignum", [0, [tenant, Raw(b"\xc2\x41\x05")]], "5 as a bignum"),
        ("tenant-of-15-bytes", [0, [tenant[:15], DEADLINE]], "too short"),
        ("tenant-of-17-bytes", [0, [tenant + b"\0", DEADLINE]], "too long"),
        ("tenant-as-text", [0, [TENANT, DEADLINE]], "ids are bytes here"),
        ("tenant-in-pieces", [0, [Raw(b"\x5f\x48" + tenant[:8] + b"\x48" + tenant[8:] + b"\xff"), DEADLINE]], "an indefinite length"),
        ("fields-of-indefinite-length", [0, Raw(b"\x9f" + cbor(tenant) + cbor(5) + b"\xff")], "an indefinite length"),
        ("message-of-indefinite-length", Raw(b"\x9f\x02\x80\xff"), "an indefinite length"),
        ("fields-swapped", [0, [DEADLINE, tenant]], "in another order"),
        ("field-missing", [0, [tenant]], "no deadline"),
        ("field-too-many", [0, [tenant, DEADLINE, 0]], "one more"),
        ("fields-missing", [2], "no list of fields"),
        ("fields-where-there-are-none", [1, [0]], "DestroyDue has none: the custodian has its own clock"),
        ("fields-as-map", [0, Raw(b"\xa2\x00" + cbor(tenant) + b"\x01\x05")], "a map"),
        ("element-too-many", [2, [], 0], "one more"),
        ("tag", Raw(b"\xd9\xd9\xf7" + cbor([2, []])), "a tag in front"),
        ("open-digest-of-31-bytes", opening(path=[bytes(31)]), "too short"),
        ("open-digest-of-33-bytes", opening(path=[bytes(33)]), "too long"),
        ("open-index-negative", opening(index=Raw(b"\x20")), "-1"),
        ("open-position-over-32-bits", opening(position=2**32), "too large"),
        ("open-checkpoint-as-bytes", opening(checkpoint=b"a note\n"), "it is text"),
        ("open-checkpoint-not-utf-8", opening(checkpoint=Raw(b"\x62\xc3\x28")), "not UTF-8"),
        ("open-record-as-numbers", opening(record=[1, 2, 3]), "it is bytes"),
        ("open-record-as-text", opening(record="record"), "it is bytes"),
        ("open-without-grant", [3, [opening()[1][1]]], "only the record"),
        ("open-with-null-grant", [3, [Raw(b"\xf6"), opening()[1][1]]], "null"),
        ("open-with-null-consent", opening(consented=[Raw(b"\xf6")]), "where there is none, nothing is written"),
        ("open-consented-twice", opening(consented=[[b"a consent", 6, []]] * 2), "one more"),
        ("open-grant-twice", [3, [opening()[1][0], opening()[1][0]]], "no record"),
    ]:
        one(f"bad-{name}", frame(value), remark)
    one("bad-deep", sized(b"\x82\x02\x81" + b"\x81" * 4000 + b"\x80"), "a field that is a list in a list in a list …")
    one("bad-promises-much", sized(b"\x82\x00\x9b" + b"\xff" * 8), "a list of more elements than there are bytes")
    one("bad-promises-many-bytes", sized(b"\x82\x00\x82\x5b" + b"\xff" * 8), "a string of more bytes than there are")


def responses():
    def one(name, data, remark):
        put("custodian-response", name, data, remark)

    key, tenant = fixed("key", 16), fixed("tenant", 16)
    one("good-public-key", frame([0, [key, fixed("public", 1216)]]), "PublicKey")
    one("good-no-keys", frame([1, [[]]]), "Keys, none")
    one("good-keys", frame([1, [[[key, tenant, DEADLINE], [tenant, key, 0]]]]), "Keys, two")
    one("good-opened", frame([2, [b"a prompt and its completion"]]), "Opened")
    one("good-refused-first", frame([3, [0]]), "Refused")
    one("good-refused-last", frame([3, [28]]), "Refused")
    one("good-seen-nothing", frame([4, [0]]), "Seen")
    one("good-seen", frame([4, [2**64 - 1]]), "Seen, the largest number")
    one("good-resealed", frame([5, [[fixed("span", 1220), b""]]]), "Resealed: one, and one that did not open")
    one("good-resealed-nothing", frame([5, [[]]]), "Resealed, none")
    one("good-pinned", frame([6, [["log.example", 5, fixed("a", 32)]]]), "Pinned")
    one("good-new-object-keys", frame([7, [[fixed("a", 32), fixed("b", 32)]]]), "NewObjectKeys, two")
    one("good-object-key", frame([8, [fixed("a", 32)]]), "ObjectKey")
    one("good-object-names", frame([9, [[[key, tenant, 4, DEADLINE], [tenant, key, 10]]]]), "names, one without an end")
    one("good-no-object-names", frame([9, [[]]]), "no names")
    one("good-tenant-key", frame([10, [Raw(b"\xf5")]]), "TenantKey, usable")
    one("good-subject-key", frame([11, [fixed("a", 32)]]), "SubjectKey")
    one("good-subject-hashes", frame([12, [[fixed("a", 16), fixed("b", 16)]]]), "SubjectHashes")
    one("good-no-subject-hashes", frame([12, [[]]]), "SubjectHashes, none")
    one("good-tenant-key-withdrawn", frame([10, [Raw(b"\xf4")]]), "TenantKey, not usable")
    one("bad-nothing", b"", "no message at all")
    for name, value, remark in [
        ("refusal-unknown", [3, [29]], "there is no refusal 29"),
        ("refusal-text", [3, ["no"]], "refusals are numbers"),
        ("refusal-twice", [3, [0, 1]], "one more"),
        ("refusal-missing", [3, []], "which?"),
        ("pinned-nothing", [6, []], "which?"),
        ("pinned-without-root", [6, [["log.example", 5]]], "a field is missing"),
        ("pinned-not-in-a-list", [6, ["log.example", 5, fixed("a", 32)]], "its fields stand in a list of their own"),
        ("unknown", [13, []], "there is no response 13"),
        ("subject-hash-of-32-bytes", [12, [[bytes(32)]]], "a hash has 16 bytes"),
        ("subject-key-short", [11, [bytes(16)]], "too short"),
        ("object-key-of-31-bytes", [8, [bytes(31)]], "too short"),
        ("object-key-of-33-bytes", [8, [bytes(33)]], "too long"),
        ("object-key-two", [8, [bytes(32), bytes(32)]], "one message gives one key"),
        ("object-key-list", [8, [[bytes(32)]]], "one message gives one key"),
        ("new-object-keys-not-in-a-list", [7, [bytes(32)]], "one key is no list"),
        ("object-names-with-a-key", [9, [[[key, tenant, 4, DEADLINE, bytes(32)]]]], "a name has no key"),
        ("object-names-null-end", [9, [[[key, tenant, 4, Raw(b"\xf6")]]]], "what is not there is left out"),
        ("object-names-unknown-class", [9, [[[key, tenant, 11]]]], "there is no class 11"),
        ("tenant-key-as-number", [10, [1]], "1 is not true"),
        ("resealed-null", [5, [[Raw(b"\xf6")]]], "what did not open is an empty string"),
        ("resealed-not-in-a-list", [5, [b"span"]], "one span is no list"),
        ("resealed-as-text", [5, [["span"]]], "it is bytes"),
        ("resealed-in-pieces", [5, [[Raw(b"\x5f\x41a\x41b\xff")]]], "an indefinite length"),
        ("seen-nothing", [4, []], "how many?"),
        ("seen-negative", [4, [Raw(b"\x20")]], "-1"),
        ("seen-twice", [4, [1, 2]], "one more"),
        ("seen-longer-than-needed", [4, [Raw(b"\x18\x02")]], "2 in two bytes"),
        ("opened-text", [2, ["a prompt"]], "content is bytes"),
        ("opened-in-pieces", [2, [Raw(b"\x5f\x41a\x41b\xff")]], "an indefinite length"),
        ("opened-twice", [2, [b"a", b"b"]], "one more"),
        ("key-id-short", [0, [key[:15], b""]], "too short"),
        ("public-key-as-numbers", [0, [key, [1, 2]]], "it is bytes"),
        ("keys-not-in-a-list", [1, [key, tenant, DEADLINE]], "one key is no list"),
        ("keys-with-a-key", [1, [[[key, tenant, DEADLINE, bytes(32)]]]], "a fourth field"),
        ("keys-without-deadline", [1, [[[key, tenant]]]], "a field is missing"),
        ("keys-of-indefinite-length", [1, [Raw(b"\x9f\xff")]], "an indefinite length"),
        ("a-request", [1, []], "DestroyDue is not an answer"),
    ]:
        one(f"bad-{name}", frame(value), remark)


for make in [sealed_records, wrapped_keys, object_heads, object_bodies, requests, responses]:
    make()
