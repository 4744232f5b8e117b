"""Fine-tuning with OpenAI's own library, on both surfaces.

The environment is that of test_sdk.py. Started by the Rust test `fine_tuning::with_openais_libraries`.
"""

import io
import json
import os
import unittest

import openai
from openai import AzureOpenAI, OpenAI

URL = os.environ["BAILIWICK_URL"]
KEY = os.environ["BAILIWICK_API_KEY"]
CHAT = os.environ["BAILIWICK_DEPLOYMENT"]
VERSION = "2024-10-21"


def examples(count):
    def line(n):
        turns = [{"role": "user", "content": f"What is number {n}?"}, {"role": "assistant", "content": f"It is {n}."}]
        return json.dumps({"messages": turns}) + "\n"

    return ("\ufeff" + "".join(map(line, range(count)))).encode()


class Surface:
    def setUp(self):
        self.client = self.make()
        self.addCleanup(self.client.close)

    def job(self, count=10, **more):
        file = self.client.files.create(file=("train.jsonl", io.BytesIO(examples(count))), purpose="fine-tune")
        return self.client.fine_tuning.jobs.create(model=CHAT, training_file=file.id, **more)

    def test_a_job_is_made_listed_and_cancelled(self):
        job = self.job(seed=7, suffix="sdk", hyperparameters={"n_epochs": 1})
        jobs = self.client.fine_tuning.jobs
        self.assertEqual((job.object, job.seed, job.fine_tuned_model), ("fine_tuning.job", 7, None))
        self.assertIn(job.status, ("validating_files", "pending"))
        self.assertIn(job.id, [other.id for other in jobs.list(limit=5)])
        self.assertEqual(jobs.retrieve(job.id).training_file, job.training_file)
        cancelled = jobs.cancel(job.id)
        self.assertEqual(cancelled.status, "cancelled")
        messages = [event.message for event in jobs.list_events(job.id)]
        self.assertIn("The job was cancelled", messages)
        self.assertEqual(list(jobs.checkpoints.list(job.id)), [])

    def test_what_is_not_supported_is_named(self):
        for more, param in [
            (dict(method={"type": "dpo"}), "method.type"),
            (dict(integrations=[{"type": "wandb", "wandb": {"project": "p"}}]), "integrations"),
            (dict(suffix="a b"), "suffix"),
        ]:
            with self.assertRaises(openai.BadRequestError) as caught:
                self.job(**more)
            self.assertEqual(caught.exception.param, param)
        with self.assertRaises(openai.NotFoundError):
            self.client.fine_tuning.jobs.create(model=CHAT, training_file="file-" + "0" * 32)
        with self.assertRaises(openai.NotFoundError):
            self.client.fine_tuning.jobs.retrieve("ftjob-" + "0" * 32)


class V1(Surface, unittest.TestCase):
    def make(self):
        return OpenAI(base_url=f"{URL}/openai/v1", api_key=KEY, max_retries=0)


class Azure(Surface, unittest.TestCase):
    def make(self):
        return AzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version=VERSION, max_retries=0)


if __name__ == "__main__":
    unittest.main()
