#!/usr/bin/env python3
"""The tarball of `make dist`: what is in it, that it is the same each time, and that it
builds and tests itself without git."""

import os
import subprocess
import tarfile
import tempfile

import peers
from installed_support import copy_sources, fails, must, repository, skip_with_sanitizer

DATE = 1700000000
# What builds and editors leave behind.
UNWANTED = (".o", ".so", ".a", ".pyc", ".swp", ".orig", ".rej", "~")


def packed(folder, env=None):
    """Makes a tarball of a repository in the folder. Returns its path."""
    top = repository(folder + "/greenhub", DATE)
    must([top + "/tools/dist.sh", folder + "/out"], env=env)
    names = [name for name in os.listdir(folder + "/out") if name.endswith(".tar.gz")]
    must(["sha256sum", "--check", names[0] + ".sha256"], cwd=folder + "/out")
    return os.path.join(folder, "out", names[0])


def case_it_has_what_is_committed_and_nothing_else():
    with tempfile.TemporaryDirectory() as folder:
        path = packed(folder)
        committed = must(["git", "-C", folder + "/greenhub", "ls-files"]).split("\n")
        with tarfile.open(path) as tar:
            members = tar.getmembers()
        top = os.path.basename(path)[:-len(".tar.gz")]
        files = {member.name[len(top) + 1:] for member in members if not member.isdir()}
        assert all(member.name.split("/")[0] == top for member in members)
        assert top == "greenhub-" + must(
            [peers.COMMAND, "--version"]).split()[-1], top
        left_out = {name for name in committed if name} - files
        assert all(name.startswith((".ci/", ".git")) for name in left_out), left_out
        assert files <= set(committed), files - set(committed)
        assert not [name for name in files if name.endswith(UNWANTED)]
        assert {member.mtime for member in members} == {DATE}
        assert {member.uid for member in members} == {0}


def case_two_of_them_are_equal():
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first = packed(one)
        before = os.umask(0o077)
        try:
            second = packed(two + "/elsewhere", {"TZ": "Asia/Kathmandu", "LANG": "C"})
        finally:
            os.umask(before)
        with open(first, "rb") as a, open(second, "rb") as b:
            assert a.read() == b.read(), must(["cmp", first, second])
        other = packed(one + "/dated", {"SOURCE_DATE_EPOCH": "1600000000"})
        with tarfile.open(other) as tar:
            assert {member.mtime for member in tar.getmembers()} == {1600000000}


def case_a_tree_without_git_makes_none():
    with tempfile.TemporaryDirectory() as folder:
        top = copy_sources(folder + "/sources")
        said = fails([top + "/tools/dist.sh", folder])
        assert "this tree is not git's" in said, said


def unpacked(folder):
    """A folder with the unpacked tarball, and one with a git that only notes its calls.
    """
    must(["tar", "-x", "-C", folder, "-f", packed(folder + "/repository")])
    os.makedirs(folder + "/bin")
    with open(folder + "/bin/git", "w") as file:
        file.write('#!/bin/sh\necho "$*" >>%s/called\nexit 127\n' % folder)
    os.chmod(folder + "/bin/git", 0o755)
    name, = [name for name in os.listdir(folder) if name.startswith("greenhub-")]
    return os.path.join(folder, name)


def case_it_builds_and_tests_itself_without_git():
    skip_with_sanitizer()
    with tempfile.TemporaryDirectory() as folder:
        top = unpacked(folder)
        path = {"PATH": folder + "/bin:" + os.environ["PATH"]}
        must(["make", "-C", top], env=path)
        out = must(["make", "-C", top, "test", "SUITES=--suite unit"], env=path)
        assert " 0 failed" in out, out[-2000:]
        out = subprocess.run([top + "/build/greenhub", "hubs"], check=True,
                             capture_output=True, text=True).stdout
        assert "poll" in out
        assert not os.path.exists(folder + "/called"), open(folder + "/called").read()


if __name__ == "__main__":
    peers.main(globals())
