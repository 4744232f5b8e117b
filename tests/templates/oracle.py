"""Renders chat templates as Hugging Face's `apply_chat_template` does: the oracle of the engine's tests.

Standard input: a JSON array of {"template": text, "contexts": [variables, ...]}; standard output: for each
template and context {"text": ...} or {"error": ...}. The environment is that of transformers 5
(`utils/chat_template_utils.py`), which needs Jinja2 alone. `now_ms` is the time that templates are told.
"""
import datetime
import json
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_say"), [], [], body).set_lineno(line)

    def _say(self, caller):
        return caller()


class TemplateDict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment(now_ms):
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.timezone.utc).replace(tzinfo=None)
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = now.strftime
    made.globals["dict"] = TemplateDict()
    return made


def render(made, source, contexts):
    try:
        template = made.from_string(source)
    except Exception as error:  # noqa: BLE001: whatever a template does wrong is an answer
        return [{"error": repr(error)}] * len(contexts)
    answers = []
    for context in contexts:
        try:
            answers.append({"text": template.render(**context)})
        except Exception as error:  # noqa: BLE001
            answers.append({"error": repr(error)})
    return answers


def main():
    asked = json.load(sys.stdin)
    made = environment(asked["now_ms"])
    answers = [render(made, case["template"], case["contexts"]) for case in asked["cases"]]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
