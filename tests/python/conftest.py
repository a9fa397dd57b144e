"""What the tests of the hub for Eventlet share.

Each test is a program in a process of its own, since a process has one hub and
much else of Eventlet's is the process's. `run(program)` runs it on one of our
hubs after the other; `run_on("epolls", program)` on one of Eventlet's own.
"""

import os
import subprocess
import sys
import textwrap

import pytest

import greenhub

# The seconds that a program may take on a loaded machine, far more than it
# needs: one that hangs is to fail, and nothing else.
LIMIT = 60

OURS = [name for name in greenhub.hub_names() if name != "sim"]

BEGIN = """
import os, sys, time, errno, gc, signal, weakref
import eventlet, greenlet
from eventlet import hubs, debug, greenthread
"""


def run_program(eventlet_hub, program, environment=None, limit=LIMIT,
                before=()):
    """Runs it; its output, once it has ended well. `before`: words in front of the
    command."""
    env = dict(os.environ, EVENTLET_HUB=eventlet_hub, **(environment or {}))
    done = subprocess.run(
        [*before, sys.executable, "-W", "ignore", "-c",
         BEGIN + textwrap.dedent(program)],
        env=env, timeout=limit, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, "%s: exit status %d\n%s%s" % (
        eventlet_hub, done.returncode, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(params=OURS)
def hub_name(request):
    """Our hubs, one after the other."""
    module = __import__("greenhub." + request.param, fromlist=["Hub"])
    if not module.is_available():
        pytest.skip(request.param + ": " + module.why_not())
    return request.param


@pytest.fixture
def run(hub_name):
    """run(program): on one of our hubs; what it prints."""
    def run(program, **options):
        return run_program("greenhub." + hub_name, program, **options)
    return run


@pytest.fixture
def run_on():
    """run_on(name, program): on Eventlet's own hub of this name."""
    return run_program


@pytest.fixture
def count_calls(tmp_path):
    """count_calls(hub, program, name): how many system calls of this name."""
    def count(eventlet_hub, program, name):
        report = tmp_path / "strace"
        run_program(eventlet_hub, program, before=(
            "strace", "-f", "-qq", "-c", "-U", "calls,name", "-e",
            "trace=" + name, "-o", str(report)))
        rows = [line.split() for line in report.read_text().splitlines()]
        return sum(int(row[0]) for row in rows
                   if len(row) == 2 and row[1] == name)
    return count
