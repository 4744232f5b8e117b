// Batches with OpenAI's library: upload, create, poll, read the output. Started by `batches::sdk_javascript`.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";

const { BAILIWICK_URL, BAILIWICK_API_KEY, BAILIWICK_DEPLOYMENT } = process.env;
const client = new OpenAI({
  baseURL: `${BAILIWICK_URL}/openai/v1/`,
  apiKey: BAILIWICK_API_KEY,
  maxRetries: 0,
});

test("a batch from its upload to its output", async () => {
  const body = {
    model: BAILIWICK_DEPLOYMENT,
    max_tokens: 3,
    messages: [{ role: "user", content: "Say hello." }],
  };
  const lines = ["one", "two"].map((custom_id) =>
    JSON.stringify({ custom_id, method: "POST", url: "/v1/chat/completions", body }),
  );
  const file = await client.files.create({
    file: await toFile(Buffer.from(lines.join("\n")), "lines.jsonl"),
    purpose: "batch",
  });
  let batch = await client.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    output_expires_after: { anchor: "created_at", seconds: 3600 },
  });
  const until = Date.now() + 120_000;
  while (!["completed", "failed", "expired", "cancelled"].includes(batch.status)) {
    assert.ok(Date.now() < until, batch.status);
    await new Promise((done) => setTimeout(done, 200));
    batch = await client.batches.retrieve(batch.id);
  }
  assert.equal(batch.status, "completed");
  const output = await (await client.files.content(batch.output_file_id)).text();
  const answers = output.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(new Set(answers.map((one) => one.custom_id)), new Set(["one", "two"]));
  for (const { response } of answers) assert.equal(response.status_code, 200);
  const kept = await client.files.retrieve(batch.output_file_id);
  assert.equal(kept.purpose, "batch_output");
  assert.ok(kept.expires_at > kept.created_at);
});
