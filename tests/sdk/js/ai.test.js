// The AI SDK with its Azure provider at its defaults: it speaks the Responses API, sends no
// api-version, and keeps what was said at the service.
// Started by the Rust test `sdk::ai`, which sets the environment as for Python.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createAzure } from "@ai-sdk/azure";
import * as ai from "ai";
import { Output, generateObject, generateText, streamText, tool } from "ai";
import { z } from "zod";

globalThis.AI_SDK_LOG_WARNINGS = false;

const env = (name) => {
  assert.ok(process.env[name], `${name} is not set`);
  return process.env[name];
};
const url = env("BAILIWICK_URL");
const apiKey = env("BAILIWICK_API_KEY");
const deployment = env("BAILIWICK_DEPLOYMENT");

const steps = ai.isStepCount ?? ai.stepCountIs;
const schema = z.object({ mood: z.enum(["glad", "sad"]), age: z.literal(7) });

for (const base of ["/openai", "/openai/v1"]) {
  describe(`createAzure at ${base}`, () => {
    const bodies = [];
    const send = (at, request) => {
      bodies.push(String(request.body));
      return fetch(at, request);
    };
    const model = createAzure({ baseURL: url + base, apiKey, fetch: send })(deployment);
    const common = { model, temperature: 0, maxOutputTokens: 48, maxRetries: 0 };

    test("text, whole and streamed", async () => {
      const whole = await generateText({ ...common, system: "Be brief.", prompt: "Say hello." });
      assert.ok(whole.text);
      assert.ok(whole.usage.outputTokens > 0);
      const stream = streamText({ ...common, system: "Be brief.", prompt: "Say hello." });
      let text = "";
      for await (const part of stream.textStream) text += part;
      assert.equal(text, whole.text);
      assert.ok((await stream.usage).outputTokens > 0);
    });

    test("objects", async () => {
      const { object } = await generateObject({ ...common, prompt: "How are you?", schema, maxOutputTokens: 60 });
      assert.equal(object.age, 7);
      const { output } = await generateText({
        ...common,
        prompt: "How are you?",
        output: Output.object({ schema }),
        maxOutputTokens: 60,
      });
      assert.ok(["glad", "sad"].includes(output.mood));
    });

    test("a function is called and its result goes back", async () => {
      const cities = [];
      const get_weather = tool({
        description: "Tells the weather.",
        inputSchema: z.object({ city: z.enum(["Paris", "Rome"]) }),
        execute: async ({ city }) => {
          cities.push(city);
          return `sunny in ${city}`;
        },
      });
      const result = await generateText({
        ...common,
        prompt: "What is the weather in Paris?",
        tools: { get_weather },
        // The small model would call again and again.
        providerOptions: { azure: { parallelToolCalls: false }, openai: { parallelToolCalls: false } },
        stopWhen: steps(2),
        prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
      });
      assert.equal(cities.length, 1);
      assert.ok(["Paris", "Rome"].includes(cities[0]));
      assert.equal(result.steps.length, 2);
      assert.ok(result.text);
    });

    // The second turn names the answer of the first by its id.
    test("a second turn refers to the first answer", async () => {
      const messages = [{ role: "user", content: "Say hello." }];
      const first = await generateText({ ...common, messages });
      const said = first.responseMessages ?? first.response.messages;
      const next = [...messages, ...said, { role: "user", content: "Say more." }];
      const second = await generateText({ ...common, messages: next });
      assert.ok(bodies.at(-1).includes("item_reference"));
      assert.ok(second.usage.inputTokens > first.usage.inputTokens);
      const unkept = { azure: { store: false }, openai: { store: false } };
      const third = await generateText({ ...common, messages: next, providerOptions: unkept });
      assert.equal(third.usage.inputTokens, second.usage.inputTokens);
    });
  });
}
