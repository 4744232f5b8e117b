"""Drives the running service with OpenAI's own Python library: OpenAI and AzureOpenAI, sync and async.

The environment says where it is: BAILIWICK_URL, BAILIWICK_API_KEY, and the names of three deployments:
BAILIWICK_DEPLOYMENT (chat), BAILIWICK_EMBED_DEPLOYMENT, BAILIWICK_LIMITED_DEPLOYMENT (two requests a
minute). Started by the Rust test `sdk::python`.
"""

import asyncio
import json
import math
import os
import time
import unittest
from typing import Literal

import openai
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from pydantic import BaseModel, ConfigDict, Field

URL = os.environ["BAILIWICK_URL"]
KEY = os.environ["BAILIWICK_API_KEY"]
CHAT = os.environ["BAILIWICK_DEPLOYMENT"]
EMBED = os.environ["BAILIWICK_EMBED_DEPLOYMENT"]
LIMITED = os.environ["BAILIWICK_LIMITED_DEPLOYMENT"]

V1 = dict(base_url=f"{URL}/openai/v1/", api_key=KEY, max_retries=0)
AZURE = dict(azure_endpoint=URL, api_version="2024-10-21", api_key=KEY, max_retries=0)
HELLO = [{"role": "user", "content": "Say hello."}]


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=12)
    age: int = Field(ge=0, le=150)
    mood: Literal["glad", "sad"]


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 16}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class Surface:
    """What holds on both surfaces; the subclasses say which client is meant."""

    def make(self, **more):
        raise NotImplementedError

    def setUp(self):
        self.client = self.make()
        self.addCleanup(self.client.close)

    def chat(self, **more):
        return self.client.chat.completions.create(model=CHAT, **{"messages": HELLO, "max_tokens": 12, "temperature": 0, **more})

    def text(self, **more):
        return self.chat(**more).choices[0].message.content

    def test_chat(self):
        answer = self.chat()
        self.assertEqual(answer.object, "chat.completion")
        self.assertTrue(answer.id.startswith("chatcmpl-"))
        self.assertAlmostEqual(answer.created, time.time(), delta=60)
        self.assertEqual(answer.choices[0].message.role, "assistant")
        self.assertTrue(answer.choices[0].message.content)
        self.assertIsNone(answer.choices[0].message.refusal)
        self.assertIn(answer.choices[0].finish_reason, ("stop", "length"))
        self.assertGreater(answer.usage.prompt_tokens, 5)
        self.assertLessEqual(answer.usage.completion_tokens, 12)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
        self.assertTrue(answer._request_id)

    def test_message_parts_roles_and_harmless_fields(self):
        answer = self.chat(
            messages=[
                {"role": "developer", "content": "You are terse."},
                {"role": "user", "name": "ann", "content": [{"type": "text", "text": "Say "}, {"type": "text", "text": "hello."}]},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "Again."},
            ],
            user="ann",
            metadata={"purpose": "test"},
        )
        self.assertTrue(answer.choices[0].message.content)

    def test_stream(self):
        pieces, reasons, usages = [], [], []
        with self.chat(stream=True, stream_options={"include_usage": True}, temperature=0) as stream:
            for chunk in stream:
                self.assertEqual(chunk.object, "chat.completion.chunk")
                usages.append(chunk.usage)
                for choice in chunk.choices:
                    pieces.append(choice.delta.content or "")
                    reasons.append(choice.finish_reason)
        self.assertEqual([reason for reason in reasons if reason], [reasons[-1]])
        self.assertEqual([usage for usage in usages if usage], [usages[-1]])
        self.assertGreater(len(pieces), 3)
        self.assertEqual("".join(pieces), self.text(temperature=0))

    def test_stream_without_usage_has_none(self):
        for chunk in self.chat(stream=True):
            self.assertIsNone(chunk.usage)

    def test_choices(self):
        answer = self.chat(n=3, temperature=1.5, seed=3)
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        self.assertGreater(len({choice.message.content for choice in answer.choices}), 1)
        seen = {choice.index for chunk in self.chat(n=2, stream=True) for choice in chunk.choices}
        self.assertEqual(seen, {0, 1})

    def test_stop(self):
        whole = self.text(temperature=0, max_tokens=24)
        word = whole.split()[2]
        answer = self.chat(temperature=0, max_tokens=24, stop=[word, "never said"])
        self.assertEqual(answer.choices[0].message.content, whole[: whole.index(word)])
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        streamed = "".join(
            choice.delta.content or ""
            for chunk in self.chat(temperature=0, max_tokens=24, stop=word, stream=True)
            for choice in chunk.choices
        )
        self.assertEqual(streamed, whole[: whole.index(word)])

    def test_lengths(self):
        for name in ("max_tokens", "max_completion_tokens"):
            more = {"max_tokens": openai.omit, name: 3}
            answer = self.chat(**more)
            self.assertEqual(answer.usage.completion_tokens, 3)
            self.assertEqual(answer.choices[0].finish_reason, "length")

    def test_logprobs(self):
        answer = self.chat(logprobs=True, top_logprobs=3, temperature=0)
        content = answer.choices[0].logprobs.content
        self.assertEqual(len(content), answer.usage.completion_tokens - (answer.choices[0].finish_reason == "stop"))
        self.assertEqual(b"".join(bytes(token.bytes) for token in content).decode(), answer.choices[0].message.content)
        for token in content:
            self.assertLessEqual(token.logprob, 0)
            self.assertEqual(len(token.top_logprobs), 3)
            # Greedy choice: the chosen token is the likeliest.
            self.assertAlmostEqual(token.logprob, token.top_logprobs[0].logprob, places=4)
            self.assertLessEqual(sum(math.exp(top.logprob) for top in token.top_logprobs), 1.001)

    def test_seed_makes_it_repeatable(self):
        def sample(seed):
            return self.text(temperature=1.5, seed=seed, max_tokens=24)

        first = sample(7)
        self.assertEqual(first, sample(7))
        self.assertGreater(len({first, sample(8), sample(9), sample(10)}), 1)

    def test_logit_bias_and_penalties(self):
        self.assertNotEqual(self.text(temperature=0), self.text(temperature=0, logit_bias={"19556": -100, "33": -100, "57": -100}))
        self.text(frequency_penalty=2, presence_penalty=-2, top_p=0.5)

    def test_parse_into_a_pydantic_model(self):
        for seed in range(3):
            answer = self.client.chat.completions.parse(
                model=CHAT, messages=[{"role": "user", "content": "Invent a person."}],
                response_format=Person, temperature=1.5, seed=seed, max_tokens=200,
            )
            self.assertIsInstance(answer.choices[0].message.parsed, Person)

    def test_json_object(self):
        answer = self.chat(response_format={"type": "json_object"}, max_tokens=200, temperature=0)
        if answer.choices[0].finish_reason == "stop":
            self.assertIsInstance(json.loads(answer.choices[0].message.content), dict)

    def test_tools(self):
        named = {"type": "function", "function": {"name": "get_weather"}}
        # OpenAI ends a call that was named with "stop".
        for choice, reason in (("required", "tool_calls"), (named, "stop")):
            answer = self.chat(tools=[WEATHER], tool_choice=choice, parallel_tool_calls=False, max_tokens=200)
            self.assertEqual(answer.choices[0].finish_reason, reason)
            call = answer.choices[0].message.tool_calls[0]
            self.assertEqual(call.function.name, "get_weather")
            self.assertIsInstance(json.loads(call.function.arguments)["city"], str)
        follow_up = self.chat(
            tools=[WEATHER],
            messages=[*HELLO, answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}],
        )
        self.assertIn(follow_up.choices[0].finish_reason, ("stop", "length", "tool_calls"))

    def test_streamed_tool_call(self):
        with self.client.chat.completions.stream(
            model=CHAT, messages=HELLO, tools=[WEATHER], tool_choice="required", parallel_tool_calls=False, max_tokens=200
        ) as stream:
            for _event in stream:
                pass
            message = stream.get_final_completion().choices[0].message
        self.assertIsInstance(json.loads(message.tool_calls[0].function.arguments)["city"], str)

    def test_embeddings(self):
        def embed(**more):
            return self.client.embeddings.create(model=EMBED, **more)

        both = embed(input=["a small cat", "a big dog"])  # the library asks for base64 by itself
        self.assertEqual([item.index for item in both.data], [0, 1])
        self.assertEqual(both.usage.prompt_tokens, both.usage.total_tokens)
        vector = both.data[0].embedding
        self.assertAlmostEqual(math.hypot(*vector), 1, places=4)
        plain = embed(input="a small cat", encoding_format="float").data[0].embedding
        self.assertEqual(len(plain), len(vector))
        for left, right in zip(plain, vector):
            self.assertAlmostEqual(left, right, places=4)
        short = embed(input="a small cat", dimensions=8).data[0].embedding
        self.assertEqual(len(short), 8)
        self.assertAlmostEqual(math.hypot(*short), 1, places=4)
        tokens = embed(input=[[10, 20, 30], [40]])
        self.assertEqual((len(tokens.data), tokens.usage.prompt_tokens >= 4), (2, True))
        self.assertEqual(len(embed(input=[10, 20, 30]).data), 1)

    def test_completions(self):
        answer = self.client.completions.create(model=CHAT, prompt="Once upon a time", max_tokens=8, temperature=0)
        self.assertEqual(answer.object, "text_completion")
        self.assertTrue(answer.choices[0].text)
        stream = self.client.completions.create(model=CHAT, prompt="Once upon a time", max_tokens=8, temperature=0, stream=True)
        self.assertEqual("".join(choice.text for chunk in stream for choice in chunk.choices), answer.choices[0].text)

    def test_models(self):
        ids = [model.id for model in self.client.models.list()]
        self.assertIn(CHAT, ids)
        self.assertIn(EMBED, ids)
        self.assertEqual(self.client.models.retrieve(CHAT).id, CHAT)
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("absent")

    def test_errors_have_their_classes(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(temperature=9)
        self.assertEqual(caught.exception.param, "temperature")
        self.assertTrue(caught.exception.request_id)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(messages=[{"role": "user", "content": "word " * 20000}])
        self.assertEqual(caught.exception.code, "context_length_exceeded")
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.chat.completions.create(model="absent", messages=HELLO)
        self.assertIn(caught.exception.code, ("DeploymentNotFound", "model_not_found"))
        stranger = self.make(api_key="wrong")
        self.addCleanup(stranger.close)
        with self.assertRaises(openai.AuthenticationError) as caught:
            stranger.chat.completions.create(model=CHAT, messages=HELLO)
        self.assertEqual(caught.exception.code, "401")

    def test_asynchronously(self):
        asyncio.run(self.asynchronously())

    async def asynchronously(self):
        async with self.make_async() as client:
            async def one(seed):
                answer = await client.chat.completions.create(model=CHAT, messages=HELLO, max_tokens=8, seed=seed)
                return answer.choices[0].message.content

            self.assertTrue(all(await asyncio.gather(*(one(seed) for seed in range(8)))))
            stream = await client.chat.completions.create(model=CHAT, messages=HELLO, max_tokens=8, stream=True)
            pieces = [choice.delta.content or "" async for chunk in stream for choice in chunk.choices]
            self.assertTrue("".join(pieces))
            embedded = await client.embeddings.create(model=EMBED, input=["x"])
            self.assertEqual(len(embedded.data), 1)
            with self.assertRaises(openai.NotFoundError):
                await client.chat.completions.create(model="absent", messages=HELLO)


class WithOpenAI(Surface, unittest.TestCase):
    def make(self, **more):
        return OpenAI(**{**V1, **more})

    def make_async(self):
        return AsyncOpenAI(**V1)


class WithAzureOpenAI(Surface, unittest.TestCase):
    def make(self, **more):
        return AzureOpenAI(**{**AZURE, **more})

    def make_async(self):
        return AsyncAzureOpenAI(**AZURE)

    def test_a_fixed_deployment_overrides_the_model(self):
        client = self.make(azure_deployment=CHAT)
        self.addCleanup(client.close)
        answer = client.chat.completions.create(model="whatever", messages=HELLO, max_tokens=4)
        self.assertTrue(answer.choices[0].message.content)


class RateLimits(unittest.TestCase):
    def test_429_is_retried_as_the_server_says_and_then_raised(self):
        waits = []
        with OpenAI(**{**V1, "max_retries": 2}) as client:
            # The library sleeps as long as `retry-after-ms` says, up to a minute: note it instead.
            client._sleep_for_retry = lambda **kwargs: waits.append(
                client._calculate_retry_timeout(
                    kwargs["max_retries"] - kwargs["retries_taken"], kwargs["options"], kwargs["response"].headers
                )
            )
            for _ in range(2):
                client.chat.completions.create(model=LIMITED, messages=HELLO, max_tokens=2)
            with self.assertRaises(openai.RateLimitError) as caught:
                client.chat.completions.create(model=LIMITED, messages=HELLO, max_tokens=2)
        self.assertEqual(caught.exception.code, "429")
        self.assertEqual(len(waits), 2)
        for wait in waits:
            self.assertTrue(0 < wait <= 60, waits)
        self.assertGreater(int(caught.exception.response.headers["retry-after-ms"]), 0)


if __name__ == "__main__":
    unittest.main()
