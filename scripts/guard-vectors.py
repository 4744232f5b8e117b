#!/usr/bin/env python3
"""Embeds the texts of the content filter's training data with the service's own worker.

    scripts/guard-vectors.py TEXTS MODEL OUT [SECONDS]

TEXTS has a JSON string in each line (`bailiwick-guard texts`). OUT gets 384 little-endian 32-bit numbers
for each. A text is cut to its first 1,000 characters, and to half of it while the encoder refuses it
as too long. Stops after SECONDS, and goes on where OUT ends.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/release/bailiwick"
DIMENSIONS = 384
CHARACTERS = 1000
BATCH = 32


def free_address():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % taken.getsockname()[1]


class Service:
    """A service with one deployment for embeddings, in a folder that is deleted afterwards."""

    def __init__(self, folder, model):
        self.address = free_address()
        self.environment = os.environ | {
            "BAILIWICK_DATA": f"{folder}/data",
            "BAILIWICK_LISTEN__API": self.address,
            "BAILIWICK_LISTEN__OPERATIONS": free_address(),
        }
        self.run("tenant", "create", "guard")
        shown = self.run("resource", "create", "guard", "--tenant", "guard")
        self.key = next(word for word in shown.split() if len(word) == 64)
        self.run("model", "add", "--name", "encoder", "--in-place", model)
        self.run(
            "deployment", "create", "encoder", "--resource", "guard", "--model", "encoder", "--task", "embeddings", "--no-wait",
            "--tokens-per-minute", "100000000", "--requests-per-minute", "1000000",
        )
        self.log = open(f"{folder}/log", "wb")
        self.process = subprocess.Popen([PROGRAM, "serve"], env=self.environment, stdout=self.log, stderr=self.log)

    def run(self, *words):
        return subprocess.run([PROGRAM, *words], env=self.environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def embed(self, texts):
        """The vectors, or None if a text is too long."""
        body = json.dumps({"model": "encoder", "input": texts, "encoding_format": "base64"}).encode()
        headers = {"api-key": self.key, "content-type": "application/json"}
        request = urllib.request.Request(f"http://{self.address}/openai/v1/embeddings", body, headers)
        for _ in range(200):
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    data = json.load(answer)["data"]
                    return [base64.b64decode(one["embedding"]) for one in data]
            except urllib.error.HTTPError as error:
                if error.code == 400:
                    return None
                if error.code not in (404, 429, 503):
                    raise SystemExit(f"error: the service answers {error.code}: {error.read().decode()}") from error
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None:
                    raise SystemExit("error: the service ended; run `bailiwick serve` by hand to see why") from None
            time.sleep(0.3)
        raise SystemExit("error: the service did not become ready in a minute")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def one(service, text):
    text = text[:CHARACTERS]
    while True:
        vectors = service.embed([text or " "])
        if vectors or len(text) < 2:
            return vectors[0]
        text = text[: len(text) // 2]


def main():
    texts, model, out = sys.argv[1:4]
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else float("inf")
    texts = [json.loads(line) for line in Path(texts).read_text(encoding="utf-8").split("\n") if line]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, open(out, "ab") as file:
        done = file.tell() // (4 * DIMENSIONS)
        file.truncate(done * 4 * DIMENSIONS)
        service = Service(folder, model)
        try:
            while done < len(texts) and time.monotonic() - began < seconds:
                batch = texts[done : done + BATCH]
                cut = [text[:CHARACTERS] for text in batch]
                vectors = service.embed(cut) if all(cut) else None
                vectors = vectors or [one(service, text) for text in batch]
                if any(len(vector) != 4 * DIMENSIONS for vector in vectors):
                    raise SystemExit(f"error: the vectors have not {DIMENSIONS} numbers; is this the encoder?")
                file.write(b"".join(vectors))
                done += len(batch)
        finally:
            service.stop()
    print(f"{done} of {len(texts)} texts", file=sys.stderr)
    return 0 if done == len(texts) else 3


if __name__ == "__main__":
    sys.exit(main())
