"""Drives the running service's Responses API with OpenAI's own Python library: OpenAI and AzureOpenAI.

Started by the Rust test `responses::python`, which sets the environment.
"""

import os
import unittest

import openai
from openai import AzureOpenAI, OpenAI
from pydantic import BaseModel, Field

URL = os.environ["BAILIWICK_URL"]
KEY = os.environ["BAILIWICK_API_KEY"]
CHAT = os.environ["BAILIWICK_DEPLOYMENT"]

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Says what the weather is.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


class Person(BaseModel):
    name: str = Field(max_length=12)
    age: int = Field(ge=0, le=150)


class Responses:
    def setUp(self):
        self.client = self.make()
        self.addCleanup(self.client.close)

    def create(self, **more):
        settings = {"model": CHAT, "input": "Say hello.", "max_output_tokens": 16, "temperature": 0}
        return self.client.responses.create(**settings | more)

    def test_create(self):
        answer = self.create()
        self.assertTrue(answer.id.startswith("resp_"))
        self.assertIn(answer.status, ("completed", "incomplete"))
        self.assertTrue(answer.output_text)
        usage = answer.usage
        self.assertEqual(usage.total_tokens, usage.input_tokens + usage.output_tokens)
        self.assertTrue(answer.store)

    def test_stream(self):
        whole = self.create()
        settings = {"model": CHAT, "input": "Say hello.", "max_output_tokens": 16, "temperature": 0}
        with self.client.responses.stream(**settings) as stream:
            events = list(stream)
        final = events[-1].response
        kinds = [event.type for event in events]
        self.assertIn(kinds[-1], ("response.completed", "response.incomplete"))
        self.assertEqual(kinds[:2], ["response.created", "response.in_progress"])
        self.assertIn("response.output_item.done", kinds)
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        self.assertEqual(final.output_text, whole.output_text)
        again = self.client.responses.retrieve(final.id)
        self.assertEqual(again.output_text, whole.output_text)

    def test_logprobs(self):
        answer = self.create(include=["message.output_text.logprobs"], top_logprobs=2)
        tokens = answer.output[0].content[0].logprobs
        self.assertEqual(len(tokens[0].top_logprobs), 2)

    def test_parse(self):
        answer = self.client.responses.parse(
            model=CHAT, input="Describe a person.", text_format=Person, max_output_tokens=200
        )
        self.assertIsInstance(answer.output_parsed, Person)

    def test_tools_in_a_loop(self):
        first = self.create(tools=[WEATHER], tool_choice="required", max_output_tokens=60)
        calls = [item for item in first.output if item.type == "function_call"]
        self.assertTrue(calls)
        outputs = [
            {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
            for call in calls
        ]
        second = self.create(
            previous_response_id=first.id, input=outputs, tools=[WEATHER], tool_choice="none"
        )
        self.assertEqual(second.previous_response_id, first.id)
        # The same without the service's memory.
        items = [{"role": "user", "content": "Say hello."}, *first.output, *outputs]
        third = self.create(input=items, tools=[WEATHER], tool_choice="none", store=False)
        self.assertEqual(third.output_text, second.output_text)
        self.assertFalse(third.store)

    def test_a_chain(self):
        first = self.create(input="My name is Ann.")
        second = self.create(input="Who am I?", previous_response_id=first.id)
        said = [item.model_dump() for item in first.output]
        items = [
            {"role": "user", "content": "My name is Ann."},
            *said,
            {"role": "user", "content": "Who am I?"},
        ]
        self.assertEqual(self.create(input=items).output_text, second.output_text)
        self.assertGreater(second.usage.input_tokens, first.usage.input_tokens)
        # A reference to an item of an earlier response, as the AI SDK sends it.
        items[1:-1] = [{"type": "item_reference", "id": item["id"]} for item in said]
        self.assertEqual(self.create(input=items).output_text, second.output_text)

    def test_retrieve_input_items_delete(self):
        answer = self.create(
            input=[{"role": "user", "content": "one"}, {"role": "user", "content": "two"}]
        )
        again = self.client.responses.retrieve(answer.id)
        self.assertEqual(again.model_dump(), answer.model_dump())
        items = list(self.client.responses.input_items.list(answer.id, limit=1, order="asc"))
        self.assertEqual([item.content[0].text for item in items], ["one", "two"])
        self.client.responses.delete(answer.id)
        with self.assertRaises(openai.NotFoundError):
            self.client.responses.retrieve(answer.id)
        with self.assertRaises(openai.BadRequestError) as wrong:
            self.create(previous_response_id=answer.id)
        self.assertEqual(wrong.exception.code, "previous_response_not_found")

    def test_background(self):
        answer = self.create(background=True)
        self.assertIn(answer.status, ("queued", "in_progress", "completed", "incomplete"))
        while answer.status in ("queued", "in_progress"):
            answer = self.client.responses.retrieve(answer.id)
        self.assertEqual(answer.output_text, self.create().output_text)

    def test_background_stream_and_again(self):
        events = list(self.create(background=True, stream=True))
        self.assertEqual(events[1].type, "response.queued")
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        final = events[-1].response
        rest = list(self.client.responses.retrieve(final.id, stream=True, starting_after=3))
        self.assertEqual([event.type for event in rest], [event.type for event in events[4:]])

    def test_cancel(self):
        answer = self.create(background=True, max_output_tokens=400)
        ended = self.client.responses.cancel(answer.id)
        self.assertIn(ended.status, ("cancelled", "completed", "incomplete"))
        self.assertEqual(self.client.responses.retrieve(answer.id).status, ended.status)
        with self.assertRaises(openai.BadRequestError):
            self.client.responses.cancel(self.create().id)

    def test_built_in_tools_are_refused_by_name(self):
        for tool in (
            {"type": "web_search"},
            {"type": "file_search", "vector_store_ids": ["a"]},
            {"type": "code_interpreter", "container": {"type": "auto"}},
        ):
            with self.assertRaises(openai.BadRequestError) as wrong:
                self.create(tools=[tool])
            self.assertEqual(wrong.exception.param, "tools[0].type")

    def test_truncation(self):
        items = [{"role": "user", "content": f"{place} word " * 200} for place in range(60)]
        with self.assertRaises(openai.BadRequestError) as wrong:
            self.create(input=items)
        self.assertEqual(wrong.exception.code, "context_length_exceeded")
        answer = self.create(input=items, truncation="auto")
        self.assertTrue(answer.output_text)


class V1(Responses, unittest.TestCase):
    def make(self):
        return OpenAI(base_url=f"{URL}/openai/v1", api_key=KEY, max_retries=0)


class Azure(Responses, unittest.TestCase):
    def make(self):
        return AzureOpenAI(
            azure_endpoint=URL, api_key=KEY, api_version="2025-04-01-preview", max_retries=0
        )


if __name__ == "__main__":
    unittest.main()
