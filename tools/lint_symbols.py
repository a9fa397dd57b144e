#!/usr/bin/env python3
"""Every public function is documented, tested and exported, and no other symbol is.

    lint_symbols.py LIBRARY.so PATCH_LIBRARY.so [COMPANION.so...]

Compares the functions that the public headers declare with GREEN_API with those that
the library (for greenhub/patch.h the patch library, for a companion's header the
companion) exports. Looks for the contract before each of these declarations and before
each inline function, and for the name in the NAME sections of man/*.3, in tests/*.c and
in CHANGELOG.md. docs/patch.md lists the functions of libc that the patch
library defines, by group.
"""

import os
import re
import subprocess
import sys

import sources
import symbol_map

CONTRACT = re.compile(r"/\*((?:(?!\*/).)*)\*/\n\Z", re.S)
INLINE = re.compile(r"^static inline\b[^;{]*?\b(green_[a-z]\w*)\s*\(", re.M)
SWITCHES = re.compile(r"\b(may|never)\s+(\*\s+)?switch", re.I)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def declared(pattern):
    """{name: (path, line)}; reports missing contracts too."""
    found = {}
    for path in sources.files((".h",), ("include",)):
        text = sources.text(path)
        for match in pattern.finditer(text):
            name, line = match.group(1), line_of(text, match.start())
            found[name] = (path, line)
            if not name.startswith("green_") or name.startswith("green__"):
                sources.problem(path, line, name + " is not a public name")
            contract = CONTRACT.search(text[:match.start()])
            if not contract:
                sources.problem(path, line, name + " has no contract")
            elif not SWITCHES.search(contract.group(1)):
                sources.problem(path, line, name + "'s contract does not say"
                                " whether it may switch")
    return found


def exported(library):
    """All but what is for greenhub's own libraries."""
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                         capture_output=True, text=True).stdout
    rows = [line.split() for line in out.splitlines()]
    return {row[-1].split("@")[0] for row in rows if row[-2] != "A"
            and not row[-1].endswith("@GREENHUB_PRIVATE")}


PATCH_PAGE = "docs/patch.md"


def patched():
    """What the patch library defines in front of libc: {name: group}."""
    return dict(re.findall(r"^NAME\((\w+), (\w+),",
                           sources.text("src/patch/names.h"), re.M))


def groups_of_page():
    """{name: group} of the page's table; HOOK for the paragraph below it."""
    text = sources.text(PATCH_PAGE)
    begin, end = text.index("<!-- groups:"), text.index("<!-- end of groups -->")
    found, group = {}, None
    for line in text[begin:end].splitlines():
        row = re.match(r"\| `([A-Z]+)` \| (.*) \|[^|]*\|$", line)
        group = row.group(1) if row else "HOOK"
        found.update((name, group) for name in re.findall(
            r"`([a-z_]\w*)`", row.group(2) if row else line))
    return found


def lint_groups():
    on_page, defined = groups_of_page(), patched()
    for name, group in defined.items():
        if on_page.get(name) != group:
            sources.problem(PATCH_PAGE, 1, "%s is not among the functions of %s"
                            % (name, group))
    for name in set(on_page) - set(defined) - {"pthread_cleanup_push", "pthread_t"}:
        sources.problem(PATCH_PAGE, 1, name + " is not in src/patch/names.h")


def lint_library(path, names):
    found = exported(path)
    for name in sorted(found - names):
        sources.problem(os.path.relpath(path), 0,
                        name + " is exported, but not in the headers")
    for name in sorted(names - found):
        sources.problem(os.path.relpath(path), 0, name + " is not exported")


def lint_companions(libraries, names):
    """names: {companion: its functions}."""
    built = {os.path.basename(path)[len("libgreenhub-"):-len(".so")]: path
             for path in libraries}
    for name in names:
        if name in built:
            lint_library(built[name], names[name])
        else:
            print("libgreenhub-%s is not built here: its symbols are not checked"
                  % name)


def names_of_page(path):
    """{name: line} of a manual page's NAME section, in mdoc or man."""
    text = sources.text(path)
    match = re.search(r"^\.S[hH] NAME\n(.*?)^\.S[hH] ", text, re.M | re.S)
    if not match:
        sources.problem(path, 1, "has no section NAME")
        return {}
    return {word.group(0): line_of(text, match.start(1) + word.start())
            for word in re.finditer(r"\bgreen_\w+", match.group(1))}


def manual(names):
    """The names that have a page; reports pages about unknown names too."""
    known = set()
    for path in sources.files((".3",), ("man",)):
        for name, line in names_of_page(path).items():
            known.add(name)
            if name not in names:
                sources.problem(path, line, name + " is not in the headers")
    return known


def words(paths):
    code = "\n".join(sources.without_comments(sources.text(path))
                     for path in paths)
    return set(re.findall(r"\bgreen_\w+", code))


def main():
    library, patch_library, *companions = sys.argv[1:]
    names = declared(symbol_map.DECLARATION)
    apart = {"patch": set()}
    apart.update((name, set()) for name in sources.companions())
    owners = {header: name for name, headers in sources.companion_headers().items()
              for header in headers}
    owners["greenhub/patch.h"] = "patch"
    for name, (path, _) in names.items():
        apart.get(owners.get(path[len("include/"):]), set()).add(name)
    lint_library(library, set(names).difference(*apart.values()))
    lint_library(patch_library, apart.pop("patch") | set(patched()))
    lint_companions(companions, apart)
    lint_groups()
    names.update(declared(INLINE))
    in_manual = manual(names)
    in_tests = words(sources.files((".c",), ("tests",)))
    in_changes = set(re.findall(r"\bgreen_\w+", sources.text("CHANGELOG.md")))

    for name, (path, line) in names.items():
        for where, what in ((in_manual, "in no NAME section of man/*.3"),
                            (in_tests, "named in no tests/*.c"),
                            (in_changes, "not named in CHANGELOG.md")):
            if name not in where:
                sources.problem(path, line, "%s is %s" % (name, what))
    print("%d public functions" % len(names))
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())
