"""One request over TLS, with a private certificate authority named by SSL_CERT_FILE, as Semantic Kernel and
others do it; and none without it. Started by the Rust test `tls`.
"""

import os
import ssl

import openai

URL = os.environ["BAILIWICK_URL"]
assert URL.startswith("https://")


def ask(context):
    with openai.DefaultHttpxClient(verify=context) as http:
        client = openai.OpenAI(
            base_url=f"{URL}/openai/v1/", api_key=os.environ["BAILIWICK_API_KEY"], max_retries=0, http_client=http
        )
        return client.chat.completions.create(
            model=os.environ["BAILIWICK_DEPLOYMENT"], messages=[{"role": "user", "content": "hi"}], max_tokens=4
        )


trusted = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
assert ask(trusted).choices[0].message.content

try:
    ask(ssl.create_default_context(cafile=os.environ["OTHER_CERT_FILE"]))
except openai.APIConnectionError:
    pass
else:
    raise AssertionError("a certificate of an unknown authority was trusted")
