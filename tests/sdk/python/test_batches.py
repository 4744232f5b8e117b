"""Batches with OpenAI's library, on both surfaces: upload, create, poll, read the output.

The environment is that of test_sdk.py. Started by the Rust test `batches::sdk_python`.
"""

import io
import json
import os
import time
import unittest

from openai import AzureOpenAI, OpenAI

URL = os.environ["BAILIWICK_URL"]
KEY = os.environ["BAILIWICK_API_KEY"]
CHAT = os.environ["BAILIWICK_DEPLOYMENT"]


class Surface:
    def setUp(self):
        self.client = self.make()
        self.addCleanup(self.client.close)

    def run_batch(self, lines, endpoint):
        text = "\n".join(json.dumps(line) for line in lines)
        file = self.client.files.create(file=("lines.jsonl", io.BytesIO(text.encode())), purpose="batch")
        batch = self.client.batches.create(
            input_file_id=file.id, endpoint=endpoint, completion_window="24h", metadata={"job": "nightly"}
        )
        self.assertEqual((batch.object, batch.status), ("batch", "validating"))
        until = time.monotonic() + 120
        while batch.status not in ("completed", "failed", "expired", "cancelled"):
            self.assertLess(time.monotonic(), until, batch)
            time.sleep(0.2)
            batch = self.client.batches.retrieve(batch.id)
        return batch

    def line(self, name, **body):
        message = [{"role": "user", "content": "Say hello."}]
        body = {"model": CHAT, "messages": message, "max_tokens": 3, **body}
        return {"custom_id": name, "method": "POST", "url": self.endpoint, "body": body}

    def test_a_batch_from_its_upload_to_its_output(self):
        lines = [self.line("one"), self.line("two"), self.line("wrong", temperature=9)]
        batch = self.run_batch(lines, self.endpoint)
        self.assertEqual(batch.status, "completed")
        counts = batch.request_counts
        self.assertEqual((counts.total, counts.completed, counts.failed), (3, 2, 1))
        self.assertEqual(batch.metadata, {"job": "nightly"})
        output = self.client.files.content(batch.output_file_id).text
        answers = {one["custom_id"]: one["response"] for one in map(json.loads, output.splitlines())}
        self.assertEqual(set(answers), {"one", "two"})
        for answer in answers.values():
            self.assertEqual(answer["status_code"], 200)
            self.assertTrue(answer["body"]["choices"])
        errors = self.client.files.content(batch.error_file_id).text
        self.assertEqual(json.loads(errors)["response"]["status_code"], 400)
        self.assertIn(batch.id, [one.id for one in self.client.batches.list(limit=100)])

    def test_a_bad_line_fails_the_batch_by_its_number(self):
        batch = self.run_batch([self.line("same"), self.line("same")], self.endpoint)
        self.assertEqual(batch.status, "failed")
        self.assertEqual((batch.errors.data[0].code, batch.errors.data[0].line), ("duplicate_custom_id", 2))

    def test_a_batch_is_cancelled(self):
        lines = [self.line(f"line-{number}") for number in range(500)]
        text = "\n".join(map(json.dumps, lines)).encode()
        file = self.client.files.create(file=("lines.jsonl", text), purpose="batch")
        batch = self.client.batches.create(
            input_file_id=file.id, endpoint=self.endpoint, completion_window="24h"
        )
        batch = self.client.batches.cancel(batch.id)
        self.assertIn(batch.status, ("cancelling", "cancelled"))


class V1(Surface, unittest.TestCase):
    endpoint = "/v1/chat/completions"

    def make(self):
        return OpenAI(base_url=f"{URL}/openai/v1/", api_key=KEY, max_retries=0)


class Azure(Surface, unittest.TestCase):
    endpoint = "/chat/completions"

    def make(self):
        return AzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version="2024-10-21", max_retries=0)
