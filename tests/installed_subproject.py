#!/usr/bin/env python3
"""greenhub as a meson subproject of a project that has targets, an option and settings
of its own."""

import json
import os
import shutil
import tempfile

import peers
from installed_support import (PROGRAMS, copy_sources, must, shared_libraries,
                               skip_with_sanitizer)


def parent(folder):
    """The parent project, with greenhub in its folder subprojects. Returns its path."""
    skip_with_sanitizer()
    top = folder + "/parent"
    shutil.copytree(os.path.join(PROGRAMS, "parent"), top)
    for name in ("hello.c", "companions.c", "patched.c"):
        shutil.copy(os.path.join(PROGRAMS, name), top)
    copy_sources(top + "/subprojects/greenhub")
    return top


def introspect(build, what):
    return json.loads(must(["meson", "introspect", "--" + what, build]))


def case_it_is_built_and_used():
    with tempfile.TemporaryDirectory() as folder:
        top = parent(folder)
        build = top + "/build"
        must([peers.tool("meson"), "setup", build, top])
        must(["ninja", "-C", build])
        assert must([build + "/hello"]).strip().endswith(": hello")
        assert "libgreenhub.so.0" in shared_libraries(build + "/hello")
        assert must([build + "/companions"]).startswith("companions: ")
        assert must([build + "/patched"]) == "patched: hello\n"

        assert introspect(build, "tests") == []
        theirs = {target["name"] for target in introspect(build, "targets")
                  if "/subprojects/" in target["defined_in"]}
        assert "greenhub-tls" in theirs, theirs
        assert not theirs & {"echo_server", "micro_greenhub", "support", "greenhub_hub",
                             "test_hub_loop", "man_aliases", "bench-programs"}, theirs


def settings(build):
    """Options of the parent project, and of meson for all projects."""
    return {option["name"]: option["value"]
            for option in introspect(build, "buildoptions")
            if not option["name"].startswith("greenhub:")}


def case_the_parents_options_stay():
    """With all targets in one folder (layout=flat), warnings as errors, and the static
    library."""
    with tempfile.TemporaryDirectory() as folder:
        top = parent(folder)
        build = top + "/build"
        options = ("--layout=flat", "-Dwerror=true", "-Dcarry=true")
        must(["meson", "setup", *options, build, top])
        must(["ninja", "-C", build, "meson-out/hello"])
        assert must([build + "/meson-out/hello"]).strip().endswith(": hello")
        assert "libgreenhub.so.0" not in shared_libraries(build + "/meson-out/hello")

        with open(top + "/meson.build") as file:
            text = file.read()
        with open(top + "/meson.build", "w") as file:
            file.write(text[:text.index("greenhub_dep =")])
        must(["meson", "setup", *options, folder + "/alone", top])
        with_it, without = settings(build), settings(folder + "/alone")
        assert with_it == without, {
            name for name in with_it if with_it[name] != without.get(name)}


if __name__ == "__main__":
    peers.main(globals())
