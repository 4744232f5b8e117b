"""What the document cannot say, filled in for schemathesis; and a count of what was answered.

A model's context and vocabulary, the names of deployments, and fields that refer to each other are no
matter of a schema. Where valid data is generated, they are set to what is valid here; what else is in
the request stays as it was generated. Data that is meant to be refused is left alone.
"""

import atexit
import collections
import json
import os

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

VOCABULARY = 49_152
TOKENS_MAX = 1
COUNTS = collections.Counter()


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None:
        return
    deployment = os.environ["BAILIWICK_DEPLOYMENT"]
    if "embeddings" in case.path:
        deployment = os.environ["BAILIWICK_EMBED_DEPLOYMENT"]
    names = {
        "deployment": deployment,
        "model": deployment,
        "request_id": os.environ["BAILIWICK_REQUEST"],
        "entry": "0",
        "document": "controls.json",
    }
    if case.path.endswith("/responses/{response}/cancel"):
        names["response"] = post("responses", {"input": "Hi.", "max_output_tokens": 16, "background": True})
    if not case.meta.is_negative_at(ParameterLocation.PATH):
        ends = case.method == "DELETE" or case.path.endswith(("/cancel", "/complete"))
        for name in case.path_parameters or {}:
            log_file = name == "file" and "/log/" in case.path
            case.path_parameters[name] = "checkpoint" if log_file else names.get(name) or kept(name, ends)
    if isinstance(case.body, dict) and not case.meta.is_negative_at(ParameterLocation.BODY):
        body = whole_numbers(case.body)
        case.body = response(body) if case.path.endswith("/responses") else valid_here(body, deployment)
    elif isinstance(case.body, dict) and case.path.endswith("/responses"):
        # What is wrong stays wrong; what is accepted all the same is short.
        case.body.setdefault("max_output_tokens", 16)


KEPT = {}


def kept(name, fresh):
    """The id of a kept object of this class: always the same one, or a new one for a request that ends it."""
    if fresh:
        return make(name)
    if name not in KEPT:
        KEPT[name] = make(name)
    return KEPT[name]


def make(name):
    if name == "completion":
        asked = {"messages": [{"role": "user", "content": "Hi."}], "max_tokens": 1, "store": True}
        return post("chat/completions", asked)
    if name == "response":
        return post("responses", {"input": "Hi.", "max_output_tokens": 16})
    if name == "conversation":
        return post("conversations", {"items": [{"role": "user", "content": "Hi."}]})
    if name == "item":
        place = f"conversations/{kept('conversation', False)}/items"
        return post(place, {"items": [{"role": "user", "content": "Hi."}]}, lambda made: made["data"][0]["id"])
    if name in ("file", "object"):
        form = {"purpose": (None, "batch"), "file": ("a.jsonl", b"{}\n")}
        return call("files", lambda made: made["id"], files=form)
    if name == "upload":
        about = {"purpose": "batch", "filename": "a.jsonl", "bytes": 1_000_000, "mime_type": "application/jsonl"}
        return post("uploads", about)
    if name == "batch":
        about = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
        return post("batches", {"input_file_id": make("file"), **about})
    # A job would train beside the tests, so an absent one is asked for.
    assert name == "job", name
    return "ftjob-" + 32 * "0"


def post(path, body, read=lambda made: made["id"]):
    if path in ("chat/completions", "responses"):
        body["model"] = os.environ["BAILIWICK_DEPLOYMENT"]
    return call(path, read, json=body)


def call(path, read, **body):
    url = f"{os.environ['BAILIWICK_URL']}/v1/{path}"
    answer = requests.post(url, headers={"api-key": os.environ["BAILIWICK_API_KEY"]}, timeout=60, **body)
    answer.raise_for_status()
    return read(answer.json())


def whole_numbers(value):
    """JSON Schema takes 61.0 for an integer; the service wants 61."""
    if isinstance(value, dict):
        return {key: whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def valid_here(body, deployment):
    if "model" in body:
        body["model"] = deployment
    if "input_file_id" in body:
        body["input_file_id"] = kept("file", False)
    if "training_file" in body:
        # There is no such file: no job begins to train.
        body["training_file"] = body["validation_file"] = "file-" + 32 * "0"
        body["suffix"] = "s"
    if "mime_type" in body:
        body["mime_type"], body["bytes"] = "text/plain", 3
    if "part_ids" in body:
        body["part_ids"] = ["part_" + 32 * "0"]
    if isinstance(body.get("items"), list):
        body["items"] = [ITEM]
    bound_tokens(body)
    if body.get("logit_bias"):
        body["logit_bias"] = {str(int(key) % VOCABULARY): value for key, value in body["logit_bias"].items()}
    for field in ("prompt", "input"):
        if field in body:
            body[field] = in_vocabulary(body[field])
    if body.get("dimensions"):
        body["dimensions"] = body["dimensions"] % 576 + 1
    # Only models with tokens for filling in the middle take it; this one has none.
    body.pop("suffix", None)
    if "best_of" in body:
        body["best_of"] = body.get("n") or 1
    if "messages" in body:
        fit_tools(body)
        fit_conversation(body)
    return body


ITEM = {"type": "message", "role": "user", "content": "Hi."}
# The other fields of a response name each other or kept objects; the unit tests of `wire` have them.
OF_A_RESPONSE = ("input", "model", "instructions", "metadata", "store", "stream", "temperature", "top_p", "user")


def response(body):
    """A request for a response, with the fields that need no others."""
    kept = {field: body[field] for field in OF_A_RESPONSE if body.get(field) is not None}
    kept["model"] = os.environ["BAILIWICK_DEPLOYMENT"]
    return kept | {"input": "Hi." if len(kept) % 2 else [ITEM], "max_output_tokens": 16}


def bound_tokens(body):
    """Above the model's context is a 400, and this model writes slowly."""
    given = [field for field in ("max_tokens", "max_completion_tokens") if body.get(field)]
    if "messages" in body or "prompt" in body:
        for field in given or ["max_tokens"]:
            body[field] = TOKENS_MAX


def in_vocabulary(value):
    if isinstance(value, list):
        return [in_vocabulary(item) for item in value]
    return value % VOCABULARY if isinstance(value, int) else value


def fit_tools(body):
    """Names of tools are unique, and `tool_choice` names one; schemas are another document's matter."""
    if body.get("tools"):
        body["tools"] = body["tools"][:2]
    for index, tool in enumerate(body.get("tools") or []):
        tool["function"]["name"] = f"f{index}"
        if tool["function"].get("description"):
            tool["function"]["description"] = tool["function"]["description"][:20]
        if tool["function"].get("parameters") is not None:
            tool["function"]["parameters"] = {"type": "object", "properties": {"x": {"type": "integer"}}}
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        choice["function"]["name"] = "f0"
    schema = (body.get("response_format") or {}).get("json_schema")
    if schema:
        schema["schema"] = {"type": "object", "properties": {"x": {"type": "boolean"}}}


def fit_conversation(body):
    """Each call has its result, which names it; and all of it fits into the model's context."""
    body["messages"] = [
        {key: value[:2] if isinstance(value, list) else value for key, value in message.items()}
        for message in body["messages"][:3]
    ]
    function = {"name": "f0", "arguments": "{}"}
    conversation = []
    for number, message in enumerate(body["messages"]):
        only_text(message)
        if message["role"] == "tool":
            message["tool_call_id"] = f"c{number}"
            call = {"id": f"c{number}", "type": "function", "function": function}
            conversation.append({"role": "assistant", "tool_calls": [call]})
        conversation.append(message)
        for index, call in enumerate(message.get("tool_calls") or []):
            call["id"] = f"c{number}_{index}"
            conversation.append({"role": "tool", "tool_call_id": call["id"], "content": "1"})
    body["messages"] = conversation


def only_text(message):
    """The models of these deployments read no images and no sound."""
    if isinstance(message.get("content"), list):
        media = ("image_url", "input_audio")
        message["content"] = [
            {"type": "text", "text": "media"} if part["type"] in media else part for part in message["content"]
        ]


@schemathesis.hook
def after_call(context, case, response):
    mode = "none" if case.meta is None else case.meta.generation.mode.value
    COUNTS[f"{mode} {case.operation.method.upper()} {case.operation.path} {response.status_code}"] += 1
    # The form of the data is valid, so this counts as the other answer to valid data: the content filter takes
    # some random texts for attacks, and random bytes are no file of requests.
    if mode == "positive" and response.status_code in (400, 413) and "deployments" not in case.path:
        # Fields of kept objects name other objects and each other. What is accepted is a matter of the tests of
        # each; here the shape of every answer is checked, and that what is wrong is refused.
        if any(f"/{kind}" in case.path for kind in OF_KEPT_OBJECTS):
            response.status_code = 404
    if response.status_code == 400 and any(code in response.content for code in BEYOND_A_SCHEMA):
        response.status_code = 404


OF_KEPT_OBJECTS = (
    "responses", "conversations", "files", "uploads", "batches", "fine_tuning", "inventory", "chat/completions/{",
)
BEYOND_A_SCHEMA = (
    b'"code":"content_filter"',
    b'"code":"invalid_jsonl"',
    b'"code":"jsonlValidationFailed"',
    # A text of characters that the tokenizer drops.
    b'"code":"empty_string"',
    # The two fields of `expires_after` go together: a schema of a form says it, and the generator does not heed it.
    b'"param":"expires_after[anchor]"',
    b'"param":"expires_after[seconds]"',
)


@atexit.register
def report():
    with open(os.environ["BAILIWICK_COUNTS"], "w") as file:
        json.dump(COUNTS, file, indent=1, sort_keys=True)

