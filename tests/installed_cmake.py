#!/usr/bin/env python3
"""An installed tree, used by CMake and by pkg-config: find_package(greenhub), its
components and versions, and the static library."""

import os
import re
import subprocess
import tempfile

import peers
from installed_support import PROGRAMS, fails, installed, must, shared_libraries


def configure(prefix, folder, *options):
    return [peers.tool("cmake"), "-S", os.path.join(PROGRAMS, "cmake"), "-B", folder,
            "-DCMAKE_PREFIX_PATH=" + prefix, *options]


def says(program, libraries):
    """What a program prints that runs with the installed libraries."""
    return must([program], env={"LD_LIBRARY_PATH": libraries}).strip()


def refusal(prefix, folder, *options):
    """CMake's message, in one line."""
    return " ".join(fails(configure(prefix, folder, *options)).split())


def case_cmake_finds_all_libraries():
    with tempfile.TemporaryDirectory() as folder:
        prefix, libraries = installed(folder + "/moved")
        build = folder + "/build"
        must(configure(prefix, build, "-DWANTED=tls;dns;http;patch"))
        must(["cmake", "--build", build])
        for program in ("hello", "hello_static"):
            assert says(build + "/" + program, libraries).endswith(": hello")
        assert says(build + "/companions", libraries).startswith("companions: ")
        assert says(build + "/patched", libraries) == "patched: hello"
        assert "libgreenhub.so.0" in shared_libraries(build + "/hello")
        assert "libgreenhub.so.0" not in shared_libraries(build + "/hello_static")


def case_a_missing_component_is_named():
    with tempfile.TemporaryDirectory() as folder:
        prefix, libraries = installed(folder + "/moved")
        os.unlink(libraries + "/libgreenhub-tls.so")
        said = refusal(prefix, folder + "/build", "-DWANTED=tls;dns;smtp")
        assert "component tls: " in said and "libgreenhub-tls.so is not installed" in said
        assert "OpenSSL 3" in said and "component dns" not in said, said
        assert "component smtp: there is no such component" in said, said


def case_headers_may_be_anywhere():
    """As with --includedir=/elsewhere/include."""
    with tempfile.TemporaryDirectory() as folder:
        prefix, libraries = installed(folder + "/moved")
        os.rename(prefix + "/include", folder + "/headers")
        config = libraries + "/cmake/greenhub/greenhub-config.cmake"
        with open(config) as file:
            text = file.read()
        changed = re.sub(r'"[./]*/include" ABSOLUTE', '"%s/headers" ABSOLUTE' % folder,
                         text)
        assert changed != text
        with open(config, "w") as file:
            file.write(changed)
        must(configure(prefix, folder + "/build"))
        must(["cmake", "--build", folder + "/build", "--target", "hello"])


def versions():
    """{what a program asks for: whether the installed version will do}"""
    here = must([peers.COMMAND, "--version"]).split()[-1]
    major, minor, patch = (int(part) for part in here.split("."))
    return {here: 1, "%d.%d" % (major, minor): 1, here + ";EXACT": 1,
            "%d.0.0...%d.99" % (major, major): 1, "%d.%d" % (major, minor + 1): 0,
            "%d.%d.%d;EXACT" % (major, minor, patch + 1): 0,
            "%d.0" % (major + 1): 0, "%d.0.0...<%s" % (major, here): 0}


def case_a_version_that_will_not_do_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        prefix, _ = installed(folder + "/moved")
        wanted = versions()
        with open(folder + "/CMakeLists.txt", "w") as file:
            file.write("cmake_minimum_required(VERSION 3.19)\nproject(look C)\n")
            for version in wanted:
                file.write("unset(greenhub_DIR CACHE)\n"
                           "find_package(greenhub %s QUIET)\n"
                           "message(\"%s: ${greenhub_FOUND}\")\n"
                           % (version.replace(";", " "), version))
        done = subprocess.run(
            ["cmake", "-S", folder, "-B", folder + "/out",
             "-DCMAKE_PREFIX_PATH=" + prefix], capture_output=True, text=True)
        found = dict(line.split(": ") for line in done.stderr.splitlines()
                     if ": " in line)
        assert {one: int(found.get(one, "") in ("1", "TRUE"))
                for one in wanted} == wanted, done.stderr


def flags(prefix, libraries, *options):
    out = must([peers.tool("pkg-config"), "--define-variable=prefix=" + prefix, *options,
                "greenhub"],
               env={"PKG_CONFIG_PATH": libraries + "/pkgconfig"})
    return out.split()


def case_pkg_config_knows_what_the_static_library_needs():
    with tempfile.TemporaryDirectory() as folder:
        prefix, libraries = installed(folder + "/moved")
        source, program = os.path.join(PROGRAMS, "hello.c"), folder + "/hello"
        os.unlink(libraries + "/libgreenhub.so")  # so that the linker takes the other
        wanted = flags(prefix, libraries, "--cflags", "--libs", "--static")
        for how in ([], ["-static"]):
            must([peers.tool("cc"), *how, source, "-o", program, *wanted])
            assert must([program]).strip().endswith(": hello")
            assert "libgreenhub.so.0" not in shared_libraries(program)
        assert "-ldw" not in wanted, "libdw is loaded, not linked"


if __name__ == "__main__":
    peers.main(globals())
