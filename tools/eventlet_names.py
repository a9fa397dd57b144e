#!/usr/bin/env python3
"""Prints the public names of an installed Eventlet, one a line: docs/eventlet.md must
name them all. Reads its sources, without importing it.

    eventlet_names.py [FOLDER]      default: where Debian's package installs it

A name is "module.name" or "module.Class.method"; of eventlet.green, which
repeats Python's own modules, only the modules. It omits tests, names of other
libraries, and names that begin with "_".
"""

import ast
import os
import sys

FOLDER = "/usr/lib/python3/dist-packages/eventlet"
OLD = ("coros", "zipkin", "support.stacklesss", "support.stacklesspypys",
       "support.pylib", "support.greenlets", "support.psycopg2_patcher")


def is_public(name):
    return not name.startswith("_")


def declared(tree):
    """__all__, if the module has one."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
                getattr(target, "id", "") == "__all__"
                for target in node.targets):
            try:
                return set(ast.literal_eval(node.value))
            except ValueError:
                return None
    return None


def names_of_class(node):
    return [entry.name for entry in node.body
            if isinstance(entry, ast.FunctionDef) and is_public(entry.name)]


def names_of_module(path):
    with open(path) as file:
        tree = ast.parse(file.read(), path)
    wanted = declared(tree)
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        if not is_public(node.name) or wanted and node.name not in wanted:
            continue
        yield node.name
        if isinstance(node, ast.ClassDef):
            for method in names_of_class(node):
                yield node.name + "." + method


def modules(folder):
    """(module's name below eventlet, path)"""
    for here, _, files in os.walk(folder):
        for file in files:
            path = os.path.join(here, file)
            name = os.path.relpath(path, folder)[:-3].replace(os.sep, ".")
            if file.endswith(".py") and not name.startswith(OLD):
                yield name.replace(".__init__", ""), path


def names(folder):
    for module, path in sorted(modules(folder)):
        if module == "__init__":
            continue
        if module.startswith("green."):
            yield module
            continue
        for name in names_of_module(path):
            yield module + "." + name


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else FOLDER
    if not os.path.isdir(folder):
        sys.exit(folder + ": no such folder")
    for name in names(folder):
        print(name)


if __name__ == "__main__":
    main()
