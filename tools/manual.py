#!/usr/bin/env python3
"""Makes the manual pages in HTML, with an index, using mandoc.

    manual.py FOLDER

Names with a page here link to it, others to Linux's pages on man7.org. It fails if a
link leads nowhere.
"""

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile

import man_aliases
import sources

ELSEWHERE = "https://man7.org/linux/man-pages/man%S/%N.%S.html"
STYLE = "tools/manual.css"
NAME = re.compile(r"^\.Sh NAME\n(.*?)^\.Sh ", re.M | re.S)
TITLES = (("7", "Overview"), ("1", "Command"), ("3", "Library"))
LINK = re.compile(r'(?<=href=")[^":#]+(?=["#])')

HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<link rel="stylesheet" href="manual.css">
<title>greenhub manual</title>
</head>
<body>
<h1>greenhub manual</h1>
"""


def names_of(page):
    """The names that a page describes, and its description of them."""
    section = NAME.search(sources.text(page)).group(1)
    names = re.findall(r"^\.Nm (\S+)", section, re.M)
    return names, re.search(r"^\.Nd (.*)", section, re.M).group(1)


def convert(page, folder, pages):
    """Writes one page; `folder` has a file for each existing name."""
    file = os.path.basename(page)
    text = subprocess.run(
        ["mandoc", "-T", "html", "-O",
         "style=manual.css,toc,man=%N.%S.html;" + ELSEWHERE,
         os.path.join(sources.ROOT, page)],
        check=True, capture_output=True, text=True, cwd=folder).stdout

    text = LINK.sub(lambda link: pages.get(link.group(0), link.group(0)), text)
    back = '<p class="back"><a href="index.html">greenhub manual</a></p>\n'
    return file + ".html", text.replace("<body>\n", "<body>\n" + back, 1)


def index(pages):
    parts = [HEAD]
    for section, title in TITLES:
        parts.append("<h2>%s</h2>\n<dl>\n" % title)
        for page in pages:
            if page.endswith("." + section):
                names, what = names_of(page)
                parts.append('<dt><a href="%s.html">%s</a></dt><dd>%s</dd>\n' % (
                    os.path.basename(page), html.escape(", ".join(names)),
                    html.escape(what)))
        parts.append("</dl>\n")
    return "".join(parts) + "</body>\n</html>\n"


def targets(pages):
    """{file of a name: file of the page that describes it}"""
    found = {}
    for page in pages:
        file = os.path.basename(page)
        for name in [file] + man_aliases.aliases(
                os.path.join(sources.ROOT, page)):
            found[name + ".html"] = file + ".html"
    return found


def write_all(folder, pages):
    links = targets(pages)
    written = {"index.html": index(pages)}
    with tempfile.TemporaryDirectory() as names:
        for link in links:  # mandoc checks which ones exist
            open(os.path.join(names, link[:-len(".html")]), "w").close()
        for page in pages:
            file, text = convert(page, names, links)
            written[file] = text
    for file, text in written.items():
        with open(os.path.join(folder, file), "w") as out:
            out.write(text)
    return written


def main():
    folder = sys.argv[1]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    shutil.copy(os.path.join(sources.ROOT, STYLE), folder)
    pages = sources.files((".1", ".3", ".7"), ("man",))
    written = write_all(folder, pages)
    for file, text in sorted(written.items()):
        for link in sorted(set(LINK.findall(text))):
            if not os.path.exists(os.path.join(folder, link)):
                sources.problem(file, 1, link + " does not exist")
    print("%d pages: %s" % (len(pages), os.path.join(folder, "index.html")))
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())
