"""The content filter as clients see it: OpenAI's library on both surfaces, and LangChain.

The environment is that of test_sdk.py. Started by the Rust test `sdk::filter`.
"""

import os
import unittest

import openai
from langchain_core.messages import HumanMessage
from langchain_openai import AzureChatOpenAI, AzureOpenAIEmbeddings, ChatOpenAI
from openai import AzureOpenAI, OpenAI

URL = os.environ["BAILIWICK_URL"]
KEY = os.environ["BAILIWICK_API_KEY"]
CHAT = os.environ["BAILIWICK_DEPLOYMENT"]
EMBED = os.environ["BAILIWICK_EMBED_DEPLOYMENT"]
VERSION = "2024-10-21"
HARMLESS = "Name a river in Europe."
HARMFUL = "She took off her clothes and he had sex with her, moaning with pleasure."
GRADED = ("hate", "self_harm", "sexual", "violence")


def ask(text):
    return dict(model=CHAT, messages=[{"role": "user", "content": text}], max_tokens=12, temperature=0)


class Surface:
    def setUp(self):
        self.client = self.make()
        self.addCleanup(self.client.close)

    def test_an_answer_is_annotated(self):
        answer = self.client.chat.completions.create(**ask(HARMLESS))
        prompt = answer.model_extra["prompt_filter_results"][0]
        self.assertEqual(prompt["prompt_index"], 0)
        self.assertFalse(prompt["content_filter_results"]["jailbreak"]["detected"])
        for results in (prompt["content_filter_results"], answer.choices[0].model_extra["content_filter_results"]):
            for name in GRADED:
                self.assertIn(results[name]["severity"], ("safe", "low"))
                self.assertFalse(results[name]["filtered"])

    def test_a_blocked_prompt_is_an_error_that_says_why(self):
        for create, asked in [
            (self.client.chat.completions.create, ask(HARMFUL)),
            (self.client.completions.create, dict(model=CHAT, prompt=HARMFUL, max_tokens=4)),
            (self.client.embeddings.create, dict(model=EMBED, input=HARMFUL)),
        ]:
            with self.assertRaises(openai.BadRequestError) as caught:
                create(**asked)
            error = caught.exception
            self.assertEqual((error.status_code, error.code, error.param), (400, "content_filter", "prompt"))
            inner = error.body["innererror"]
            self.assertEqual(inner["code"], "ResponsibleAIPolicyViolation")
            self.assertTrue(inner["content_filter_result"]["sexual"]["filtered"])
            self.assertNotIn("clothes", str(error.body))

    def test_chunks_without_choices_do_not_disturb(self):
        whole = self.client.chat.completions.create(**ask(HARMLESS)).choices[0].message.content
        with self.client.chat.completions.create(**ask(HARMLESS), stream=True) as stream:
            chunks = list(stream)
        self.assertEqual(chunks[0].choices, [])
        self.assertIn("prompt_filter_results", chunks[0].model_extra)
        said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        self.assertEqual(said, whole)
        with self.client.chat.completions.stream(**ask(HARMLESS)) as stream:
            said = "".join(event.delta for event in stream if event.type == "content.delta")
        self.assertEqual(said, whole)

    def test_completions_and_embeddings_are_annotated(self):
        answer = self.client.completions.create(model=CHAT, prompt=["A river", "A city"], max_tokens=4)
        self.assertEqual([one["prompt_index"] for one in answer.model_extra["prompt_filter_results"]], [0, 1])
        self.assertTrue(all("content_filter_results" in choice.model_extra for choice in answer.choices))
        vectors = self.client.embeddings.create(model=EMBED, input=["A river", "A city"])
        self.assertIn("prompt_filter_results", vectors.model_extra)


class WithOpenAI(Surface, unittest.TestCase):
    def make(self):
        return OpenAI(base_url=f"{URL}/openai/v1/", api_key=KEY, max_retries=0)


class WithAzureOpenAI(Surface, unittest.TestCase):
    def make(self):
        return AzureOpenAI(azure_endpoint=URL, api_version=VERSION, api_key=KEY, max_retries=0)


class WithLangChain(unittest.TestCase):
    def models(self):
        fixed = dict(max_tokens=12, temperature=0, max_retries=0)
        azure = dict(azure_endpoint=URL, api_version=VERSION, api_key=KEY)
        yield AzureChatOpenAI(azure_deployment=CHAT, **azure, **fixed)
        yield ChatOpenAI(model=CHAT, base_url=f"{URL}/openai/v1/", api_key=KEY, **fixed)

    def test_chat_and_streams(self):
        for model in self.models():
            whole = model.invoke(HARMLESS).content
            self.assertTrue(whole)
            self.assertEqual("".join(chunk.content for chunk in model.stream(HARMLESS)), whole)
            self.assertEqual(len(model.batch([HARMLESS, [HumanMessage(HARMLESS)]])), 2)

    def test_a_blocked_prompt(self):
        for model in self.models():
            with self.assertRaises(openai.BadRequestError) as caught:
                model.invoke(HARMFUL)
            self.assertEqual(caught.exception.code, "content_filter")

    def test_embeddings(self):
        azure = dict(azure_endpoint=URL, api_version=VERSION, api_key=KEY, max_retries=0)
        # Otherwise it fetches a tokenizer from the internet.
        model = AzureOpenAIEmbeddings(azure_deployment=EMBED, check_embedding_ctx_length=False, **azure)
        self.assertEqual(len(model.embed_documents(["A river", "A city"])), 2)
        self.assertTrue(model.embed_query("A river"))


if __name__ == "__main__":
    unittest.main()
