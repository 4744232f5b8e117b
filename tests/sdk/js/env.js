// OpenAI and AzureOpenAI with what `quickstart.env` sets, and no arguments.

import assert from "node:assert/strict";
import OpenAI, { AzureOpenAI } from "openai";

const chat = process.env.BAILIWICK_DEPLOYMENT;
const embed = process.env.BAILIWICK_EMBED_DEPLOYMENT;

for (const make of [OpenAI, AzureOpenAI]) {
  const client = new make();
  const messages = [{ role: "user", content: "Say hello." }];
  const answer = await client.chat.completions.create({ model: chat, messages, max_tokens: 4 });
  assert.ok(answer.choices[0].message.content);
  const stream = await client.chat.completions.create({ model: chat, messages, max_tokens: 4, stream: true });
  let chunks = 0;
  for await (const _ of stream) chunks += 1;
  assert.ok(chunks > 1);
  const embeddings = await client.embeddings.create({ model: embed, input: "hello" });
  assert.ok(embeddings.data[0].embedding.length > 0);
  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  assert.ok(models.includes(chat));
  console.log(make.name, "works");
}
