#!/usr/bin/env python3
"""Traces, static probes and profiles of tests/programs/traced.c: a trace must be what
the viewers read, readelf must find the probes, and perf the callers."""

import collections
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import tempfile

import peers
from peers import Program, run, tool

PROGRAM = os.path.join(peers.BUILD, "tests", "traced")
LIBRARY = os.path.join(peers.BUILD, "src", "libgreenhub.so.0")
PROBES = ["accept", "end", "hub_wait", "hub_wake", "park", "spawn", "switch", "timer",
          "wake"]


# ---- Traces -----------------------------------------------------------------------

def traced(folder, hub, name="trace.json"):
    """What the program's trace has, and its process id."""
    process = Program([PROGRAM], env={
        "GREENHUB_HUB": hub, "GREENHUB_TRACE": os.path.join(folder, name)})
    assert process.wait() == 0, process.err
    pid = process.process.pid
    with open(os.path.join(folder, name.replace("%p", str(pid)))) as file:
        return json.load(file), pid


def check_event(event, pid):
    """One event, by Chrome's description of the format."""
    assert isinstance(event["name"], str) and event["name"], event
    assert event["pid"] == pid and isinstance(event["tid"], int), event
    more = set(event) - {"ph", "name", "pid", "tid"}
    if event["ph"] == "M":
        assert event["name"] in ("process_name", "thread_name"), event
        assert more == {"args"} and list(event["args"]) == ["name"], event
        return
    assert isinstance(event["ts"], float) and event["ts"] > 0, event
    assert event["cat"] in ("greenthread", "hub", "call", "wake"), event
    wanted = {"X": {"dur"}, "i": {"s", "args"}, "s": {"id"}, "f": {"id", "bp"}}
    assert more - {"args"} == {"ts", "cat"} | wanted[event["ph"]] - {"args"}, event
    if event["ph"] == "X":
        assert isinstance(event["dur"], float) and event["dur"] >= 0, event
    if event["ph"] == "i":
        assert event["s"] == "t", event
    if event["ph"] == "f":
        assert event["bp"] == "e", event


def times(event):
    """When it begins and ends, as viewers count: in floating-point numbers."""
    return event["ts"], event["ts"] + event.get("dur", 0)


def check_nesting(events):
    """In each track an interval lies inside another one or beside it."""
    open_ends = []
    for begin, end in sorted((times(event) for event in events),
                             key=lambda pair: (pair[0], -pair[1])):
        while open_ends and open_ends[-1] <= begin:
            open_ends.pop()
        assert not open_ends or end <= open_ends[-1], (begin, end, open_ends)
        open_ends.append(end)


def encloses(events, time):
    return any(begin <= time <= end for begin, end in map(times, events))


def check_arrows(tracks, arrows):
    """Each arrow begins and ends in an interval of its track, in this order."""
    begins = {event["id"]: event for event in arrows if event["ph"] == "s"}
    ends = [event for event in arrows if event["ph"] == "f"]
    assert len(begins) == sum(event["ph"] == "s" for event in arrows)
    assert ends and len({event["id"] for event in ends}) == len(ends)
    for event in ends:
        begin = begins[event["id"]]
        assert times(begin)[0] <= times(event)[0], (begin, event)
        for one in (begin, event):
            assert encloses(tracks[one["tid"]], times(one)[0]), one


def check_trace(trace, pid):
    assert sorted(trace) == ["displayTimeUnit", "otherData", "traceEvents"], trace
    assert trace["otherData"]["dropped_events"] == 0, trace["otherData"]
    tracks, arrows = collections.defaultdict(list), []
    for event in trace["traceEvents"]:
        check_event(event, pid)
        if event["ph"] == "X":
            tracks[event["tid"]].append(event)
        elif event["ph"] in "sf":
            arrows.append(event)
    for events in tracks.values():
        check_nesting(events)
    check_arrows(tracks, arrows)
    named = {event["tid"] for event in trace["traceEvents"]
             if event["name"] == "thread_name"}
    assert named == set(tracks), (named, set(tracks))
    return tracks


def case_traces_of_every_hub():
    for hub in peers.hubs():
        with tempfile.TemporaryDirectory() as folder:
            trace, pid = traced(folder, hub)
        check_tracks(check_trace(trace, pid), hub)


def check_tracks(tracks, hub):
    assert len(tracks) == 2, hub
    names = [collections.Counter(event["name"] for event in events)
             for tid, events in sorted(tracks.items())]
    assert names[0]["main"] and names[0]["talk"] and names[0]["answer"], names
    assert names[1]['other "talk"'] and names[1]["answer"], names
    for one in names:
        assert one["hub"] and one["wait"] and one["accept4"] and one["send"], names


def case_the_file_is_named_after_the_process():
    with tempfile.TemporaryDirectory() as folder:
        trace, pid = traced(folder, peers.hubs()[0], "a-%p-b.json")
        assert os.listdir(folder) == ["a-%d-b.json" % pid]
        check_trace(trace, pid)


# ---- Traces of a running program ----------------------------------------------------

class Watched(Program):
    """The program, which talks when it is told to, and greenhub trace on it."""

    def __init__(self, folder, hub, *arguments):
        super().__init__([PROGRAM, "wait"], stdin=subprocess.PIPE, env={
            "GREENHUB_HUB": hub, "GREENHUB_DEBUG": "serve", "XDG_RUNTIME_DIR": folder})
        self.line("ready")
        self.hub, self.pid = hub, self.process.pid
        self.socket = os.path.join(folder, "greenhub-%d.sock" % self.pid)
        self.file = os.path.join(folder, "trace.%d" % self.pid)
        peers.until("the door", lambda: os.path.exists(self.socket))
        self.tracer = Program([peers.COMMAND, "trace", *arguments, "-o", self.file,
                               str(self.pid)])
        peers.until("the question arrives", self.is_asked)
        self.ask("help") # so what was asked before has begun

    def is_asked(self):
        folder = "/proc/%d/fd" % self.pid
        for fd in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                if "greenhub-answer" in os.readlink(os.path.join(folder, fd)):
                    return True
        return False

    def ask(self, words):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(self.socket)
            peer.sendall(words.encode() + b"\nquit\n")
            return b"".join(iter(lambda: peer.recv(65536), b"")).decode()

    def give_up(self):
        self.tracer.stop(signal.SIGINT)
        peers.until("the trace has ended",
                    lambda: "traceEvents" in self.ask("trace 0.01"))

    def talk(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def trace(self):
        assert self.tracer.wait() == 0, self.tracer.err
        with open(self.file) as file:
            return json.load(file)

    def end(self):
        self.process.stdin.close()
        assert self.wait() == 0, self.err


def case_a_running_program_is_traced_on_every_hub():
    with tempfile.TemporaryDirectory() as folder:
        seconds = "6" if os.environ.get("GREENHUB_CHECKER") else "2"
        programs = [Watched(folder, hub, "--seconds", seconds) for hub in peers.hubs()]
        for program in programs:
            program.talk()
        for program in programs:
            trace = program.trace()
            check_tracks(check_trace(trace, program.pid), program.hub)
            program.end()


def case_a_trace_ends_with_the_one_who_asked_for_it():
    with tempfile.TemporaryDirectory() as folder:
        program = Watched(folder, "epolls", "--seconds", "3600")
        program.give_up()
        status, out, err = run([peers.COMMAND, "trace", "--seconds", "0.01",
                                program.socket])
        assert status == 0 and "traceEvents" in json.loads(out), (out, err)
        program.talk()
        program.end()


def case_a_program_that_dies_leaves_no_trace():
    with tempfile.TemporaryDirectory() as folder:
        program = Watched(folder, "epolls", "--seconds", "3600")
        program.stop(signal.SIGKILL)
        assert program.tracer.wait() == 1, program.tracer.err
        assert "no longer answers" in program.tracer.err[0], program.tracer.err
        assert not os.path.exists(program.file)


def case_what_greenhub_trace_refuses():
    with tempfile.TemporaryDirectory() as folder:
        program = Watched(folder, "epolls", "--seconds", "3600")
        other = os.path.join(folder, "other")
        for words, wanted, status in (
                ([program.pid, "-o", other], "a trace is on already", 1),
                ([program.pid, "-o", folder + "/no/file"], "No such file", 1),
                ([program.pid, "-o", "/dev/full", "--seconds", "x"], "0.01 to 3600", 2),
                (["--seconds", "0", program.pid], "0.01 to 3600", 2),
                (["--bogus", program.pid], "unrecognized option", 2),
                ([], "usage: greenhub trace", 2),
                ([program.pid, program.pid], "usage: greenhub trace", 2),
                ([os.getpid()], "does not serve", 1)):
            found, _, err = run([peers.COMMAND, "trace", *map(str, words)])
            assert found == status and wanted in err, (words, found, err)
        assert not os.path.exists(other)
        program.give_up()
        found, _, err = run([peers.COMMAND, "trace", "--seconds", "0.01", "-o", "/dev/full",
                             str(program.pid)])
        assert found == 1 and "cannot write to /dev/full" in err, (found, err)
        program.talk()
        program.end()


# ---- Probes -----------------------------------------------------------------------

def probes():
    """The probes of the library, by name: their arguments."""
    status, out, err = run([tool("readelf"), "-n", LIBRARY])
    assert status == 0, err
    found = collections.defaultdict(list)
    for name, arguments in re.findall(
            r"Provider: greenhub\s+Name: (\S+)\n.*\n\s+Arguments: (.*)", out):
        found[name].append(arguments.split())
    if not found:
        raise peers.Skip("the build has no sys/sdt.h")
    return found


def case_readelf_lists_the_probes():
    found = probes()
    assert sorted(found) == PROBES, sorted(found)
    for name, places in found.items():
        counts = {len(arguments) for arguments in places}
        wanted = {"spawn": 3, "end": 1}.get(name, 2)
        assert counts == {wanted}, (name, places)


def one_liners():
    with open(os.path.join(peers.SOURCE, "docs", "debugging.md")) as file:
        lines = re.findall(r"^bpftrace -e '(.*?)'$", file.read(), re.M | re.S)
    assert lines
    return lines


def case_the_one_liners_for_bpftrace_run():
    probes()
    if os.geteuid() != 0:
        raise peers.Skip("bpftrace needs root")
    bpftrace = tool("bpftrace")
    for script in one_liners():
        script = script.replace("/usr/lib/libgreenhub.so.0", LIBRARY)
        tracer = Program([bpftrace, "-e", script +
                          " interval:ms:200 { printf(\"attached\\n\"); }"],
                         env={"BPFTRACE_STRLEN": "64"})
        try:
            tracer.line("^attached")
        except AssertionError:
            refused = " ".join(tracer.err)
            if re.search(r"uprobe|ermitted|ermission|BTF|tracefs|kernel", refused):
                raise peers.Skip("this kernel has no uprobes: " + refused[:100])
            raise
        status, out, err = run([PROGRAM], env={"GREENHUB_HUB": peers.hubs()[0]})
        assert status == 0, err
        if "print(" in script:  # by a timer, of each second
            tracer.line(r"^@")
        tracer.stop(signal.SIGINT)
        assert any(re.match(r"@.*: \d+$|@run: ?$", line) for line in tracer.out), (
            script, tracer.out, tracer.err)


# ---- Profiles ---------------------------------------------------------------------

def profile(folder, how):
    """The call chains of samples in spin_inside, innermost first."""
    perf, data = tool("perf"), os.path.join(folder, "perf.data")
    if os.environ.get("GREENHUB_CHECKER") in ("tsan", "valgrind"):
        raise peers.Skip("perf would profile the checker")
    status, out, err = run([perf, "record", "-F", "99", "-o", data, "--call-graph", how,
                            PROGRAM, "spin"], env={"GREENHUB_HUB": peers.hubs()[0]}, timeout=120)
    if not os.path.exists(data) or "not permitted" in err or "No permission" in err:
        raise peers.Skip("this kernel does not let perf record: " + err.strip()[:100])
    status, out, err = run([perf, "script", "-i", data, "-F", "ip,sym"], timeout=120)
    assert status == 0, err
    chains = [re.findall(r"^\s+[0-9a-f]+ (\S+)", sample, re.M)
              for sample in out.split("\n\n")]
    return [chain for chain in chains if chain and chain[0] == "spin_inside"]


def check_profile(how):
    with tempfile.TemporaryDirectory() as folder:
        chains = profile(folder, how)
    assert chains, "no sample"
    right = [chain for chain in chains if chain[1:2] == ["spin_outside"]]
    assert len(right) >= 0.9 * len(chains), chains[:3]
    return right


def case_perf_finds_the_callers_by_unwind_information():
    for chain in check_profile("dwarf"):
        assert chain[2] == "thread_main", chain
        assert len(chain) <= 4, chain # it ends there


def case_perf_finds_the_callers_by_frame_pointers():
    check_profile("fp")


if __name__ == "__main__":
    peers.main(globals())
