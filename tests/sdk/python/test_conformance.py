"""The conformance suite llm-comply, in its formats for the Responses API and for chat.

The Rust test `engines::conformance` starts it against a service whose engine ends its answers.
"""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

URL = os.environ["BAILIWICK_URL"]
KEY = os.environ["BAILIWICK_API_KEY"]
CHAT = os.environ["BAILIWICK_DEPLOYMENT"]

# The engine reads no pictures: such requests are refused by name.
WITHOUT = {"image-input", "chat-image-input"}


def suite(form, *more):
    program = Path(sys.executable).with_name("llm-comply")
    options = ["--format", form, "-u", f"{URL}/openai/v1", "-k", KEY, "-m", CHAT]
    return subprocess.run(
        [program, *options, "--timeout", "300", *more], capture_output=True, text=True
    )


class Conformance(unittest.TestCase):
    maxDiff = None

    def conforms(self, form):
        listed = suite(form, "--list").stdout.splitlines()
        # The names are the lines with an indent of two.
        names = [line.split()[0] for line in listed if line[:2] == "  " and line[2:3].strip()]
        self.assertGreater(len(names), 5, listed)
        wanted = [name for name in names if name not in WITHOUT]
        done = suite(form, "--json", "-f", ",".join(wanted))
        report = json.loads(done.stdout)
        wrong = [one for one in report["results"] if one["status"] not in ("passed", "skipped")]
        self.assertEqual(wrong, [], done.stderr)
        self.assertEqual(len(report["results"]), len(wanted))

    def test_responses(self):
        self.conforms("open-responses")

    def test_chat(self):
        self.conforms("openai-chat")


if __name__ == "__main__":
    unittest.main()
