#!/usr/bin/env python3
"""Two builds in two folders install the same bytes, and no file says where it was built.
"""

import filecmp
import os
import tempfile

import peers
from installed_support import copy_sources, must, skip_with_sanitizer


def files_of(folder):
    return sorted(os.path.relpath(os.path.join(here, name), folder)
                  for here, _, names in os.walk(folder) for name in names)


def first_difference(one, other):
    """What differs first between two folders, in words, or None."""
    names, others = files_of(one), files_of(other)
    for name in sorted(set(names) ^ set(others)):
        return "%s is only in %s" % (name, one if name in names else other)
    for name in names:
        paths = [os.path.join(folder, name) for folder in (one, other)]
        if [os.path.islink(path) for path in paths] == [True, True]:
            equal = os.readlink(paths[0]) == os.readlink(paths[1])
        else:
            equal = filecmp.cmp(*paths, shallow=False)
        if not equal:
            return name + " differs"
    return None


def built(top, build, env):
    """Builds the sources there without a cache, and installs them. Returns where."""
    env = {"CCACHE_DISABLE": "1", **env}
    python = must([os.path.join(peers.SOURCE, "tools", "find_python.sh")]).strip()
    copy_sources(top)
    must([peers.tool("meson"), "setup", os.path.join(top, build), top, "--prefix=/usr",
          "-Dtests=disabled", "-Dbench=false", "-Dpython=yes",
          "-Dpython_path=" + python], env=env)
    must(["meson", "install", "-C", os.path.join(top, build), "--destdir",
          top + "-installed"], env=env)
    return top + "-installed"


def saying(folder, words):
    """The files that have the words in them."""
    found = []
    for name in files_of(folder):
        with open(os.path.join(folder, name), "rb") as file:
            if words in file.read():
                found.append(name)
    return found


def case_two_builds_are_equal():
    skip_with_sanitizer()
    with tempfile.TemporaryDirectory() as folder:
        one = built(folder + "/one", "build", {"TZ": "UTC"})
        other = built(folder + "/a/longer/way", "out/of/it",
                      {"TZ": "Asia/Kathmandu", "LC_ALL": "C"})
        names = files_of(one)
        for part in ("/libgreenhub.a", "/libgreenhub.so.0", "bin/greenhub",
                     "man3/green_read.3", "greenhub/_hub.", "/libgreenhub-tls.so"):
            assert any(part in name for name in names), part
        assert first_difference(one, other) is None, first_difference(one, other)
        assert saying(one, folder.encode()) == []


def case_the_first_difference_is_named():
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("one/a", "1"), ("one/b", "2"), ("one/c", "3"),
                           ("two/a", "1"), ("two/b", "x"), ("two/c", "y")):
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        assert first_difference(folder + "/one", folder + "/two") == "b differs"
        assert first_difference(folder + "/one", folder + "/one") is None
        os.unlink(folder + "/two/a")
        assert first_difference(folder + "/one", folder + "/two").startswith(
            "a is only in ")
        assert saying(folder + "/two", b"y") == ["c"]


if __name__ == "__main__":
    peers.main(globals())
