#!/usr/bin/env python3
"""Makes a manual page for each function, which refers to the page that describes it.

    man_aliases.py --list PAGE...         the aliases' file names, a line each
    man_aliases.py --write FOLDER PAGE... writes them there

`man green_write` must find the page green_read.3, whose section NAME lists
green_write. An alias is one line, ".so man3/green_read.3".
"""

import os
import re
import sys

NAME = re.compile(r"^\.Sh NAME\n(.*?)^\.Nd ", re.M | re.S)


def aliases(path):
    """The file names of a page's aliases."""
    page = os.path.basename(path)
    section = page.rsplit(".", 1)[1]
    with open(path) as file:
        match = NAME.search(file.read())
    if not match:
        sys.exit(path + ": no section NAME")
    names = re.findall(r"^\.Nm (\S+)", match.group(1), re.M)
    return [name + "." + section for name in names
            if name + "." + section != page]


def write(folder, path):
    page = os.path.basename(path)
    section = page.rsplit(".", 1)[1]
    for alias in aliases(path):
        with open(os.path.join(folder, alias), "w") as file:
            file.write(".so man%s/%s\n" % (section, page))


def main():
    if sys.argv[1] == "--list":
        for path in sys.argv[2:]:
            for alias in aliases(path):
                print(alias)
    elif sys.argv[1] == "--write":
        for path in sys.argv[3:]:
            write(sys.argv[2], path)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
