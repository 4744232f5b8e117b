"""A token in place of a key, as Azure's client sends it and as OpenAI's does; and one that was tampered with.
Started by the Rust test `identity`.
"""

import os

import openai

URL = os.environ["BAILIWICK_URL"]
TOKEN = os.environ["TOKEN"]


def azure(token):
    return openai.AzureOpenAI(
        azure_endpoint=URL, azure_ad_token_provider=lambda: token, api_version="2024-10-21", max_retries=0
    )


def ask(client):
    return client.chat.completions.create(
        model=os.environ["BAILIWICK_DEPLOYMENT"], messages=[{"role": "user", "content": "hi"}], max_tokens=4
    )


assert ask(azure(TOKEN)).choices[0].message.content
assert ask(openai.OpenAI(base_url=f"{URL}/openai/v1/", api_key=TOKEN, max_retries=0)).choices[0].message.content

try:
    ask(azure(TOKEN[:-8] + "AAAAAAAA"))
except openai.AuthenticationError as error:
    assert error.code == "401", error
else:
    raise AssertionError("a token was taken whose signature is another's")
