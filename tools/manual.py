#!/usr/bin/env python3
"""Makes the manual in HTML: the manual pages by mandoc, the Markdown pages by cmark-gfm,
an index of them, and a search box.

    manual.py FOLDER

Names with a page here link to it, others to Linux's pages on man7.org. It fails if a
link leads nowhere. tests/installed_manual.py looks at it in a browser.
"""

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile

import man_aliases
import manual_frame
import manual_markdown
import sources

ELSEWHERE = "https://man7.org/linux/man-pages/man%S/%N.%S.html"
COPIED = ("tools/manual.css", "tools/manual.js")
NAME = re.compile(r"^\.Sh NAME\n(.*?)^\.Sh ", re.M | re.S)
TITLES = (("7", "Overview"), ("1", "Command"), ("3", "Library"))
LINK = re.compile(r'(?<=href=")[^":#]+(?=["#])')
ID = re.compile(r' id="([^"]*)"')

def names_of(page):
    """The names that a page describes, and its description of them."""
    section = NAME.search(sources.text(page)).group(1)
    names = re.findall(r"^\.Nm (\S+)", section, re.M)
    return names, re.search(r"^\.Nd (.*)", section, re.M).group(1)


def convert(page, folder, pages):
    """(file, title, text) of one page; `folder` has a file for each existing name."""
    file = os.path.basename(page) + ".html"
    text = subprocess.run(
        ["mandoc", "-T", "html", "-O",
         "style=manual.css,toc,man=%N.%S.html;" + ELSEWHERE,
         os.path.join(sources.ROOT, page)],
        check=True, capture_output=True, text=True, cwd=folder).stdout

    text = LINK.sub(lambda link: pages.get(link.group(0), link.group(0)), text)
    title = ", ".join(names_of(page)[0]) + " (%s)" % page[-1]
    return file, title, manual_frame.around(file, text)


def entry(file, name, what):
    return '<dt><a href="%s">%s</a></dt><dd>%s</dd>\n' % (
        file, html.escape(name), html.escape(what))


def index(pages, guides):
    parts = ["<main>\n<h1>greenhub manual</h1>\n<h2>Guides</h2>\n<dl>\n"]
    parts += [entry(file, title, "") for file, title, _ in guides]
    for section, title in TITLES:
        parts.append("</dl>\n<h2>%s</h2>\n<dl>\n" % title)
        for page in pages:
            if page.endswith("." + section):
                names, what = names_of(page)
                parts.append(entry(os.path.basename(page) + ".html", ", ".join(names),
                                   what))
    body = "".join(parts) + "</dl>\n</main>\n"
    return manual_frame.framed("index.html", "greenhub manual", body)


def targets(pages):
    """{file of a name: file of the page that describes it}"""
    found = {}
    for page in pages:
        file = os.path.basename(page)
        for name in [file] + man_aliases.aliases(
                os.path.join(sources.ROOT, page)):
            found[name + ".html"] = file + ".html"
    return found


def manual_pages(pages, links):
    with tempfile.TemporaryDirectory() as names:
        for link in links:  # mandoc checks which ones exist
            open(os.path.join(names, link[:-len(".html")]), "w").close()
        return [convert(page, names, links) for page in pages]


def write(folder, file, text):
    path = os.path.join(folder, file)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)


def write_all(folder, pages):
    """Writes all files. Returns {file of a page: its text}."""
    links = targets(pages)
    tree = manual_markdown.Tree(links)
    guides = [manual_markdown.convert(tree, path)
              for path in manual_markdown.page_paths()]
    searched = manual_pages(pages, links) + guides
    written = {file: text for file, _, text
               in searched + manual_markdown.show_all(tree)}
    written["index.html"] = index(pages, guides)
    for file, text in written.items():
        write(folder, file, text)
    write(folder, "search.js", manual_frame.search_index(
        {file: (title, text) for file, title, text in searched}))
    for path in COPIED:
        shutil.copy(os.path.join(sources.ROOT, path), folder)
    for path in tree.copied:
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        shutil.copy(os.path.join(sources.ROOT, path), os.path.join(folder, path))
    return written


def check_links(folder, written):
    """Each leads to a file of the manual, and to an id in it."""
    ids = {file: set(ID.findall(text)) for file, text in written.items()}
    for file, text in sorted(written.items()):
        for link in sorted(set(re.findall(r'(?:href|src)="([^":]*)"', text))):
            path, _, anchor = html.unescape(link).partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(file), path)) \
                if path else file
            if not os.path.exists(os.path.join(folder, target)):
                sources.problem(file, 1, link + " does not exist")
            elif anchor and anchor not in ids.get(target, ()):
                sources.problem(file, 1, link + " leads to no such heading")


def main():
    folder = sys.argv[1]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    pages = sources.files((".1", ".3", ".7"), ("man",))
    written = write_all(folder, pages)
    check_links(folder, written)
    print("%d pages: %s" % (len(written), os.path.join(folder, "index.html")))
    return sources.status()


if __name__ == "__main__":
    sys.exit(main())
