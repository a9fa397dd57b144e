"""The tree's Markdown pages in HTML, by cmark-gfm, with the files that they link to."""

import html
import os
import posixpath
import re
import subprocess

import manual_frame
import sources

PAGES = ("README.md", "CONTRIBUTING.md", "HACKING.md", "SECURITY.md", "CHANGELOG.md",
         "bench/README.md")
HEADING = re.compile(r"<h([1-6])>(.*?)</h\1>", re.S)
LINK = re.compile(r'(?<=(?:href|.src)=")([^"]*)(?=")')
TAG = re.compile(r"<[^>]*>")


def page_paths():
    return list(PAGES) + sources.files((".md",), ("docs",))


def html_name(path):
    """docs/hubs.md -> hubs.html, bench/README.md -> bench.html"""
    folder, name = posixpath.split(path)
    stem = name[:-len(".md")].lower()
    return (folder if stem == "readme" and folder else stem) + ".html"


def slug(heading, taken):
    """A heading's id, as GitHub makes it."""
    text = html.unescape(TAG.sub("", heading)).strip().lower()
    name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
    number = taken.get(name, 0)
    taken[name] = number + 1
    return "%s-%d" % (name, number) if number else name


def with_ids(text):
    taken = {}
    return HEADING.sub(lambda match: '<h%s id="%s">%s</h%s>' % (
        match.group(1), slug(match.group(2), taken), match.group(2), match.group(1)),
        text)


class Tree:
    """Where a path of the tree is in the manual; collects the files to be added."""

    def __init__(self, men):
        self.pages = {path: html_name(path) for path in page_paths()}
        self.men = men  # {"green_read.3.html": its page}
        self.copied = set()  # pictures
        self.shown = set()  # sources, as pages

    def place(self, path):
        if path in self.pages:
            return self.pages[path]
        if path.startswith("man/"):
            return self.men[path[len("man/"):] + ".html"]
        if path.endswith((".svg", ".png")):
            self.copied.add(path)
            return path
        if os.path.exists(os.path.join(sources.ROOT, path)):
            self.shown.add(path)
        return "files/%s.html" % path

    def link(self, page, target):
        """A link of a page, in the manual. Others are returned as they are."""
        if re.match(r"\w+:|#|$", target):
            return target
        target, mark, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        return self.place(path) + mark + anchor


def title_of(text):
    match = re.search(r"<h1[^>]*>(.*?)</h1>", text, re.S)
    return html.unescape(TAG.sub("", match.group(1))) if match else ""


def convert(tree, path):
    """(file, title, text) of a Markdown page"""
    text = subprocess.run(
        ["cmark-gfm", "-e", "table", "-e", "autolink", "-e", "strikethrough", "-t",
         "html", os.path.join(sources.ROOT, path)],
        check=True, capture_output=True, text=True).stdout
    text = LINK.sub(lambda link: html.escape(
        tree.link(path, html.unescape(link.group(1)))), with_ids(text))
    file, title = html_name(path), title_of(text)
    body = '<main class="page">\n%s</main>\n' % text
    return file, title, manual_frame.framed(file, html.escape(title), body)


def show(tree, path):
    """(file, title, text) of a file that a page links to, or the list of a folder."""
    whole = os.path.join(sources.ROOT, path)
    file = "files/%s.html" % path
    if os.path.isdir(whole):
        names = sorted(name for name in os.listdir(whole)
                       if os.path.isfile(os.path.join(whole, name)))
        body = "<ul>\n%s</ul>\n" % "".join(
            '<li><a href="%s">%s</a></li>\n' % (
                manual_frame.up_from(file) + tree.place(path + "/" + name), name)
            for name in names)
    else:
        body = "<pre>%s</pre>\n" % html.escape(sources.text(path))
    body = "<main>\n<h1>%s</h1>\n%s</main>\n" % (path, body)
    return file, path, manual_frame.framed(file, path, body)


def show_all(tree):
    """All files that pages link to, and those that folders list."""
    done = {}
    while tree.shown - set(done):
        for path in sorted(tree.shown - set(done)):
            done[path] = show(tree, path)
    return list(done.values())
