#!/usr/bin/env python3
"""tools/release.sh, in repositories of its own: what it refuses, that a dry run writes
nothing, and what a release has."""

import gzip
import os
import re
import tarfile
import tempfile

import peers
from installed_support import fails, must, repository, skip_with_sanitizer

ME = {"GIT_AUTHOR_NAME": "Tester", "GIT_AUTHOR_EMAIL": "tester@example.org",
      "GIT_COMMITTER_NAME": "Tester", "GIT_COMMITTER_EMAIL": "tester@example.org"}


def text_of(path):
    with open(path) as file:
        return file.read()


def change(path, old, new, count=1):
    text = text_of(path)
    changed = re.sub(old, new, text, count=count, flags=re.M)
    assert changed != text, path
    with open(path, "w") as file:
        file.write(changed)


def commit(top):
    must(["git", "-C", top, "commit", "-qam", "Change"], env=ME)


def next_minor(version):
    major, minor, _ = version.split(".")
    return "%s.%d.0" % (major, int(minor) + 1)


def prepared(folder):
    """A repository whose change log begins with the next minor version. Returns its
    path, and the version."""
    top = repository(folder + "/greenhub")
    now = re.search(r"^  version: '(.*)',", text_of(top + "/meson.build"), re.M).group(1)
    change(top + "/CHANGELOG.md", r"^## \[.*", "## [%s] - unreleased" % next_minor(now))
    commit(top)
    return top, next_minor(now)


def release(top, *arguments):
    return must([top + "/tools/release.sh", *arguments], env=ME)


def refused(top, *arguments):
    """The checks that fail, and what they say."""
    said = fails([top + "/tools/release.sh", *arguments], env=ME)
    assert must(["git", "-C", top, "tag"]).split() in ([], ["v9.9.9"]), said
    return re.findall(r"^FAILED  (.*)$", said, re.M), said


def case_it_refuses_what_is_not_ready():
    with tempfile.TemporaryDirectory() as folder:
        top, version = prepared(folder)
        assert "usage" in refused(top, "1.2")[1]
        assert "usage" in refused(top, version, "--wrong")[1]
        failed, _ = refused(top, "0.0.1", "--write")
        assert "CHANGELOG.md begins with it" in failed
        assert [text for text in failed if text.startswith("0.0.1 is not below")], failed

        change(top + "/README.md", r"\Z", "One line more.\n")
        failed, said = refused(top, version, "--write")
        assert failed == ["everything is committed"] and "README.md" in said, said

        change(top + "/README.md", r"One line.*", "Not in meson.build alone: %s" % re.search(
            r"^  version: '(.*)',", text_of(top + "/meson.build"), re.M).group(1))
        commit(top)
        failed, said = refused(top, version, "--write")
        assert failed == ["only meson.build has the version"], said
        assert "README.md" in said

        must(["git", "-C", top, "tag", "v9.9.9"])
        change(top + "/README.md", r"Not in meson.*\n", "")
        change(top + "/CHANGELOG.md", r"^## \[.*", "## [9.9.9] - unreleased")
        commit(top)
        failed, _ = refused(top, "9.9.9", "--write")
        assert "there is no tag v9.9.9" in failed, failed


def case_it_refuses_another_binary_interface():
    skip_with_sanitizer()
    with tempfile.TemporaryDirectory() as folder:
        top, version = prepared(folder)
        name = sorted(os.listdir(top + "/tools/abi"))[0]
        described = os.path.join(top, "tools/abi", name)
        with gzip.open(described, "rt") as file:
            text = file.read()
        with open(described, "wb") as file:
            file.write(gzip.compress(
                text.replace("'green_yield'", "'green_yield_gone'").encode()))
        commit(top)
        failed, said = refused(top, version, "--skip-tests")
        assert failed == ["the binary interface is compatible"], said
        assert "green_yield_gone" in said, said


def case_a_release_is_tagged_and_packed():
    skip_with_sanitizer()
    with tempfile.TemporaryDirectory() as folder:
        top, version = prepared(folder)
        before = must(["git", "-C", top, "rev-parse", "HEAD"])
        said = release(top, version, "--dry-run", "--skip-tests")
        assert "Nothing was written" in said and "skipped the tests" in said
        assert must(["git", "-C", top, "rev-parse", "HEAD"]) == before
        assert must(["git", "-C", top, "status", "--porcelain"]) == ""
        assert must(["git", "-C", top, "tag"]) == ""

        said = release(top, version, "--write", "--skip-tests")
        assert "build-dist/greenhub-%s.tar.gz" % version in said, said
        assert must(["git", "-C", top, "describe", "--exact-match"]).strip() == \
            "v" + version
        assert must(["git", "-C", top, "status", "--porcelain"]) == ""
        assert re.search(r"^## \[%s\] - \d{4}-\d\d-\d\d$" % re.escape(version),
                         text_of(top + "/CHANGELOG.md"), re.M)
        assert "green_tls_client;" not in text_of(top + "/src/released.map")
        assert "green_tls_client;" in text_of(top + "/companions/tls/released.map")
        with tarfile.open("%s/build-dist/greenhub-%s.tar.gz" % (top, version)) as tar:
            build = tar.extractfile("greenhub-%s/meson.build" % version).read().decode()
        assert "  version: '%s'," % version in build
        # What was released builds, and is compatible with itself.
        must([top + "/tools/lint.sh", "abi", "version"])


if __name__ == "__main__":
    peers.main(globals())
