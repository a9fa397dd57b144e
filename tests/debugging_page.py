#!/usr/bin/env python3
"""Compiles the program of docs/debugging.md, and compares its output with the page's.
Addresses, numbers and frames inside libraries may differ."""

import os
import re
import signal
import tempfile

import gdb
import peers
from peers import Program, run, tool

NEEDS_LINUX = "the door for debuggers, and reports of what blocks, need Linux"


def page():
    with open(os.path.join(peers.SOURCE, "docs", "debugging.md")) as file:
        return file.read()


def block(kind):
    return re.search(r"^```%s\n(.*?)^```$" % kind, page(), re.M | re.S).group(1)


def compiled(folder):
    if os.environ.get("GREENHUB_CHECKER"):
        raise peers.Skip("the page's program is compiled without the checker")
    source, program = folder + "/program.c", folder + "/program"
    with open(source, "w") as file:
        file.write(block("c"))
    library = os.path.join(peers.BUILD, "src")
    status, out, err = run(
        [tool("cc"), "-Wall", "-Wextra", "-Werror", "-g", "-rdynamic", source, "-o",
         program, "-I", os.path.join(peers.SOURCE, "include"), "-L", library,
         "-lgreenhub", "-Wl,-rpath," + library])
    assert status == 0, err
    return program


def told(lines):
    """What is the same each time: words, and the frames that have a public name."""
    kept = []
    for line in lines:
        if line.startswith("    ") and not re.match(
                r"    (main|ask|compute|green_[a-z]\w*)\+", line):
            continue
        line = re.sub(r" \w+\.[ch]:\d+", "", line)  # with libdw
        line = re.sub(r"\(libgreenhub\.so[.\d]*\)", "(libgreenhub)", line)
        line = re.sub(r"0x[0-9a-f]+|\d+(\.\d+)?", "N", line)
        kept.append(re.sub(r" +", " ", line))
    return kept


def compare(kind, program, arguments, environment, number=None):
    wanted = told(block("text " + kind).splitlines())
    process = Program([program, *arguments],
                      env={"GREENHUB_HUB": "epolls", **environment})
    process.line("started")
    if number is not None:
        process.process.send_signal(number)
    got = peers.until("%d lines" % len(wanted), lambda: (
        lambda lines: lines if len(lines) >= len(wanted) else None)(
            told(process.err)))
    assert got == wanted, (got, wanted)
    process.stop(signal.SIGKILL)


def case_it_is_slow_over_time():
    peers.skip_in_chaos("switches more often")
    with tempfile.TemporaryDirectory() as folder:
        status, out, err = run([compiled(folder), "trace"], cwd=folder, env={
            "GREENHUB_HUB": "epolls", "GREENHUB_TRACE": "trace.json"})
        assert status == 0, err
        command = re.search(r"^grep .*trace\.json$", page(), re.M).group()
        status, out, err = run(["/bin/sh", "-c", command], cwd=folder)
    wanted = told(block("text trace").splitlines())
    assert told(out.splitlines()) == wanted, out


def case_it_crashed_last_night():
    peers.skip_in_chaos("may switch to a greenthread as it is spawned")
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(folder)
        core = gdb.core_of(folder, program, {"GREENHUB_HUB": "epolls"},
                           signal.SIGSEGV)
        text = gdb.gdb([program, core],
                       ["info greenthreads", "greenthread apply all bt"])
    got = [re.sub(r"at \S*/program", "at program", line) for line in text.splitlines()
           if re.match(r"  (Id|\d+) |Greenthread \d|#\d.*program\.c:\d", line)]
    assert told(got) == told(block("text crash").splitlines()), text


def case_it_hangs():
    with tempfile.TemporaryDirectory() as folder:
        compare("hang", compiled(folder), [], {}, signal.SIGQUIT)


def case_it_is_slow():
    with tempfile.TemporaryDirectory() as folder:
        compare("slow", compiled(folder), ["slow"],
                {"GREENHUB_DEBUG": "blocking=50ms"})


def told_by_top(text):
    """Without numbers, and in the order of names."""
    return sorted(re.sub(r"(?<= )(-|N(us|ms|s|h)?)(?= |$)", "N", line)
                  for line in told(map(str.strip, text.splitlines())))


def case_live():
    with tempfile.TemporaryDirectory() as folder:
        process = Program([compiled(folder)], env={
            "GREENHUB_HUB": "epolls", "GREENHUB_DEBUG": "serve=%s/door" % folder})
        process.line("started")
        status, out, err = run([peers.COMMAND, "top", folder + "/door", "--once"])
        assert status == 0, err
        wanted = told_by_top(block("text top"))
        assert told_by_top(out) == wanted, (told_by_top(out), wanted)
        process.stop(signal.SIGKILL)


if __name__ == "__main__":
    peers.main(globals())
