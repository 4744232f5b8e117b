"""OpenAI's own library over conversations and stored chat completions.

The Rust test `sdk::conversations` starts it against a running service.
"""

import os
import unittest

from openai import AzureOpenAI, NotFoundError, OpenAI

URL = os.environ["BAILIWICK_URL"]
KEY = os.environ["BAILIWICK_API_KEY"]
CHAT = os.environ["BAILIWICK_DEPLOYMENT"]


class Conversations(unittest.TestCase):
    def clients(self):
        yield OpenAI(base_url=f"{URL}/openai/v1", api_key=KEY, max_retries=0)
        yield AzureOpenAI(
            azure_endpoint=URL, api_version="2025-04-01-preview", api_key=KEY, max_retries=0
        )

    def test_conversations(self):
        for client in self.clients():
            conversations = client.conversations
            made = conversations.create(
                items=[{"role": "user", "content": "a"}], metadata={"topic": "demo"}
            )
            self.assertEqual(conversations.retrieve(made.id).metadata, {"topic": "demo"})
            added = conversations.items.create(
                made.id,
                items=[
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
                    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "c", "output": "4"},
                ],
            )
            self.assertEqual(len(added.data), 3)
            # Two items a page: the library asks for the next pages itself.
            items = list(conversations.items.list(made.id, order="asc", limit=2))
            kinds = [item.type for item in items]
            self.assertEqual(kinds, ["message", "message", "function_call", "function_call_output"])
            self.assertEqual(items[0].content[0].text, "a")
            one = conversations.items.retrieve(items[1].id, conversation_id=made.id)
            self.assertEqual((one.content[0].type, one.content[0].text), ("output_text", "b"))
            conversations.items.delete(one.id, conversation_id=made.id)
            self.assertEqual(len(list(conversations.items.list(made.id))), 3)
            self.assertEqual(conversations.update(made.id, metadata={"a": "b"}).metadata, {"a": "b"})
            self.assertTrue(conversations.delete(made.id).deleted)
            with self.assertRaises(NotFoundError):
                conversations.retrieve(made.id)

    def test_stored_completions(self):
        for number, client in enumerate(self.clients()):
            completions = client.chat.completions
            messages = [{"role": "user", "content": "Say hello."}]
            labels = {"client": str(number)}
            sent = [
                completions.create(
                    model=CHAT, messages=messages, max_tokens=4, store=True, metadata=labels
                )
                for _ in range(3)
            ]
            listed = list(completions.list(metadata=labels, model=CHAT, limit=2))
            self.assertEqual([one.id for one in listed], [one.id for one in sent])
            first = completions.retrieve(sent[0].id)
            self.assertEqual(first.choices, sent[0].choices)
            [message] = completions.messages.list(first.id)
            self.assertEqual((message.role, message.content), ("user", "Say hello."))
            changed = completions.update(first.id, metadata={"a": "b"})
            self.assertEqual(changed.metadata, {"a": "b"})
            for one in sent:
                self.assertTrue(completions.delete(one.id).deleted)
            self.assertEqual(list(completions.list(metadata=labels)), [])


if __name__ == "__main__":
    unittest.main()
