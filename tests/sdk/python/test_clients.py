"""Clients that speak the Responses API: OpenAI's Agents SDK, LangChain and pydantic-ai.

The Rust test `sdk::clients` starts them against a running service.
"""

import asyncio
import os
import unittest
from typing import Literal

from agents import (
    Agent,
    ModelSettings,
    OpenAIConversationsSession,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent as PydanticAgent, NativeOutput
from pydantic_ai.models.openai import OpenAIResponsesModel as PydanticModel
from pydantic_ai.models.openai import OpenAIResponsesModelSettings
from pydantic_ai.providers.azure import AzureProvider
from pydantic_ai.providers.openai import OpenAIProvider

URL = os.environ["BAILIWICK_URL"]
KEY = os.environ["BAILIWICK_API_KEY"]
CHAT = os.environ["BAILIWICK_DEPLOYMENT"]
V1 = f"{URL}/openai/v1"
API_VERSION = "2025-04-01-preview"

# Tracing would send the conversation to OpenAI.
set_tracing_disabled(True)

City = Literal["Paris", "Rome"]
SHORT = {"temperature": 0, "max_tokens": 48}


class Mood(BaseModel):
    mood: Literal["glad", "sad"]
    age: Literal[7, 8]


class Agents(unittest.IsolatedAsyncioTestCase):
    """OpenAI's Agents SDK."""

    def setUp(self):
        self.client = AsyncOpenAI(base_url=V1, api_key=KEY, max_retries=0)
        self.model = OpenAIResponsesModel(CHAT, self.client)

    async def asyncTearDown(self):
        await self.client.close()

    def agent(self, **more):
        # The SDK raises an error where an answer is cut short.
        settings = ModelSettings(temperature=0, max_tokens=600, **more.pop("settings", {}))
        return Agent(name="a", model=self.model, model_settings=settings, **more)

    async def test_a_function_is_called_and_its_result_goes_back(self):
        cities = []

        @function_tool
        def get_weather(city: City) -> str:
            """Tells the weather."""
            cities.append(city)
            return f"sunny in {city}"

        # The small model would call again and again: the second agent has no functions.
        calling = self.agent(
            tools=[get_weather],
            tool_use_behavior="stop_on_first_tool",
            settings={"tool_choice": "required", "parallel_tool_calls": False},
        )
        result = await Runner.run(calling, "What is the weather in Paris?")
        self.assertIn(cities[0], ["Paris", "Rome"])
        kinds = [item.type for item in result.new_items]
        self.assertEqual(kinds[:2], ["tool_call_item", "tool_call_output_item"])
        self.assertEqual(result.final_output, f"sunny in {cities[0]}")
        typed = await Runner.run(self.agent(output_type=Mood), result.to_input_list())
        self.assertIsInstance(typed.final_output, Mood)
        self.assertGreater(result.context_wrapper.usage.input_tokens, 0)

    async def test_a_stream_with_a_typed_result(self):
        result = Runner.run_streamed(self.agent(output_type=Mood), "How are you?")
        kinds = [event.data.type async for event in result.stream_events() if event.type == "raw_response_event"]
        self.assertEqual((kinds[0], kinds[-1]), ("response.created", "response.completed"))
        self.assertIsInstance(result.final_output, Mood)

    async def test_turns_by_their_items_and_by_the_last_response(self):
        agent = self.agent()
        first = await Runner.run(agent, "Say hello.")
        second = await Runner.run(
            agent, first.to_input_list() + [{"role": "user", "content": "Say more."}]
        )
        self.assertTrue(second.final_output)
        third = await Runner.run(agent, "Say more.", previous_response_id=first.last_response_id)
        tokens = lambda result: result.context_wrapper.usage.input_tokens
        self.assertGreater(tokens(third), tokens(first), "the first turn is a part of the prompt")

    async def test_a_session_is_a_conversation(self):
        session = OpenAIConversationsSession(openai_client=self.client)
        agent = self.agent()
        first = await Runner.run(agent, "Say hello.", session=session)
        items = await session.get_items()
        self.assertEqual([item["role"] for item in items], ["user", "assistant"])
        second = await Runner.run(agent, "Say more.", session=session)
        tokens = lambda result: result.context_wrapper.usage.input_tokens
        self.assertGreater(tokens(second), tokens(first))
        self.assertEqual(len(await session.get_items()), 4)
        popped = await session.pop_item()
        self.assertEqual(popped["role"], "assistant")
        await session.clear_session()


class LangChain(unittest.TestCase):
    """LangChain, told to use the Responses API."""

    def models(self, **more):
        common = dict(SHORT, api_key=KEY, use_responses_api=True, max_retries=0, **more)
        yield ChatOpenAI(model=CHAT, base_url=V1, **common)
        yield AzureChatOpenAI(
            azure_endpoint=URL, api_version=API_VERSION, azure_deployment=CHAT, **common
        )

    def test_answers_and_streams(self):
        for model in self.models():
            answer = model.invoke("Say hello.")
            self.assertTrue(answer.text)
            self.assertGreater(answer.usage_metadata["output_tokens"], 0)
            chunks = [chunk.text for chunk in model.stream("Say hello.")]
            self.assertEqual("".join(chunks), answer.text)

    def test_a_function_is_called_and_its_result_goes_back(self):
        @tool
        def get_weather(city: City) -> str:
            """Tells the weather."""
            return f"sunny in {city}"

        for model in self.models():
            turns = [HumanMessage("What is the weather in Paris?")]
            answer = model.bind_tools(
                [get_weather], tool_choice="required", parallel_tool_calls=False
            ).invoke(turns)
            [call] = answer.tool_calls
            self.assertIn(call["args"]["city"], ["Paris", "Rome"])
            turns += [answer, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
            self.assertTrue(model.invoke(turns).text)

    def test_structured_output(self):
        for model in self.models():
            mood = model.with_structured_output(Mood).invoke("How are you?")
            self.assertIsInstance(mood, Mood)

    def test_the_last_response_is_the_memory(self):
        model = ChatOpenAI(
            model=CHAT, base_url=V1, api_key=KEY, use_previous_response_id=True,
            use_responses_api=True, max_retries=0, **SHORT,
        )
        first = [HumanMessage("Say hello.")]
        answer = model.invoke(first)
        self.assertTrue(answer.response_metadata["id"].startswith("resp_"))
        more = model.invoke([*first, answer, HumanMessage("Say more.")])
        tokens = lambda message: message.usage_metadata["input_tokens"]
        self.assertGreater(tokens(more), tokens(answer))


class Pydantic(unittest.TestCase):
    """pydantic-ai with its model for the Responses API."""

    def setUp(self):
        # It keeps one HTTP client for each event loop.
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)

    def tearDown(self):
        self.loop.close()
        asyncio.set_event_loop(None)

    def models(self):
        yield PydanticModel(CHAT, provider=OpenAIProvider(base_url=V1, api_key=KEY))
        azure = AzureProvider(azure_endpoint=URL, api_version=API_VERSION, api_key=KEY)
        yield PydanticModel(CHAT, provider=azure)

    def run_agent(self, agent, *args, **more):
        return self.loop.run_until_complete(agent.run(*args, model_settings=SHORT, **more))

    def test_answers_turns_and_typed_results(self):
        for model in self.models():
            agent = PydanticAgent(model, instructions="Be brief.")
            first = self.run_agent(agent, "Say hello.")
            self.assertTrue(first.output)
            second = self.run_agent(agent, "Say more.", message_history=first.all_messages())
            self.assertTrue(second.output)
            typed = PydanticAgent(model, output_type=NativeOutput(Mood))
            self.assertIsInstance(self.run_agent(typed, "How are you?").output, Mood)

    def test_a_typed_result_by_a_function(self):
        for model in self.models():
            # The default way of pydantic-ai: the result is the argument of a required function.
            agent = PydanticAgent(model, output_type=Mood)
            self.assertIsInstance(self.run_agent(agent, "How are you?").output, Mood)

    def test_a_stream(self):
        async def read(model):
            async with PydanticAgent(model).run_stream("Say hello.", model_settings=SHORT) as result:
                return [text async for text in result.stream_text(delta=True)]

        for model in self.models():
            self.assertTrue("".join(self.loop.run_until_complete(read(model))))

    def test_the_last_response_is_the_memory(self):
        for model in self.models():
            agent = PydanticAgent(model)
            first = self.run_agent(agent, "Say hello.")
            settings = OpenAIResponsesModelSettings(openai_previous_response_id="auto", **SHORT)
            second = self.loop.run_until_complete(
                agent.run("Say more.", message_history=first.all_messages(), model_settings=settings)
            )
            self.assertTrue(second.output)


if __name__ == "__main__":
    unittest.main()
