"""What all pages of the manual in HTML have around their text, and its search index."""

import html.parser
import json
import re

HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<link rel="stylesheet" href="%(up)smanual.css">
<title>%(title)s</title>
</head>
<body>
"""
BAR = """<header>
<a href="%(up)sindex.html">greenhub manual</a>
<form role="search" action="%(up)sindex.html">
<input type="search" name="q" id="search" placeholder="Search" aria-label="Search the manual"
 autocomplete="off">
</form>
<ul id="found" aria-live="polite"></ul>
</header>
"""
END = '<script src="%(up)smanual.js"></script>\n</body>\n</html>\n'


def up_from(file):
    return "../" * file.count("/")


def framed(file, title, body):
    """A page of its own, at the path `file` in the manual."""
    names = {"up": up_from(file), "title": title}
    return (HEAD + BAR) % names + body + END % names


def around(file, page):
    """A page of mandoc's, with the bar and the script."""
    names = {"up": up_from(file)}
    page = page.replace("<body>\n", "<body>\n" + BAR % names, 1)
    return re.sub(r"</body>\s*</html>\s*$", lambda _: END % names, page)


class Sections(html.parser.HTMLParser):
    """The text of a page, cut at its headings: [[id, heading, text]]."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found = [["", "", ""]]
        self.heading = self.skipped = None

    def handle_starttag(self, tag, attributes):
        if re.fullmatch("h[1-4]", tag):
            self.found.append([dict(attributes).get("id", ""), "", ""])
            self.heading = tag
        elif tag in ("header", "script", "head", "nav"):
            self.skipped = tag

    def handle_endtag(self, tag):
        if tag == self.heading:
            self.heading = None
        elif tag == self.skipped:
            self.skipped = None

    def handle_data(self, data):
        if not self.skipped:
            self.found[-1][1 if self.heading else 2] += data


def sections_of(page):
    parser = Sections()
    parser.feed(page)
    return [[anchor, " ".join(heading.split()), " ".join(text.split())]
            for anchor, heading, text in parser.found if heading or text.strip()]


def search_index(pages):
    """The script with {file: (title, text)} as rows: address, page, heading, text."""
    rows = []
    for file, (title, page) in sorted(pages.items()):
        for anchor, heading, text in sections_of(page):
            rows.append([file + ("#" + anchor if anchor else ""), title, heading, text])
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return '"use strict";\nconst manualIndex = [\n%s\n];\n' % lines
