#!/usr/bin/env python3
"""Makes heads for the model that finds names and addresses (docs/personal-data.md has their format).

    scripts/ner-head.py train ENCODER TRAIN OUT [HARMLESS ...]   trains a head over an encoder's vectors
    scripts/ner-head.py score ENCODER HEAD HELD [HARMLESS ...]   measures it on other lines
    scripts/ner-head.py convert ENCODER FOLDER OUT               takes the classifier of a BERT for NER

ENCODER is a GGUF file. TRAIN and HELD are lines of `tests/personal/names.py`; HARMLESS is JSON lines with a
field `text`. FOLDER is a model in Hugging Face's form (config.json, model.safetensors): convert its encoder
to GGUF with llama.cpp's `convert_hf_to_gguf.py`, and give that file as ENCODER. Labels of persons become
`name`; with `--addresses`, labels of places become `address`.

Needs numpy (BSD-3-Clause). `train` and `score` compute the encoder themselves, which must be a BERT with lower-case
WordPiece; `convert` takes any. The same inputs and the same numpy give the same head.
"""

import hashlib
import json
import re
import struct
import sys
import unicodedata

import numpy as np

LABELS = ["O", "B-name", "I-name", "B-address", "I-address"]
PARTS = ["word", "before", "after"]
EPOCHS, RATE, DECAY, BATCH = 12, 2e-3, 3e-5, 512


# The same words and forms as crates/policy/src/personal/ner.

def is_alone(c):
    return any(a <= ord(c) <= b for a, b in [
        (0x3005, 0x3007), (0x3041, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)])


def in_word(c):
    return c.isalnum() and not is_alone(c)


def words(text):
    found, at = [], 0
    while at < len(text):
        c = text[at]
        if c.isspace() or unicodedata.category(c) == "Cc":
            at += 1
            continue
        end = at + 1
        if in_word(c):
            while end < len(text):
                c = text[end]
                if c in "-'’":
                    first = text[end + 1:end + 2]
                    goes_on = end + 2 < len(text) and in_word(text[end + 2])
                    if not (first and in_word(first)) or (c != "-" and first in "sS" and not goes_on):
                        break
                elif not (in_word(c) or unicodedata.category(c).startswith("M")):
                    break
                end += 1
        found.append((at, end))
        at = end
    return found


def form(word, starts):
    letters = [c for c in word if c.isalpha()]
    upper = sum(c.isupper() for c in letters)
    digits = sum(c in "0123456789" for c in word)
    capital, is_word = word[0].isupper(), word[0].isalnum()
    return [
        capital and not starts, capital and starts, len(letters) > 1 and upper == len(letters),
        len(letters) == 1 and upper == 1 and len(word) == 1, bool(letters) and upper == 0 and word[0].islower(),
        digits == len(word), 0 < digits < len(word), word in ".,;:", not is_word,
        is_word and any(c in word for c in "-'’"), any(c > "\u024f" for c in letters), starts]


def forms(text, places):
    made, before, end = [], None, 0
    for start, stop in places:
        starts = before is None or before in ".!?。\"{•" or "\n" in text[end:start]
        made.append(form(text[start:stop], starts))
        before, end = text[start:stop], stop
    return np.array(made, dtype=np.float32).reshape(-1, 12)


class Gguf:
    """The metadata and tensors of a GGUF file (F32, F16, Q8_0)."""

    def __init__(self, path):
        self.data = memoryview(open(path, "rb").read())
        self.digest = hashlib.sha256(self.data).hexdigest()
        self.at = 8
        tensors, fields = self.read("Q"), self.read("Q")
        self.fields = {self.text(): self.value(self.read("I")) for _ in range(fields)}
        infos = [(self.text(), [self.read("Q") for _ in range(self.read("I"))], self.read("I"), self.read("Q")) for _ in range(tensors)]
        self.at = -(-self.at // 32) * 32
        self.tensors = {name: self.tensor(shape, kind, at) for name, shape, kind, at in infos}

    def read(self, kind):
        value, = struct.unpack_from("<" + kind, self.data, self.at)
        self.at += struct.calcsize("<" + kind)
        return value

    def text(self):
        length = self.read("Q")
        self.at += length
        return bytes(self.data[self.at - length:self.at]).decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            kind, length = self.read("I"), self.read("Q")
            return [self.value(kind) for _ in range(length)]
        return self.read("BbHhIif?..Qqd"[kind])

    def tensor(self, shape, kind, at):
        count, at = int(np.prod(shape)), self.at + at
        if kind == 8:
            blocks = np.frombuffer(self.data, dtype=[("d", "<f2"), ("q", "i1", 32)], count=count // 32, offset=at)
            numbers = blocks["d"].astype(np.float32)[:, None] * blocks["q"]
        else:
            numbers = np.frombuffer(self.data, dtype={0: "<f4", 1: "<f2"}[kind], count=count, offset=at)
        return numbers.astype(np.float32).reshape(shape[::-1])


class Encoder:
    """A BERT with lower-case WordPiece."""

    def __init__(self, path):
        file = Gguf(path)
        self.digest, self.t, of = file.digest, file.tensors, file.fields
        self.layers, self.heads = of["bert.block_count"], of["bert.attention.head_count"]
        self.epsilon = of["bert.attention.layer_norm_epsilon"]
        self.frame = of["tokenizer.ggml.bos_token_id"], of["tokenizer.ggml.seperator_token_id"]
        self.unknown = of["tokenizer.ggml.unknown_token_id"]
        self.tokens = {token: number for number, token in enumerate(of["tokenizer.ggml.tokens"])}

    def tokenize(self, word):
        plain = [c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c)]
        pieces = re.findall(r"\w+|[^\w\s]", "".join(plain).replace("_", " _ "))
        numbers = []
        for piece in pieces:
            rest, own = "▁" + piece, []
            while rest:
                end = next((end for end in range(len(rest), 0, -1) if rest[:end] in self.tokens), 0)
                if not end:
                    own = [self.unknown]
                    break
                own.append(self.tokens[rest[:end]])
                rest = rest[end:]
            numbers += own
        return numbers[:24]

    def norm(self, x, name):
        mean, spread = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(spread + self.epsilon) * self.t[name + ".weight"] + self.t[name + ".bias"]

    def linear(self, x, name):
        return x @ self.t[name + ".weight"].T + self.t[name + ".bias"]

    def forward(self, numbers):
        """The last layer of some sequences of one length."""
        t, (count, length) = self.t, numbers.shape
        x = t["token_embd.weight"][numbers] + t["position_embd.weight"][:length] + t["token_types.weight"][0]
        x = self.norm(x, "token_embd_norm")
        for layer in range(self.layers):
            blk = f"blk.{layer}."
            split = lambda y: y.reshape(count, length, self.heads, -1).transpose(0, 2, 1, 3)
            q, k, v = (split(self.linear(x, blk + "attn_" + one)) for one in "qkv")
            score = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
            score = np.exp(score - score.max(-1, keepdims=True))
            seen = (score / score.sum(-1, keepdims=True) @ v).transpose(0, 2, 1, 3).reshape(count, length, -1)
            x = self.norm(x + self.linear(seen, blk + "attn_output"), blk + "attn_output_norm")
            up = self.linear(x, blk + "ffn_up")
            up = 0.5 * up * (1 + np.tanh(np.sqrt(2 / np.pi) * (up + 0.044715 * up**3)))
            x = self.norm(x + self.linear(up, blk + "ffn_down"), blk + "layer_output_norm")
        return x

    def vectors(self, texts):
        """The vector of each word of each text, from the first 500 tokens."""
        width, all_tokens, rows = self.t["token_embd.weight"].shape[1], [], []
        for one in texts:
            tokens, own = [self.frame[0]], []
            for word in one:
                new = self.tokenize(word)
                own.append(len(tokens) if new and len(tokens) + len(new) < 500 else -1)
                tokens += new if own[-1] >= 0 else []
            all_tokens.append(tokens + [self.frame[1]])
            rows.append(own)
        by_length, result = {}, [None] * len(texts)
        for number, tokens in enumerate(all_tokens):
            by_length.setdefault(len(tokens), []).append(number)
        for length, numbers in sorted(by_length.items()):
            for start in range(0, len(numbers), max(1, 2048 // length)):
                some = numbers[start:start + max(1, 2048 // length)]
                last = self.forward(np.array([all_tokens[one] for one in some]))
                for number, own in zip(some, last):
                    own = np.concatenate([own, np.zeros((1, width), np.float32)])
                    result[number] = own[rows[number]].astype(np.float16) if rows[number] else np.zeros((0, width), np.float16)
        return result


def marked(path):
    """Texts with the label of each word."""
    for line in open(path, encoding="utf-8"):
        text, spans = "", []
        for part in re.split(r"(?s)(⟦\w+⟧.*?⟦/⟧)", line.rstrip("\n").replace("␤", "\n")):
            inside = re.fullmatch(r"⟦(\w+)⟧(.*?)⟦/⟧", part, re.S)
            if inside:
                spans.append((len(text), len(text) + len(inside[2]), inside[1]))
            text += inside[2] if inside else part
        places, labels = words(text), []
        for start, end in places:
            span = next((one for one in spans if one[0] < end and start < one[1]), None)
            first = span and not any(span[0] < stop <= start for _, stop in places)
            labels.append(0 if span is None else LABELS.index(("B-" if first else "I-") + span[2]))
        yield text, places, spans, np.array(labels, dtype=int)


def harmless(path, most=250):
    for line in list(open(path, encoding="utf-8"))[:most]:
        text = json.loads(line)["text"][:600]
        yield text, words(text)


def inputs(vectors, shapes):
    """The inputs of each word: its own, those of the word before and of the word after."""
    own = np.concatenate([vectors.astype(np.float32), shapes], 1)
    none = np.zeros((1, own.shape[1]), np.float32)
    return np.concatenate([own, np.concatenate([none, own[:-1]]), np.concatenate([own[1:], none])], 1)


def fit(texts, labels):
    """Softmax regression by Adam, over the words in random order."""
    rng = np.random.default_rng(1)
    # A row of zeros stands between texts: no word has a neighbour in another text.
    none = np.zeros((1, texts[0][0].shape[1] + 12), np.float32)
    own = np.concatenate([none] + [np.concatenate([np.concatenate(one, 1), none]) for one in texts if len(one[0])])
    rows = np.concatenate([np.arange(len(one[0])) + at for one, at in zip(
        [one for one in texts if len(one[0])], np.cumsum([1] + [len(one[0]) + 1 for one in texts if len(one[0])]))])
    y_all = np.concatenate(labels)
    w, b = np.zeros((3 * own.shape[1], len(LABELS)), np.float32), np.zeros(len(LABELS), np.float32)
    state, step = [np.zeros_like(one) for one in (w, w, b, b)], 0
    for epoch in range(EPOCHS):
        order = rng.permutation(len(rows))
        for some in np.array_split(order, max(1, len(rows) // BATCH)):
            at, y = rows[some], y_all[some]
            x = np.concatenate([own[at], own[at - 1], own[at + 1]], 1).astype(np.float32)
            z = x @ w + b
            p = np.exp(z - z.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[np.arange(len(y)), y] -= 1
            p /= len(y)
            step += 1
            rate = RATE * (1 - epoch / EPOCHS)
            for value, grad, place in ((w, x.T @ p + DECAY * w, 0), (b, p.sum(0), 2)):
                state[place] = 0.9 * state[place] + 0.1 * grad
                state[place + 1] = 0.99 * state[place + 1] + 0.01 * grad * grad
                value -= rate * (state[place] / (1 - 0.9**step)) / (np.sqrt(state[place + 1] / (1 - 0.99**step)) + 1e-8)
    return w, b


def spans(text, places, labels):
    """The same as `decode.rs` and the limits of `names.rs`."""
    found, now = [], None

    def close():
        kind, start, end, count = now
        whole = text[start:end]
        while whole and not (whole[0].isalnum() or unicodedata.combining(whole[0])):
            whole, start = whole[1:], start + 1
        while whole and not (whole[-1].isalnum() or unicodedata.combining(whole[-1])):
            whole = whole[:-1]
        if kind == "address":
            fits = count > 1 and any(c.isnumeric() for c in whole)
        else:
            fits = not any(c.islower() for c in whole) or any(c.isupper() for c in whole)
        letters = sum(2 if c >= "\u2e80" else 1 for c in whole if c.isalpha())
        if fits and count <= 24 and letters >= (4 if kind == "address" else 3):
            found.append((start, start + len(whole), kind))

    for (start, end), label in zip(places, labels):
        if not label:
            continue
        kind = LABELS[label][2:]
        between = text[now[2]:start] if now else ""
        joins = len(between.encode()) <= 4 and not between.strip(" \n\r,-/.") if kind == "address" else between in ("", " ", "\u3000")
        if now and now[0] == kind and joins:
            now = [kind, now[1], end, now[3] + 1]
            continue
        if now:
            close()
        now = [kind, start, end, 1]
    if now:
        close()
    return found


def save(out, head):
    with open(out, "w", encoding="utf-8") as file:
        json.dump(head, file, separators=(",", ":"))
        file.write("\n")


def rounded(numbers):
    return [float(f"{one:.4g}") for one in numbers]


def train(encoder, path, out, *more):
    encoder = Encoder(encoder)
    lines, plain = list(marked(path)), [one for file in more for one in harmless(file)]
    texts = [(text, places) for text, places, *_ in lines] + plain
    vectors = encoder.vectors([[text[a:b] for a, b in places] for text, places in texts])
    texts = [(vector, forms(text, places)) for (text, places), vector in zip(texts, vectors)]
    labels = [one[3] for one in lines] + [np.zeros(len(places), int) for _, places in plain]
    w, b = fit(texts, labels)
    numbers = texts[0][0].shape[1]
    save(out, {
        "format": "bailiwick-ner-1", "encoder_sha256": encoder.digest, "numbers": numbers, "reads": PARTS, "forms": True,
        "labels": LABELS, "bias": rounded(b), "weights": [rounded(row) for row in w.T]})


def score(encoder, head, path, *more):
    encoder, head = Encoder(encoder), json.load(open(head, encoding="utf-8"))
    w, b = np.array(head["weights"], np.float32).T, np.array(head["bias"], np.float32)
    find = lambda texts: [
        spans(text, places, (inputs(vector, forms(text, places)) @ w + b).argmax(1) if places else [])
        for (text, places), vector in zip(texts, encoder.vectors([[text[a:b] for a, b in places] for text, places in texts]))]
    lines = list(marked(path))
    found = find([one[:2] for one in lines])
    for kind in ("name", "address"):
        want = [{(a, b) for a, b, k in one[2] if k == kind} for one in lines]
        got = [{(a, b) for a, b, k in one if k == kind} for one in found]
        right, made, all_of = (sum(map(len, sets)) for sets in ([a & b for a, b in zip(want, got)], got, want))
        touched = sum(any(a < d and c < b for c, d in mine) for one, mine in zip(want, got) for a, b in one)
        p, r = right / max(made, 1), right / max(all_of, 1)
        print(f"{kind}: {all_of} places, precision {p:.3f}, recall {r:.3f}, F1 {2 * p * r / max(p + r, 1e-9):.3f}; {touched / max(all_of, 1):.3f} are found at least in part")
    for file in more:
        plain = list(harmless(file))
        found = find(plain)
        size = sum(len(text.encode()) for text, _ in plain) / 10_000
        print(f"{file}: {sum(map(len, found)) / size:.2f} places in 10 KB")


def convert(encoder, folder, out, addresses=False):
    config = json.load(open(f"{folder}/config.json", encoding="utf-8"))
    with open(f"{folder}/model.safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        begin = file.tell()

        def tensor(name):
            info = header[name]
            file.seek(begin + info["data_offsets"][0])
            data = file.read(info["data_offsets"][1] - info["data_offsets"][0])
            return np.frombuffer(data, {"F32": "<f4", "F16": "<f2"}[info["dtype"]]).reshape(info["shape"])

        weights, bias = tensor("classifier.weight"), tensor("classifier.bias")
    ours = {"PER": "name", "PERSON": "name"} | ({"LOC": "address", "LOCATION": "address"} if addresses else {})

    def label(name):
        place, _, kind = name.partition("-")
        return f"{place}-{ours[kind]}" if kind in ours and place in "BI" else "O"

    labels = [label(config["id2label"][str(number)]) for number in range(len(bias))]
    save(out, {
        "format": "bailiwick-ner-1", "encoder_sha256": hashlib.sha256(open(encoder, "rb").read()).hexdigest(), "numbers": weights.shape[1],
        "reads": ["word"], "forms": False, "labels": labels, "bias": [float(one) for one in bias], "weights": [[float(one) for one in row] for row in weights]})


def main():
    words_given = [one for one in sys.argv[1:] if not one.startswith("-")]
    commands = {"train": train, "score": score, "convert": convert}
    if len(words_given) < 4 or words_given[0] not in commands:
        raise SystemExit(__doc__)
    more = {"addresses": True} if "--addresses" in sys.argv else {}
    commands[words_given[0]](*words_given[1:], **more)


if __name__ == "__main__":
    main()
