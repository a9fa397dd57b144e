"""Runs each example of docs/python.md unchanged."""

import os
import re

import pytest

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "python.md")

with open(PAGE, encoding="utf-8") as page:
    EXAMPLES = re.findall(r"^```python\n(.*?)^```$", page.read(),
                          re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(run_on, number):
    run_on("poll", EXAMPLES[number])


def test_there_are_examples():
    assert len(EXAMPLES) >= 9
