"""What the tests of `make test-install` share: commands that must succeed, copies of the
source tree, and an installed tree."""

import os
import shutil
import subprocess

import peers

PROGRAMS = os.path.join(peers.SOURCE, "tests", "installed")
LONG = 1800  # seconds; a whole build on a busy machine
# Not sources: what git and builds make.
NOT_SOURCES = shutil.ignore_patterns("build*", ".git", "__pycache__", "*.pyc")


def must(argv, env=None, **more):
    """Runs a command. Returns its output; fails with the end of it."""
    # With ccache, a tree in another folder need not be compiled again.
    env = {"CCACHE_NOHASHDIR": "1", **(env or {})}
    status, out, err = peers.run(argv, env=env, timeout=LONG, **more)
    assert status == 0, "%s: %d\n%s%s" % (" ".join(argv), status, out[-4000:],
                                          err[-4000:])
    return out


def fails(argv, env=None, **more):
    """Runs a command that must fail. Returns what it printed."""
    status, out, err = peers.run(argv, env=env, timeout=LONG, **more)
    assert status != 0, out
    return out + err


def copy_sources(folder):
    """Copies the source tree there."""
    shutil.copytree(peers.SOURCE, folder, ignore=NOT_SOURCES, symlinks=True)
    return folder


def setting(name):
    """An option of the build that is tested."""
    text = must([peers.tool("meson"), "configure", peers.BUILD])
    for line in text.splitlines():
        words = line.split()
        if words[:1] == [name]:
            return words[1]
    raise AssertionError("meson has no option " + name)


def skip_with_sanitizer():
    if os.environ.get("GREENHUB_CHECKER"):
        raise peers.Skip("a program needs the sanitizer's flags too")


def installed(folder):
    """Installs the build there, as if it was /. Returns its prefix and its folder of
    libraries, which have moved: their own paths are those without the folder."""
    skip_with_sanitizer()
    must([peers.tool("meson"), "install", "-C", peers.BUILD, "--no-rebuild",
          "--quiet", "--destdir", folder])
    prefix = folder + setting("prefix")
    return prefix, os.path.join(prefix, setting("libdir"))


def shared_libraries(program):
    """The names of the libraries that a program or a library needs."""
    out = subprocess.run(["readelf", "-d", program], check=True, capture_output=True,
                         text=True).stdout
    return [line.split("[")[1].rstrip("]") for line in out.splitlines()
            if "(NEEDED)" in line]


def repository(folder, date=None):
    """A repository of git's with the source tree in one commit. Returns its path."""
    git = [peers.tool("git"), "-C", folder, "-c", "user.name=Tester",
           "-c", "user.email=tester@example.org", "-c", "core.autocrlf=false"]
    when = "@%d +0000" % date if date else None
    env = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}
    copy_sources(folder)
    must([*git, "init", "-q", "-b", "main"])
    must([*git, "add", "-A"])
    must([*git, "commit", "-q", "-m", "Begin"], env=env)
    return folder
