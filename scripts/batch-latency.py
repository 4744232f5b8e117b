"""Measures interactive latency with a batch running behind it, against none.

One client sends short streamed chat requests, with pauses of random length between them: so they arrive
at any moment of the batch's steps. Rounds without and with the batch take turns. The times are those of
the client: from sending the request to the first piece of text, and between pieces.

Needs Python 3 alone. `scripts/batch-latency.sh` runs it.
"""

import argparse
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time

GATE = 1.3
BEGIN, END = "<!-- batch: begin -->", "<!-- batch: end -->"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Service:
    """A service with one deployment, in a folder of its own."""

    def __init__(self, ours, model, folder):
        self.ours, self.folder = ours, folder
        self.port, operations = free_port(), free_port()
        self.operations = operations
        self.env = dict(
            os.environ,
            BAILIWICK_DATA=os.path.join(folder, "data"),
            BAILIWICK_LISTEN__API=f"127.0.0.1:{self.port}",
            BAILIWICK_LISTEN__OPERATIONS=f"127.0.0.1:{operations}",
            BAILIWICK_ENGINE__CONTEXT_TOKENS="1024",
        )
        self.cli("model", "add", model, "--name", "small", "--in-place")
        self.cli("tenant", "create", "bench")
        self.key = self.cli("resource", "create", "bench", "--tenant", "bench")["key1"]
        self.cli("deployment", "create", "chat", "--resource", "bench", "--model", "small", "--task", "chat",
                 "--tokens-per-minute", str(1 << 30), "--requests-per-minute", str(1 << 20))
        log = open(os.path.join(folder, "log"), "wb")
        self.process = subprocess.Popen([ours, "serve"], env=self.env, stdout=log, stderr=log)
        self.wait()

    def cli(self, *arguments):
        made = subprocess.run([self.ours, *arguments, "--json"], env=self.env, check=True, capture_output=True)
        return json.loads(made.stdout or b"null")

    def wait(self):
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.operations, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise SystemExit("the service is not ready; see " + os.path.join(self.folder, "log"))

    def call(self, method, path, body=None, kind="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        headers = {"api-key": self.key}
        if body is not None:
            headers["content-type"] = kind
        connection.request(method, "/openai/v1/" + path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
        return json.loads(text)

    def stream(self, tokens):
        """Sends one request; returns the time to the first text and the times between pieces."""
        body = json.dumps({
            "model": "chat", "stream": True, "max_tokens": tokens, "temperature": 1,
            "messages": [{"role": "user", "content": f"Tell me about the number {random.randrange(10**9)}."}],
        })
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        began = time.monotonic()
        connection.request("POST", "/openai/v1/chat/completions", body,
                           {"api-key": self.key, "content-type": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"a request was refused: {answer.status} {answer.read()!r}")
        first, between, last = None, [], None
        for line in answer:
            if not line.startswith(b"data: {"):
                continue
            choices = json.loads(line[6:]).get("choices") or [{}]
            if not choices[0].get("delta", {}).get("content"):
                continue
            now = time.monotonic()
            if first is None:
                first = now - began
            else:
                between.append(now - last)
            last = now
        return first, between

    def begin_batch(self, lines):
        """Uploads an input file and begins a batch; returns its id once lines have run."""
        text = "".join(
            json.dumps({
                "custom_id": f"line-{at}", "method": "POST", "url": "/v1/chat/completions",
                "body": {"model": "chat", "max_tokens": 64, "messages": [
                    {"role": "user", "content": f"Write a story about a town with {at} people. " + "It is old. " * 40},
                ]},
            }) + "\n"
            for at in range(lines)
        )
        edge = "batchedge"
        form = (
            f'--{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="lines.jsonl"\r\n'
            f"Content-Type: application/jsonl\r\n\r\n{text}\r\n--{edge}--\r\n"
        )
        file = self.call("POST", "files", form.encode(), f"multipart/form-data; boundary={edge}")
        batch = self.call("POST", "batches", json.dumps({
            "input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h",
        }))
        until = time.monotonic() + 300
        while time.monotonic() < until:
            now = self.call("GET", "batches/" + batch["id"])
            if now["status"] == "failed":
                raise SystemExit(f"the batch failed: {now['errors']}")
            if now["request_counts"]["completed"] > 0:
                return batch["id"]
            time.sleep(0.2)
        raise SystemExit("no line of the batch ran")

    def end_batch(self, batch):
        self.call("POST", f"batches/{batch}/cancel", b"{}")
        while True:
            now = self.call("GET", "batches/" + batch)
            if now["status"] == "cancelled":
                return now["request_counts"]
            time.sleep(0.2)


def phase(service, plan):
    firsts, between = [], []
    for _ in range(plan.requests):
        time.sleep(random.uniform(0, plan.pause_ms) / 1000)
        first, gaps = service.stream(plan.tokens)
        if first is not None:
            firsts.append(first * 1000)
        between.extend(gap * 1000 for gap in gaps)
    return firsts, between


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--pause-ms", type=int, default=600)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--write")
    plan = parser.parse_args()
    none, behind, ran = ([], []), ([], []), 0
    with tempfile.TemporaryDirectory(prefix="batch-latency-") as folder:
        service = Service(plan.ours, plan.model, folder)
        try:
            for _ in range(5):
                service.stream(plan.tokens)
            for number in range(plan.rounds):
                for kept, new in zip(none, phase(service, plan)):
                    kept.extend(new)
                batch = service.begin_batch(plan.lines)
                before = service.call("GET", "batches/" + batch)["request_counts"]
                for kept, new in zip(behind, phase(service, plan)):
                    kept.extend(new)
                after = service.end_batch(batch)
                ran += after["completed"] + after["failed"] - before["completed"] - before["failed"]
                print(f"round {number + 1}: {after}", file=sys.stderr)
        finally:
            service.process.terminate()
            service.process.wait()
    report = table(plan, none, behind, ran)
    print(report)
    if plan.write:
        write(plan.write, report)
    worst = max(percentile(b, 0.99) / percentile(a, 0.99) for a, b in zip(none, behind))
    if worst > GATE:
        raise SystemExit(f"the 99th percentile grew {worst:.2f} times; the limit is {GATE}")


def table(plan, none, behind, ran):
    rows = []
    for name, alone, beside in [
        ("time to first token", none[0], behind[0]),
        ("time between pieces", none[1], behind[1]),
    ]:
        for label, share in [("median", 0.5), ("p99", 0.99)]:
            a, b = percentile(alone, share), percentile(beside, share)
            rows.append(f"| {name}, {label}, ms | {a:.1f} | {b:.1f} | {b / a:.2f} |")
    return "\n".join([
        f"{plan.rounds} rounds, each with {plan.requests} requests of {plan.tokens} tokens without and with a batch of "
        f"{plan.lines:,} lines behind them; pauses of up to {plan.pause_ms} ms between requests. Machine: "
        f"{os.cpu_count()} processors. {ran} lines of the batches ran meanwhile.",
        "",
        "| | without a batch | with a batch behind | ratio |",
        "|---|---:|---:|---:|",
        *rows,
    ])


def write(path, report):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{report}\n{END}{after}")


main()
