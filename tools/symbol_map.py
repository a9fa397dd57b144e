#!/usr/bin/env python3
"""Makes the linker's symbol map from the GREEN_API declarations in the headers.

    symbol_map.py VERSION RELEASED HEADER... [--shared HEADER...]

RELEASED is a file with the nodes of the released versions, which never change. Symbols
of the headers that no node has are new in this version and get a new node. It is an
error if a released symbol is no longer declared, or if this version's node is released
and there are new symbols.

What internal headers declare with GREEN__PRIVATE is for greenhub's other libraries,
which are released with this one: it goes into the node GREENHUB_PRIVATE, which
promises nothing.
"""

import re
import sys

DECLARATION = re.compile(r"^GREEN_API\b[^;{]*?\b(\w+)\s*\(", re.M)
# The name stands before its parameters, its attributes, or the end.
PRIVATE = re.compile(r"^GREEN__PRIVATE\b[^;{]*?\b(green__\w+)\s*"
                    r"(?=[(;\[]|__attribute__)", re.M)
NODE = re.compile(r"^(GREENHUB_\w[\w.]*) \{(.*?)^\}", re.M | re.S)
COMMENT = re.compile(r"/\*.*?\*/\n?", re.S)
NAME = re.compile(r"^\s+(\w+);", re.M)

TEXT = """%s {
    global:
%s%s}%s;
"""


def read(path):
    with open(path) as file:
        return file.read()


def node_of(version):
    return "GREENHUB_" + ".".join(version.split(".")[:2])


def declared(headers):
    return {name for path in headers
            for name in DECLARATION.findall(read(path))}


def shared(headers):
    return {name for path in headers for name in PRIVATE.findall(read(path))}


def node(name, names, before):
    """The first node also hides all symbols that no node names."""
    return TEXT % (name, "".join("        %s;\n" % one for one in sorted(names)),
                   "" if before else "    local:\n        *;\n",
                   " " + before if before else "")


def generate(version, released, headers):
    text = COMMENT.sub("", released)
    nodes = NODE.findall(text)
    old = {name for _, body in nodes for name in NAME.findall(body)}
    names = declared(headers)
    if old - names:
        sys.exit("released, but no longer in the headers: "
                 + ", ".join(sorted(old - names)))
    new = names - old
    if not new:
        return text
    last = nodes[-1][0] if nodes else ""
    if node_of(version) in [name for name, _ in nodes]:
        sys.exit("%s is released; a higher version is needed for %s"
                 % (node_of(version), ", ".join(sorted(new))))
    return text + node(node_of(version), new, last)


def main():
    version, released, *headers = sys.argv[1:]
    private = []
    if "--shared" in headers:
        private = headers[headers.index("--shared") + 1:]
        headers = headers[:headers.index("--shared")]
    text = generate(version, read(released), headers)
    if private:
        text += node("GREENHUB_PRIVATE", shared(private), node_of(version))
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
