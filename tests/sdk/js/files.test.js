// Files and uploads with OpenAI's own JavaScript library, on both surfaces. The library sends the file
// before its purpose. Started by the Rust test `sdk::javascript_files`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI, { AzureOpenAI, toFile } from "openai";

const url = process.env.BAILIWICK_URL;
const apiKey = process.env.BAILIWICK_API_KEY;
const lines = Buffer.from('{"a": 1}\n{"b": "größe"}\n');
const surfaces = {
  OpenAI: new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, maxRetries: 0 }),
  AzureOpenAI: new AzureOpenAI({ endpoint: url, apiVersion: "2024-10-21", apiKey, maxRetries: 0 }),
};

for (const [name, client] of Object.entries(surfaces)) {
  describe(name, () => {
    test("a file", async () => {
      const made = await client.files.create({
        file: await toFile(lines, "t.jsonl"),
        purpose: "fine-tune",
        expires_after: { anchor: "created_at", seconds: 3600 },
      });
      assert.equal(made.bytes, lines.length);
      assert.equal(made.filename, "t.jsonl");
      assert.equal(made.purpose, "fine-tune");
      assert.ok(Math.abs(made.expires_at - made.created_at - 3600) <= 1);
      assert.deepEqual(await client.files.retrieve(made.id), made);
      const ids = [];
      for await (const file of client.files.list({ limit: 1 })) ids.push(file.id);
      assert.ok(ids.includes(made.id));
      const content = await client.files.content(made.id);
      assert.deepEqual(Buffer.from(await content.arrayBuffer()), lines);
      assert.equal((await client.files.delete(made.id)).deleted, true);
      await assert.rejects(client.files.retrieve(made.id), OpenAI.NotFoundError);
    });

    test("a refusal", async () => {
      const file = await toFile(Buffer.from("{}\n[]\n"), "t.jsonl");
      await assert.rejects(client.files.create({ file, purpose: "batch" }), /line 2 is not a JSON object/);
    });

    test("an upload in parts", async () => {
      const begin = { filename: "t.jsonl", purpose: "batch", bytes: lines.length, mime_type: "text/jsonl" };
      const upload = await client.uploads.create(begin);
      const part_ids = [];
      for (const data of [lines.subarray(0, 5), lines.subarray(5)]) {
        const part = await client.uploads.parts.create(upload.id, { data: await toFile(data, "part") });
        part_ids.push(part.id);
      }
      const done = await client.uploads.complete(upload.id, { part_ids });
      assert.equal(done.status, "completed");
      assert.equal(done.file.bytes, lines.length);
    });
  });
}
