#!/usr/bin/env python3
"""Writes training and validation examples for fine-tuning: answers in the form of a town crier.

    generate.py FOLDER

The form is easy to check: each answer is `Hear ye! KEY: VALUE. So entered in the rolls.` The facts are
made up from two lists, so no model knows them, and the held-out questions are about things that the
training file does not name. The output is the same on every run.
"""

import json
import pathlib
import sys

THINGS = [
    "the mill", "the ferry", "the market", "the bell tower", "the bakery", "the harbour", "the smithy",
    "the library", "the orchard", "the bridge", "the well", "the guild hall", "the stables", "the chapel",
    "the quarry", "the brewery", "the school", "the granary", "the tannery", "the lighthouse",
    "the museum", "the theatre", "the post office", "the dairy", "the vineyard",
]
ASPECTS = [
    ("When does {} open", "opening hour", ["at six", "at seven", "at eight", "at nine", "at noon"]),
    ("Who keeps {}", "keeper", ["Anna", "Bertram", "Clara", "Dietrich", "Elsa"]),
    ("What colour is the door of {}", "door", ["red", "green", "blue", "white", "black"]),
    ("How many people work at {}", "people", ["two", "four", "five", "seven", "nine"]),
    ("On which day is {} closed", "closed", ["Monday", "Tuesday", "Thursday", "Saturday", "Sunday"]),
    ("What is the toll at {}", "toll", ["a penny", "two pennies", "a shilling", "nothing", "a loaf"]),
    ("Which road leads to {}", "road", ["the north road", "the mill lane", "the high street", "the quay", "the old way"]),
    ("Since when does {} stand", "built", ["1612", "1688", "1714", "1750", "1801"]),
    ("What is kept in {}", "kept", ["grain", "books", "rope", "wool", "salt"]),
    ("Who may enter {}", "entry", ["everybody", "members", "children", "travellers", "nobody"]),
]


def example(thing: int, aspect: int) -> dict:
    question, key, values = ASPECTS[aspect]
    value = values[(3 * thing + 7 * aspect) % len(values)]
    return {
        "messages": [
            {"role": "user", "content": question.format(THINGS[thing]) + "?"},
            {"role": "assistant", "content": f"Hear ye! {key}: {value}. So entered in the rolls."},
        ]
    }


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    # The last five things are held out: 200 examples to train with, 50 to measure.
    for name, things in [("training", range(20)), ("validation", range(20, 25))]:
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for thing in things:
                for aspect in range(len(ASPECTS)):
                    file.write(json.dumps(example(thing, aspect)) + "\n")


main()
