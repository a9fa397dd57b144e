#!/usr/bin/env python3
"""Each function that the patch library defines in front of the C library is compared
with the C library's own.

src/patch/names.h lists the functions. Each has a row in the table of conformance,
tests/patch_table/, or is called in another test of the patch library,
tests/test_patch*.c and tests/patch_cxx.cpp.
"""

import re
import sys

import sources

LIST = "src/patch/names.h"
NAME = re.compile(r"^\s*NAME\((\w+),", re.M)
TABLE = "tests/patch_table/"
ROW = re.compile(r'^    \{"(\w+)", ', re.M)
CALL = re.compile(r"\b(\w+)\s*\(")

# What the headers or the compiler call by another name.
CALLED_BY = {
    "__pthread_register_cancel": "pthread_cleanup_push",
    "__pthread_unregister_cancel": "pthread_cleanup_pop",
    "__pthread_register_cancel_defer": "pthread_cleanup_push_defer_np",
    "__pthread_unregister_cancel_restore": "pthread_cleanup_pop_restore_np",
    "__pthread_unwind_next": "pthread_cleanup_push",
    # Functions of patch_cxx.cpp whose static variables are initialised.
    "__cxa_guard_acquire": "the_slow",
    "__cxa_guard_release": "the_slow",
    "__cxa_guard_abort": "fail_twice",
}


def found(pattern, prefix):
    names = set()
    for path in sources.files((".c", ".cpp"), ("tests",)):
        if path.startswith(prefix):
            code = sources.without_comments(sources.text(path))
            names.update(pattern.findall(code))
    return names


def main():
    text = sources.text(LIST)
    rows = found(ROW, TABLE)
    calls = found(CALL, ("tests/test_patch", "tests/patch_cxx"))
    names = list(NAME.finditer(text))
    for match in names:
        name = match.group(1)
        if name not in rows and CALLED_BY.get(name, name) not in calls:
            sources.problem(LIST, text.count("\n", 0, match.start(1)) + 1,
                            name + " has no row in %s, and no test calls it"
                            % TABLE)
    print("%d functions, %d of them in the table"
          % (len(names), len(rows & {m.group(1) for m in names})))
    if not names or not rows:
        sources.problem(LIST, 1, "no names, or no rows: nothing was checked")
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())
