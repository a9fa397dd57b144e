#!/usr/bin/env python3
"""The manual in HTML (`make docs`): its links and headings, and, in Chromium without a
window, its search box, and that no page makes the browser complain."""

import html.parser
import os
import pathlib
import re
import tempfile

import peers
from installed_support import fails, copy_sources, must

folder = tempfile.TemporaryDirectory()


def manual():
    """The folder of the manual, which is made once."""
    made = folder.name + "/manual"
    if not os.path.exists(made):
        must([os.path.join(peers.SOURCE, "tools", "manual.py"), made])
    return made


class Page(html.parser.HTMLParser):
    """The links, ids, scripts and headings of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.loaded, self.headings = [], [], [], []
        self.heading = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if re.fullmatch("h[1-6]", tag):
            self.heading = True
            self.headings.append("")
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag in ("script", "img", "link"):
            self.loaded.append(attributes.get("src") or attributes.get("href"))
        elif attributes.get("href"):
            self.links.append(attributes["href"])

    def handle_endtag(self, tag):
        self.heading = self.heading and not re.fullmatch("h[1-6]", tag)

    def handle_data(self, data):
        if self.heading:
            self.headings[-1] += data


def pages():
    """{path: Page}"""
    return {path: Page(path.read_text())
            for path in pathlib.Path(manual()).rglob("*.html")}


def case_all_links_resolve_and_nothing_comes_from_elsewhere():
    found = pages()
    assert len(found) > 100
    for path, page in found.items():
        for target in page.loaded:
            assert "//" not in target and (path.parent / target).exists(), (path, target)
        for link in page.links:
            if re.match(r"\w+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target in found, "%s links to %s" % (path, link)
            assert not anchor or anchor in found[target].ids, (path, link)


def case_each_page_has_its_headings():
    for path, page in pages().items():
        assert page.headings and page.headings[0].strip(), path
    top = pathlib.Path(manual())
    found = {path.name: page for path, page in pages().items()}
    with open(os.path.join(peers.SOURCE, "docs", "hubs.md")) as file:
        text = re.sub(r"```.*?```", "", file.read(), flags=re.S)
    written = [line.lstrip("# ").replace("`", "") for line in text.split("\n")
               if re.match("#+ ", line)]
    assert found["hubs.html"].headings == written
    assert found["green_read.3.html"].headings[0] == "NAME"
    for path in pathlib.Path(peers.SOURCE, "docs").glob("*.md"):
        assert (top / (path.stem + ".html")).exists(), path
    index = found["index.html"]
    assert {"hubs.html", "green_read.3.html", "readme.html"} <= set(index.links)


def case_a_link_that_leads_nowhere_is_named():
    with tempfile.TemporaryDirectory() as scratch:
        top = copy_sources(scratch + "/sources")
        with open(top + "/docs/hubs.md", "a") as page:
            page.write("\n[a](patch.md#no-such-part) [b](gone.md)\n")
        said = fails([top + "/tools/manual.py", scratch + "/manual"])
        assert "hubs.html:1: patch.html#no-such-part leads to no such heading" in said
        assert "files/docs/gone.md.html does not exist" in said, said


def browse(address):
    """(the page as Chromium has it in the end, what it wrote to the console)"""
    browser = peers.tool("chromium")
    with tempfile.TemporaryDirectory() as profile:
        status, out, err = peers.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--user-data-dir=" + profile,
             "--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom",
             address], timeout=300, env={"HOME": profile})
    assert status == 0, err
    return out, [line for line in err.splitlines() if "CONSOLE" in line]


def found_by(words):
    """The addresses that the search box lists."""
    text, console = browse("file://%s/index.html?q=%s" % (manual(), words))
    assert console == [], console
    box = re.search(r'<ul id="found"[^>]*data-query[^>]*>(.*?)</ul>', text, re.S)
    assert box, text[:2000]
    return re.findall(r'href="([^"]*)"', box.group(1)), box.group(1)


def case_the_search_box_finds():
    links, _ = found_by("green_writev")
    assert links[0].startswith("green_read.3.html"), links
    links, _ = found_by("timeouts+nest")
    assert any("green_timeout_start.3.html" in link for link in links), links
    links, _ = found_by("Writing+one")
    assert links[0] == "hubs.html#writing-one", links
    links, text = found_by("xyzzyplugh")
    assert links == [] and "Nothing found." in text


def case_the_browser_has_nothing_to_complain_of():
    for name in ("index.html", "hubs.html", "benchmarks.html", "green_read.3.html",
                 "files/examples.html"):
        text, console = browse("file://%s/%s" % (manual(), name))
        assert console == [], (name, console)
        assert "<h1" in text, name


def case_the_browser_would_say_so():
    path = pathlib.Path(manual(), "broken.html")
    path.write_text('<body><script src="missing.js"></script>'
                    "<script>console.log('hello')</script>")
    _, console = browse("file://%s" % path)
    path.unlink()
    assert [line for line in console if "hello" in line], console


if __name__ == "__main__":
    peers.main(globals())
