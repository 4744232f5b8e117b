"""OpenAI() and AzureOpenAI() with what `quickstart.env` sets, and no arguments."""

import os

from openai import AzureOpenAI, OpenAI

chat = os.environ["BAILIWICK_DEPLOYMENT"]
embed = os.environ["BAILIWICK_EMBED_DEPLOYMENT"]

for make in (OpenAI, AzureOpenAI):
    client = make()
    answer = client.chat.completions.create(
        model=chat, messages=[{"role": "user", "content": "Say hello."}], max_tokens=4
    )
    assert answer.choices[0].message.content
    assert client.embeddings.create(model=embed, input="hello").data[0].embedding
    assert chat in [model.id for model in client.models.list()]
    print(make.__name__, "works")
