"""Files and uploads with OpenAI's own Python library, on both surfaces.

Started by the Rust test `sdk::python_files`, which sets the environment as for test_sdk.py.
"""

import hashlib
import io
import os
import unittest

import openai
from openai import AzureOpenAI, OpenAI

URL = os.environ["BAILIWICK_URL"]
KEY = os.environ["BAILIWICK_API_KEY"]
LINES = b'{"a": 1}\n{"b": "gr\xc3\xb6\xc3\x9fe"}\n'


class Surface:
    def setUp(self):
        self.client = self.make()
        self.addCleanup(self.client.close)

    def test_file(self):
        made = self.client.files.create(
            file=("t.jsonl", io.BytesIO(LINES)),
            purpose="batch",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        self.assertEqual((made.bytes, made.filename, made.purpose), (len(LINES), "t.jsonl", "batch"))
        self.assertEqual((made.object, made.status), ("file", "processed"))
        self.assertAlmostEqual(made.expires_at, made.created_at + 3600, delta=1)
        self.assertEqual(self.client.files.retrieve(made.id), made)
        self.assertEqual(self.client.files.wait_for_processing(made.id), made)
        self.assertIn(made.id, [file.id for file in self.client.files.list(limit=1)])
        self.assertEqual(self.client.files.content(made.id).read(), LINES)
        self.assertTrue(self.client.files.delete(made.id).deleted)
        with self.assertRaises(openai.NotFoundError):
            self.client.files.content(made.id)

    def test_refusals(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.files.create(file=("t", b"{}\n[]\n"), purpose="batch")
        self.assertIn("line 2 is not a JSON object", str(caught.exception))
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.files.create(file=("t", b"{}"), purpose="assistants")
        self.assertEqual(caught.exception.param, "purpose")

    def test_upload(self):
        upload = self.client.uploads.create(
            filename="t.jsonl", purpose="fine-tune", bytes=len(LINES), mime_type="text/jsonl"
        )
        parts = [
            self.client.uploads.parts.create(upload.id, data=data).id for data in (LINES[:5], LINES[5:])
        ]
        digest = hashlib.md5(LINES).hexdigest()
        done = self.client.uploads.complete(upload.id, part_ids=parts, md5=digest)
        self.assertEqual((done.status, done.file.bytes), ("completed", len(LINES)))
        self.assertEqual(self.client.files.content(done.file.id).read(), LINES)
        other = self.client.uploads.create(filename="t", purpose="batch", bytes=5, mime_type="a/b")
        self.assertEqual(self.client.uploads.cancel(other.id).status, "cancelled")

    def test_upload_in_chunks(self):
        lines = b'{"a": "%s"}\n' % (b"x" * 1000) * 2000
        done = self.client.uploads.upload_file_chunked(
            file=lines, filename="t.jsonl", bytes=len(lines), purpose="batch", mime_type="a/b", part_size=500_000
        )
        self.assertEqual(done.file.bytes, len(lines))


class V1(Surface, unittest.TestCase):
    def make(self):
        return OpenAI(base_url=f"{URL}/openai/v1/", api_key=KEY, max_retries=0)


class Azure(Surface, unittest.TestCase):
    def make(self):
        return AzureOpenAI(azure_endpoint=URL, api_version="2024-10-21", api_key=KEY, max_retries=0)


if __name__ == "__main__":
    unittest.main()
