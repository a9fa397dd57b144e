#!/usr/bin/env python3
"""The report of what blocks all greenthreads, GREENHUB_PATCH_REPORT."""

import glob
import os
import re
import signal
import subprocess
import tempfile

import peers
from patched import run_options, skip_if_not_first
from peers import COMMAND, run, until

LIBRARY = os.path.join(peers.BUILD, "src", "patch", "libgreenhub-patch.so")
BLOCKS = os.path.join(peers.BUILD, "tests", "blocks_all")
LINE = re.compile(r"(\w+) +(\S+) +(\d+) +([\d.]+) +([\d.]+) (\S+) (.+)$")


def environment(report):
    """Sleeps are native: the group that makes them green is off."""
    return {"LD_PRELOAD": LIBRARY, "GREENHUB_PATCH": "io",
            "GREENHUB_PATCH_REPORT": report}


class Blocking:
    """The program, which goes on until `end`. `run`: in a thread, by greenhub
    run; else in main, with the library preloaded."""

    def __init__(self, report, kind, run=False):
        self.process = subprocess.Popen(
            [COMMAND, "run"] + run_options(["--report", report, BLOCKS, kind,
                                            "thread"]) if run else
            [BLOCKS, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=peers.environment(
                {} if run else environment(report)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def end(self):
        out, _ = self.process.communicate("", peers.PATIENCE)
        assert out == "done\n", out
        return self.process.returncode


def read(path):
    """Its lines, as (kind, symbol, count, total, longest, caller, file)."""
    if not os.path.exists(path):
        return None
    with open(path) as file:
        lines = file.read().splitlines()
    for line in lines:
        assert line.startswith("#") or LINE.match(line), line
    return [LINE.match(line).groups() for line in lines
            if not line.startswith("#")]


def note_of(path, kind, function):
    """The line of this kind whose caller is the function."""
    for note in read(path) or ():
        if note[0] == kind and note[5].split("+")[0] == function:
            return note
    return None


def sees(kind, symbol, function, run=False):
    skip_if_not_first()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report")
        with Blocking(path, kind, run) as program:
            note = until("a note", lambda: note_of(path, kind, function))
            assert program.end() == 0
        last = note_of(path, kind, function)
        assert re.match(symbol + "$", last[1]), last
        assert int(last[2]) >= int(note[2]) >= 1, (note, last)
        assert float(last[3]) >= float(last[4]) >= 10, last
        assert last[6] == BLOCKS, last
        others = [one for one in read(path) if one[0] != kind]
        assert not others, others


def case_a_native_call():
    sees("native", "usleep", "sleep_in_libc")


def case_a_system_call_that_is_not_seen():
    sees("outside", r"syscall-\d+", "sleep_by_number")


def case_a_greenthread_that_computes():
    sees("spun", "-", "compute")


def case_a_program_that_is_run():
    sees("outside", r"syscall-\d+", "sleep_by_number", run=True)
    sees("spun", "-", "compute", run=True)


def case_a_thread_that_asks_for_its_id():
    skip_if_not_first()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report")
        with Blocking(path, "thread", run=True) as program:
            note = until("a note", lambda: note_of(path, "thread", "ask_for_id"))
            assert program.end() == 0
        assert note[1] == "gettid" and int(note[2]) >= 1, note
        assert {one[0] for one in read(path)} == {"thread"}, read(path)


def case_nothing_to_report():
    skip_if_not_first()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report")
        with Blocking(path, "nothing") as program:
            until("a file", lambda: read(path) is not None)
            assert program.end() == 0
        assert read(path) == [], read(path)


def case_the_report_of_a_killed_program():
    """It is written while the program runs."""
    skip_if_not_first()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report")
        with Blocking(path, "native") as program:
            until("a note", lambda: note_of(path, "native", "sleep_in_libc"))
            program.process.send_signal(signal.SIGKILL)
            assert program.process.wait(peers.PATIENCE) == -signal.SIGKILL
        assert note_of(path, "native", "sleep_in_libc")


def case_each_process_has_a_file():
    skip_if_not_first()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report-%p.txt")
        status, out, err = run([BLOCKS], env=environment(path))
        assert (status, out, err) == (0, "done\n", "")
        found = glob.glob(os.path.join(folder, "*"))
        assert len(found) == 1 and re.search(r"report-\d+\.txt$", found[0]), \
            found
        with open(found[0]) as file:
            assert "process %s:" % re.search(
                r"-(\d+)", found[0]).group(1) in file.readline()


def case_a_report_that_cannot_be_written():
    """The program does not care."""
    skip_if_not_first()
    done = run([BLOCKS], env=environment("/no/such/folder/report"))
    assert done == (0, "done\n", ""), done


if __name__ == "__main__":
    peers.main(globals())
