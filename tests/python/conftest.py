"""What the tests of the hub for Eventlet share.

Each test runs a program in a process of its own, since Eventlet keeps much of its
state per process. `run(program)` runs it on each of our hubs;
`run_on("epolls", program)` runs it on one of Eventlet's own.
"""

import os
import subprocess
import sys
import textwrap

import pytest

import greenhub

# The time limit of a program in seconds: far more than it needs, also on a loaded
# machine, so that only a program that hangs fails.
LIMIT = 60

OURS = [name for name in greenhub.hub_names() if name != "sim"]

BEGIN = """
import os, sys, time, errno, gc, signal, weakref
import eventlet, greenlet
from eventlet import hubs, debug, greenthread
"""


def run_program(eventlet_hub, program, environment=None, limit=LIMIT,
                before=()):
    """Runs a program, asserts success, and returns its output. `before`: words to put
    before the command."""
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
    """Each of our hubs."""
    module = __import__("greenhub." + request.param, fromlist=["Hub"])
    if not module.is_available():
        pytest.skip(request.param + ": " + module.why_not())
    return request.param


@pytest.fixture
def run(hub_name):
    """run(program): runs it on one of our hubs; returns its output."""
    def run(program, **options):
        return run_program("greenhub." + hub_name, program, **options)
    return run


@pytest.fixture
def run_on():
    """run_on(name, program): runs it on Eventlet's own hub of this name."""
    return run_program


@pytest.fixture
def count_calls(tmp_path):
    """count_calls(hub, program, name): the number of system calls of this name."""
    def count(eventlet_hub, program, name):
        report = tmp_path / "strace"
        run_program(eventlet_hub, program, before=(
            "strace", "-f", "-qq", "-c", "-U", "calls,name", "-e",
            "trace=" + name, "-o", str(report)))
        rows = [line.split() for line in report.read_text().splitlines()]
        return sum(int(row[0]) for row in rows
                   if len(row) == 2 and row[1] == name)
    return count
