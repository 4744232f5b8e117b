// Drives the running service with OpenAI's own JavaScript library: OpenAI and AzureOpenAI.
// Started by the Rust test `sdk::javascript`, which sets the environment as for Python.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";

const env = (name) => {
  assert.ok(process.env[name], `${name} is not set`);
  return process.env[name];
};
const url = env("BAILIWICK_URL");
const apiKey = env("BAILIWICK_API_KEY");
const chat = env("BAILIWICK_DEPLOYMENT");
const embed = env("BAILIWICK_EMBED_DEPLOYMENT");

const messages = [{ role: "user", content: "Say hello." }];
const surfaces = {
  OpenAI: (more) => new OpenAI({ baseURL: `${url}/openai/v1`, apiKey, maxRetries: 0, ...more }),
  AzureOpenAI: (more) =>
    new AzureOpenAI({ endpoint: url, apiVersion: "2024-10-21", apiKey, maxRetries: 0, ...more }),
};
const tool = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string", maxLength: 16 } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};

for (const [name, make] of Object.entries(surfaces)) {
  describe(name, () => {
    const client = make();
    const create = (more) => client.chat.completions.create({ model: chat, messages, max_tokens: 12, temperature: 0, ...more });

    test("chat", async () => {
      const answer = await create();
      assert.ok(answer.choices[0].message.content);
      assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
      assert.ok(answer._request_id);
    });

    test("stream with usage", async () => {
      let text = "";
      let usage;
      for await (const chunk of await create({ stream: true, stream_options: { include_usage: true }, temperature: 0 })) {
        text += chunk.choices[0]?.delta?.content ?? "";
        usage = chunk.usage ?? usage;
      }
      assert.equal(text, (await create({ temperature: 0 })).choices[0].message.content);
      assert.ok(usage.completion_tokens > 0);
    });

    test("a stream that is given up", async () => {
      const stream = await create({ stream: true, max_tokens: 400 });
      for await (const chunk of stream) {
        if (chunk.choices[0]?.delta?.content) break;
      }
      stream.controller.abort();
      assert.ok((await create()).choices[0].message.content);
    });

    test("structured output", async () => {
      const schema = {
        type: "object",
        properties: { mood: { enum: ["glad", "sad"] }, age: { type: "integer", minimum: 0, maximum: 99 } },
        required: ["mood", "age"],
        additionalProperties: false,
      };
      const answer = await client.chat.completions.parse({
        model: chat,
        messages,
        max_tokens: 100,
        response_format: { type: "json_schema", json_schema: { name: "mood", strict: true, schema } },
      });
      const value = JSON.parse(answer.choices[0].message.content);
      assert.ok(["glad", "sad"].includes(value.mood) && Number.isInteger(value.age));
    });

    test("tools", async () => {
      const answer = await create({ tools: [tool], tool_choice: "required", parallel_tool_calls: false, max_tokens: 200 });
      const [call] = answer.choices[0].message.tool_calls;
      assert.equal(call.function.name, "get_weather");
      assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
    });

    test("embeddings", async () => {
      // The library asks for base64 by itself and decodes it.
      const { data } = await client.embeddings.create({ model: embed, input: ["a", "b"] });
      const [plain] = (await client.embeddings.create({ model: embed, input: "a", encoding_format: "float" })).data;
      assert.equal(data.length, 2);
      assert.equal(data[0].embedding.length, plain.embedding.length);
      assert.ok(Math.abs(data[0].embedding[0] - plain.embedding[0]) < 1e-3);
    });

    test("models", async () => {
      const ids = [];
      for await (const model of client.models.list()) ids.push(model.id);
      assert.ok(ids.includes(chat) && ids.includes(embed));
    });

    test("errors", async () => {
      const isA = (Kind, more) => (error) => {
        assert.ok(error instanceof Kind, `${error}`);
        for (const [key, value] of Object.entries(more)) assert.equal(error[key], value);
        return true;
      };
      await assert.rejects(create({ temperature: 9 }), isA(OpenAI.BadRequestError, { param: "temperature" }));
      await assert.rejects(
        make({ apiKey: "wrong" }).models.list(),
        isA(OpenAI.AuthenticationError, { code: "401", status: 401 }),
      );
      await assert.rejects(client.chat.completions.create({ model: "absent", messages }), isA(OpenAI.NotFoundError, {}));
    });
  });
}
