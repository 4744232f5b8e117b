// Drives the running service's Responses API with OpenAI's own JavaScript library.
// Started by the Rust test `responses::javascript`, which sets the environment as for Python.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";

const env = (name) => {
  assert.ok(process.env[name], `${name} is not set`);
  return process.env[name];
};
const url = env("BAILIWICK_URL");
const apiKey = env("BAILIWICK_API_KEY");
const model = env("BAILIWICK_DEPLOYMENT");

const surfaces = {
  OpenAI: () => new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, maxRetries: 0 }),
  AzureOpenAI: () =>
    new AzureOpenAI({ endpoint: url, apiVersion: "2025-04-01-preview", apiKey, maxRetries: 0 }),
};
const tool = {
  type: "function",
  name: "get_weather",
  strict: true,
  parameters: {
    type: "object",
    properties: { city: { type: "string", maxLength: 12 } },
    required: ["city"],
    additionalProperties: false,
  },
};
const schema = {
  type: "object",
  properties: { name: { type: "string", maxLength: 12 } },
  required: ["name"],
  additionalProperties: false,
};

for (const [name, make] of Object.entries(surfaces)) {
  describe(name, () => {
    const client = make();
    const create = (more) =>
      client.responses.create({ model, input: "Say hello.", max_output_tokens: 16, temperature: 0, ...more });

    test("create, retrieve, delete", async () => {
      const answer = await create();
      assert.ok(answer.output_text);
      assert.equal((await client.responses.retrieve(answer.id)).output_text, answer.output_text);
      await client.responses.delete(answer.id);
      await assert.rejects(client.responses.retrieve(answer.id), { status: 404 });
    });

    test("stream", async () => {
      const whole = await create();
      const stream = client.responses.stream({ model, input: "Say hello.", max_output_tokens: 16, temperature: 0 });
      let text = "";
      for await (const event of stream) {
        if (event.type === "response.output_text.delta") text += event.delta;
      }
      assert.equal(text, whole.output_text);
      assert.equal((await stream.finalResponse()).output_text, whole.output_text);
    });

    test("parse", async () => {
      const format = { type: "json_schema", name: "person", strict: true, schema };
      const answer = await client.responses.parse({ model, input: "A person.", text: { format }, max_output_tokens: 100 });
      assert.equal(typeof JSON.parse(answer.output_text).name, "string");
    });

    test("tools in a loop", async () => {
      const first = await create({ tools: [tool], tool_choice: "required", max_output_tokens: 60 });
      const calls = first.output.filter((item) => item.type === "function_call");
      assert.ok(calls.length > 0);
      const input = calls.map(({ call_id }) => ({ type: "function_call_output", call_id, output: "sunny" }));
      const second = await create({ previous_response_id: first.id, input, tools: [tool], tool_choice: "none" });
      assert.equal(second.previous_response_id, first.id);
    });

    test("input items", async () => {
      const answer = await create({ input: [{ role: "user", content: "one" }, { role: "user", content: "two" }] });
      const said = [];
      for await (const item of client.responses.inputItems.list(answer.id, { limit: 1 })) said.push(item.content[0].text);
      assert.deepEqual(said, ["two", "one"]);
    });

    test("background and cancel", async () => {
      let answer = await create({ background: true });
      while (["queued", "in_progress"].includes(answer.status)) answer = await client.responses.retrieve(answer.id);
      assert.ok(["completed", "incomplete"].includes(answer.status));
      const long = await create({ background: true, max_output_tokens: 400 });
      const ended = await client.responses.cancel(long.id);
      assert.ok(["cancelled", "completed", "incomplete"].includes(ended.status));
    });
  });
}
