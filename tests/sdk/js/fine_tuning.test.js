// Fine-tuning with OpenAI's own JavaScript library. Started by the Rust test
// `fine_tuning::with_openais_libraries`, which sets the environment as for Python.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI, { AzureOpenAI, toFile } from "openai";

const env = (name) => {
  assert.ok(process.env[name], `${name} is not set`);
  return process.env[name];
};
const url = env("BAILIWICK_URL");
const apiKey = env("BAILIWICK_API_KEY");
const model = env("BAILIWICK_DEPLOYMENT");

const line = (n) =>
  JSON.stringify({
    messages: [
      { role: "user", content: `What is number ${n}?` },
      { role: "assistant", content: `It is ${n}.` },
    ],
  });
const examples = Array.from({ length: 10 }, (_, n) => line(n)).join("\n");
const surfaces = {
  OpenAI: () => new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, maxRetries: 0 }),
  AzureOpenAI: () => new AzureOpenAI({ endpoint: url, apiVersion: "2024-10-21", apiKey, maxRetries: 0 }),
};

for (const [name, make] of Object.entries(surfaces)) {
  describe(name, () => {
    const client = make();

    test("a job is made, listed and cancelled", async () => {
      const file = await client.files.create({ file: await toFile(Buffer.from(examples), "train.jsonl"), purpose: "fine-tune" });
      const job = await client.fineTuning.jobs.create({ model, training_file: file.id, seed: 7 });
      assert.equal(job.object, "fine_tuning.job");
      const ids = [];
      for await (const other of client.fineTuning.jobs.list({ limit: 5 })) ids.push(other.id);
      assert.ok(ids.includes(job.id));
      assert.equal((await client.fineTuning.jobs.cancel(job.id)).status, "cancelled");
      const messages = [];
      for await (const event of client.fineTuning.jobs.listEvents(job.id)) messages.push(event.message);
      assert.ok(messages.includes("The job was cancelled"));
    });
  });
}
