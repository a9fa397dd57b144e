"""Code that the lint scripts share: the list of files, and their text."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ("include", "src", "companions", "cli", "examples", "tests", "bench",
           "python", "preload", "tools")

problems = 0


def companions():
    """The names of the companions: each has a folder, a header include/greenhub/NAME.h,
    perhaps others NAME_PART.h, and a library libgreenhub-NAME.so."""
    build = text("companions/meson.build")
    return re.findall(r"^subdir\('(\w+)'\)", build, re.M)


def companion_headers():
    """{companion: its public headers}, such as "greenhub/tls.h", which its meson.build
    installs. Some have more than the one of their name."""
    return {name: re.findall(r"'\.\./\.\./include/(greenhub/\w+\.h)'",
                             text("companions/%s/meson.build" % name))
            for name in companions()}


def files(suffixes, folders=FOLDERS):
    """Paths relative to the project, sorted, of files with these suffixes."""
    found = []
    for folder in folders:
        for here, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                if name.endswith(suffixes):
                    path = os.path.join(here, name)
                    found.append(os.path.relpath(path, ROOT))
    return sorted(found)


def text(path):
    try:
        with open(os.path.join(ROOT, path), errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def without_comments(source):
    """C source with blanks for comments; lines and strings keep their places."""
    def blank(match):
        found = match.group(0)
        return re.sub(r"[^\n]", " ", found) if found[0] == "/" else found
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|'
                  r"/\*.*?\*/|//[^\n]*", blank, source, flags=re.S)


def problem(path, line, message):
    global problems
    problems += 1
    print("%s:%d: %s" % (path, line, message))


def status():
    return 1 if problems else 0
