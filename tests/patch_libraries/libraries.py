"""What the scripts of this folder share: they run a program with a library that
blocks on each hub, and look at what it says of its hundred greenthreads.

A script makes functions named case_..., and ends with libraries.main(globals()).
"""

import os
import random
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import peers  # noqa: E402
from peers import Skip  # noqa: E402

SKIPPED = 77
CROWD = 100
PATIENCE = 100  # seconds for one run; a run takes a second or two
NUMBERS = re.compile(r"(\d+) of (\d+) failed, (\d+) in flight at most, "
                     r"(-?\d+) descriptors more$")


def program(name):
    path = os.path.join(peers.BUILD, "tests", "patch_libraries", name)
    if not os.path.exists(path):
        raise Skip("built without the library that %s is about" % name)
    return path


def example_path(name):
    path = os.path.join(peers.BUILD, "examples", name)
    if not os.path.exists(path):
        raise Skip("built without the library that %s is about" % name)
    return path


class Report:
    """What a program said: numbers, and the library's words by member."""

    def __init__(self, text):
        lines = text.splitlines()
        numbers = NUMBERS.match(lines[-1]) if lines else None
        assert numbers, "no report: " + text
        self.failed, self.crowd, self.in_flight, self.descriptors = (
            int(word) for word in numbers.groups())
        self.errors = [line.split(": ", 1)[1] for line in lines
                       if line.startswith("error ")]

    def is_well(self, in_flight=CROWD):
        """All have done it, all at once, and no descriptor is left open."""
        assert self.failed == 0, self.errors[:3]
        self.leaves_nothing(in_flight)

    def all_failed(self, pattern, in_flight=CROWD):
        """Each reports an error in words of the library's."""
        strange = [error for error in self.errors
                   if not re.search(pattern, error)]
        assert not strange, strange[:3]
        assert len(self.errors) == self.crowd, "%d of %d failed" % (
            len(self.errors), self.crowd)
        self.leaves_nothing(in_flight)

    def leaves_nothing(self, in_flight):
        assert self.in_flight >= in_flight, "%d at once" % self.in_flight
        assert self.descriptors == 0, "%d descriptors more" % self.descriptors


def run(argv, hub, patience=PATIENCE, **more):
    """What a program prints on a hub. more: for its environment."""
    seed = os.environ.get("CROWD_SEED") or str(random.randrange(1 << 32))
    where = "%s of %s, CROWD_SEED=%s: " % (
        " ".join(argv[1:2]), os.path.basename(argv[0]), seed)
    try:
        status, out, err = peers.run(
            argv, env={"GREENHUB_HUB": hub, "CROWD_SEED": seed, **more},
            timeout=patience)
    except subprocess.TimeoutExpired as late:
        raise AssertionError("%s%s: hangs: %s" % (where, hub, late.stderr))
    if status == SKIPPED:
        raise Skip(err.strip())
    assert status == 0, "%s%s: status %d: %s" % (where, hub, status, err)
    return out


def on_each_hub(argv, check, **more):
    """Runs a case of a program, and checks its report."""
    for hub in peers.hubs():
        report = Report(run(argv, hub, **more))
        try:
            check(report)
        except AssertionError as error:
            raise AssertionError("%s: %s" % (hub, error))


def interrupted(argv):
    """All is well though a signal handler runs each millisecond."""
    on_each_hub(argv, lambda report: report.is_well(), CROWD_SIGNALS="1")


def example(name, arguments, pattern):
    """Runs an example on each hub; what it said on the last one."""
    for hub in peers.hubs():
        status, out, err = peers.run([example_path(name), *arguments],
                                     env={"GREENHUB_HUB": hub},
                                     timeout=PATIENCE)
        assert status == 0 and re.search(pattern, out + err, re.M), (
            hub, status, out, err)
    return out + err


def main(names):
    # So that the servers end if the script runs out of time.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    peers.main(names)
