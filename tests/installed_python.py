#!/usr/bin/env python3
"""The Python package by pip, without network: from the source tree and from the
tarball."""

import os
import re
import tempfile

import peers
from installed_support import copy_sources, fails, must, repository, skip_with_sanitizer

SWITCH = """
import eventlet
from eventlet import hubs
hubs.use_hub("greenhub.poll")
eventlet.sleep(0)
print(type(hubs.get_hub()).__module__)
"""


def python():
    """The system's, which has greenlet and Eventlet, as an environment of its own."""
    skip_with_sanitizer()
    return must([os.path.join(peers.SOURCE, "tools", "find_python.sh")]).strip()


def environment(folder):
    """A new environment's python."""
    must([python(), "-m", "venv", "--system-site-packages", folder])
    return folder + "/bin/python"


def pip(program, command, *arguments):
    must([program, "-m", "pip", "--disable-pip-version-check", command, "--no-index",
          "--no-deps", *arguments])


def hubs(program):
    """What python -m greenhub says: {hub: "yes" or "no: why"}, after the version."""
    first, *lines = must([program, "-m", "greenhub"], cwd="/").strip().split("\n")
    assert re.match(r"greenhub \d+\.\d+\.\d+, on CPython 3\.\d+", first), first
    return dict(line.split(None, 1) for line in lines)


def case_a_wheel_of_the_tarball_works():
    with tempfile.TemporaryDirectory() as folder:
        top = repository(folder + "/repository")
        must([top + "/tools/dist.sh", folder])
        tarball, = [name for name in os.listdir(folder) if name.endswith(".gz")]
        program = environment(folder + "/venv")
        pip(program, "wheel", "--no-build-isolation", "-w", folder + "/wheels",
            os.path.join(folder, tarball))
        wheel, = os.listdir(folder + "/wheels")
        assert wheel.startswith(tarball[:-len(".tar.gz")] + "-cp3"), wheel
        pip(program, "install", os.path.join(folder, "wheels", wheel))
        found = hubs(program)
        assert set(found) == {"greenhub." + name for name in (
            "epolls", "libevent", "poll", "selects", "uring")}, found
        assert found["greenhub.poll"] == "yes", found
        assert must([program, "-c", SWITCH], cwd="/") == "greenhub.poll\n"


def case_pip_installs_the_source_tree_with_fewer_hubs():
    with tempfile.TemporaryDirectory() as folder:
        top = copy_sources(folder + "/sources")
        program = environment(folder + "/venv")
        pip(program, "install", "--no-build-isolation",
            "--config-settings", "setup-args=-Dlibevent=disabled", top)
        found = hubs(program)
        assert found["greenhub.epolls"] == "yes"
        assert found["greenhub.libevent"].startswith("no: "), found
        assert "built without libevent" in found["greenhub.libevent"], found
        pip_left = must([program, "-m", "pip", "--disable-pip-version-check",
                         "uninstall", "-y", "greenhub"])
        assert "Successfully uninstalled" in pip_left
        assert "No module named" in fails([program, "-m", "greenhub"], cwd="/")


if __name__ == "__main__":
    peers.main(globals())
