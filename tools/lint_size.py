#!/usr/bin/env python3
"""Files of at most 600 lines, functions of at most 60, no #if inside one.

A function's size is the number of lines between its braces. A C function
begins with a line that is only "{", as clang-format writes it.
"""

import ast
import re
import sys

import sources

MOST_IN_FILE = 600
MOST_IN_FUNCTION = 60
CONDITIONAL = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif|else)\b")


def c_functions(path):
    """(name, line, size, lines of the body)"""
    lines = sources.without_comments(sources.text(path)).split("\n")
    start = None
    for number, line in enumerate(lines):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}") and start is not None:
            head = " ".join(lines[max(0, start - 6):start])
            names = re.findall(r"(\w+)\s*\(", head.split(";")[-1].split("}")[-1])
            yield (names[0] if names else "?", start + 1, number - start - 1,
                   lines[start + 1:number])
            start = None


def python_functions(path):
    for node in ast.walk(ast.parse(sources.text(path), path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno, []


def lint_functions(path, functions):
    sizes = []
    for name, line, size, body in functions:
        sizes.append(size)
        if size > MOST_IN_FUNCTION:
            sources.problem(path, line, "%s has %d lines, over %d"
                            % (name, size, MOST_IN_FUNCTION))
        for offset, text in enumerate(body):
            if CONDITIONAL.match(text):
                sources.problem(path, line + 1 + offset, "%s has %s inside"
                                % (name, text.strip().split(None, 1)[0]))
    return sizes


def share(sizes, limit):
    return 100.0 * sum(size <= limit for size in sizes) / max(1, len(sizes))


def main():
    for path in sources.files((".c", ".h", ".S", ".py", ".sh")):
        length = sources.text(path).count("\n")
        if length > MOST_IN_FILE:
            sources.problem(path, length, "%d lines, over %d"
                            % (length, MOST_IN_FILE))
    sizes = []
    for path in sources.files((".c", ".h")):
        sizes += lint_functions(path, c_functions(path))
    for path in sources.files((".py",)):
        lint_functions(path, python_functions(path))
    print("%d C functions: %.0f %% have at most 12 lines, %.0f %% at most 30"
          % (len(sizes), share(sizes, 12), share(sizes, 30)))
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())
