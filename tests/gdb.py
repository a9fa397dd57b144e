#!/usr/bin/env python3
"""Looks at tests/programs/greenthreads.c with gdb and the library's script for it: at
the process, at its core file, and without its symbols."""

import json
import os
import re
import resource
import shutil
import signal
import tempfile

import peers
from peers import Program, run, tool

NEEDS_LINUX = "POSIX has no numbers of OS threads, by which gdb knows them"

SCRIPT = os.path.join(peers.SOURCE, "gdb", "greenhub-gdb.py")
PROGRAM = os.path.join(peers.BUILD, "tests", "greenthreads")
LIBRARY = os.path.join(peers.BUILD, "src", "libgreenhub.so.0")


def gdb(arguments, commands, script=SCRIPT, debugger="gdb"):
    """gdb's output for these commands."""
    if os.environ.get("GREENHUB_CHECKER") in ("tsan", "valgrind"):
        raise peers.Skip("gdb does not know the checker's own stacks")
    argv = [tool(debugger), "-nx", "-q", "-batch", "-iex", "set debuginfod enabled off",
            "-iex", "set width 0", *arguments]
    if script:
        argv += ["-ex", "source " + script]
    for command in commands:
        argv += ["-ex", command]
    status, out, err = run(argv)
    text = out + err
    if "ptrace: Operation not permitted" in text:
        raise peers.Skip("this system does not let gdb attach")
    assert "Python Exception" not in text and "Traceback" not in text, text
    return text


class Looked(Program):
    """The program, until it has gone on and ended."""

    def __init__(self, mode="", hub=None, program=PROGRAM, environment=None):
        env = dict(environment or {}, **({"GREENHUB_HUB": hub} if hub else {}))
        out, self.input = os.pipe()
        super().__init__([program, mode], env=env, stdin=out)
        os.close(out)
        self.line("spins" if mode == "spin" else "ready")
        self.name = ["-p", str(self.process.pid)]

    def go_on(self):
        """Lets it end; how many of its greenthreads went on."""
        os.write(self.input, b"x")
        os.close(self.input)
        count = int(self.line(r"(\d+) went on").group(1))
        assert self.process.wait(peers.PATIENCE) == 0
        return count


def table(text):
    """The rows of `info greenthreads`, by name."""
    rows = {}
    for row in text.splitlines():
        cells = re.split(r"\s{2,}", row.strip("* "))
        if cells[0].isdigit() and len(cells) >= 5:
            rows.setdefault(cells[2], []).append(cells)
    return rows


def number_of(name, text, which=0):
    return table(text)[name][which][0]


def check_table(text):
    rows = table(text)
    wanted = {"reader": ("parked", "read descriptor "), "holder": ("parked", "event "),
              "wanter": ("parked", "lock "), "elsewhere": ("parked", "sleep ")}
    for name, (state, wait) in wanted.items():
        assert len(rows[name]) == 1, text
        row = rows[name][0]
        assert row[3] == state and row[4].startswith(wait), text
    assert rows["wanter"][0][5].startswith("wants_lock at greenthreads.c:"), text
    assert len(rows["main"]) == 2 and "gone" not in rows, text
    assert rows["elsewhere"][0][1] != rows["reader"][0][1], text


def frames(text):
    return [match.group(1) for match in re.finditer(
        r"^#\d+ +(?:0x[0-9a-f]+ in )?(\S+) \(", text, re.M)]


def check_deep(text):
    """The reader's backtrace: down to its function, in this order."""
    names = frames(text)
    if names[0] == "switch_stacks":  # which a sanitizer's build does not inline
        names = names[1:]
    assert names[0].startswith("green__park") and "in ?? ()" not in text, text
    first = names.index("green_read")
    assert names[first:first + 6] == ["green_read"] + ["read_deep"] * 4 + [
        "reads"], text
    assert names[-1] == "green__context_switch", text
    assert "corrupt" not in text and "Backtrace stopped" not in text, text


def apply_all(command):
    return ["info greenthreads", "greenthread apply all " + command]


def part(text, name):
    """What `greenthread apply` printed for one."""
    return re.search(r"^Greenthread \d+ \(%s\).*?(?=\n\nGreenthread|\Z)" % name,
                     text, re.M | re.S).group()


# ---- A process --------------------------------------------------------------------

def case_a_process_on_every_hub():
    for hub in peers.hubs():
        process = Looked(hub=hub)
        text = gdb(process.name, apply_all("bt"))
        check_table(text)
        check_deep(part(text, "reader"))
        assert "sleeps_long" in frames(part(text, "elsewhere")), text
        assert "wants_lock" in frames(part(text, "wanter")), text
        assert process.go_on() == 3, hub


def case_one_greenthread_is_selected():
    process = Looked()
    number = number_of("reader", gdb(process.name, ["info greenthreads"]))
    text = gdb(process.name, ["greenthread " + number, "greenthread", "bt", "frame function reads",
                     "down", "info locals", "info greenthreads", "greenthread off",
                     "echo off\\n", "bt"])
    selected, off = text.split("off\n", 1)
    assert selected.count("Greenthread %s (reader)" % number) == 2, text
    begin = selected.index("\n#1", selected.index("\n#1") + 1)
    check_deep(selected[begin:selected.index("\n#", selected.index(
        " in green__context_sw"))])
    # A sanitizer's build keeps it in no register that lasts.
    assert re.search("marker = (3000|<optimized out>)\n", selected), text
    assert re.search(r"^\* %s .*reader" % number, selected, re.M), text
    assert "read_deep" not in off, text
    assert process.go_on() == 3


def case_registers_and_memory_are_not_written():
    """With a greenthread selected, gdb lets the process go on as it was."""
    process = Looked()
    number = number_of("holder", gdb(process.name, ["info greenthreads"]))
    text = gdb(process.name, ["info registers rip rsp" if os.uname().machine == "x86_64"
                     else "info registers pc sp", "greenthread " + number, "bt",
                     "greenthread off", "frame 0", "detach"])
    assert "holds_lock" in frames(text), text
    assert process.go_on() == 3


def case_one_that_spins_is_the_running_one():
    process = Looked("spin")
    text = gdb(process.name, apply_all("bt"))
    row = table(text)["spinner"][0]
    assert row[3] == "running", text
    assert frames(part(text, "spinner"))[0] == "spins", text
    check_deep(part(text, "reader"))
    assert process.go_on() == 4


def case_continuing_ends_the_selection():
    text = gdb([PROGRAM], [
        "set breakpoint pending on", "break green_event_send", "run </dev/zero",
        "greenthread 1", "tbreak end", "greenthread", "continue", "greenthread",
        "kill"])
    assert "No greenthread is selected." in text, text


def case_an_os_thread_that_is_in_main():
    """gdb ends a backtrace at main, and inlined functions are frames of their own."""
    text = gdb([PROGRAM], ["break wait_for_input", "run </dev/zero",
                           *apply_all("bt"), "greenthread 1", "greenthread off", "bt",
                           "show backtrace past-main", "kill"])
    check_deep(part(text, "reader"))
    assert "past \"main\" is off" in text, text


def case_structs_are_printed():
    process = Looked()
    text = gdb(process.name, [
        "print lock", "print go",
        "print *lock.internal.waiters.first->waiter.thread"])
    assert "held = true" in text and "waiters = 1: wanter}" in text, text
    assert "sent = false" in text and "waiters = 1: holder}" in text, text
    assert re.search(r"greenthread \d+ \(wanter\): parked lock", text), text
    assert "internal" not in text and "reserved" not in text, text
    assert process.go_on() == 3


def case_mistakes_are_answered_in_words():
    process = Looked()
    text = gdb(process.name, [
        "greenthread 99", "greenthread x", "greenthread apply 1", "greenthread apply",
        "greenthread"])
    for words in ("there is no such greenthread", "Which greenthread?",
                  "greenthread apply all|N... COMMAND", "No greenthread is selected"):
        assert words in text, text
    assert process.go_on() == 3


def case_twenty_thousand():
    if os.environ.get("GREENHUB_CHECKER"):
        raise peers.Skip("the checker takes too long to end so many")
    process = Looked("many")
    text = gdb(process.name, ["info greenthreads"])
    assert text.count(" event since ") == 20001, text[-2000:]
    process.go_on()


# ---- A core file ------------------------------------------------------------------

def core_of(folder, program=PROGRAM, environment=None, number=signal.SIGABRT):
    with open("/proc/sys/kernel/core_pattern") as file:
        pattern = file.read().strip()
    if pattern.startswith(("|", "/")):
        raise peers.Skip("core files go elsewhere: " + pattern)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if hard != resource.RLIM_INFINITY:
        raise peers.Skip("core files are limited to %d bytes" % hard)
    process = Program([program, "crash"], cwd=folder, env=environment,
                      preexec_fn=lambda: resource.setrlimit(
                          resource.RLIMIT_CORE, (hard, hard)))
    assert process.process.wait(peers.PATIENCE) == -number
    cores = [name for name in os.listdir(folder) if name.startswith("core")]
    assert len(cores) == 1, os.listdir(folder)
    return os.path.join(folder, cores[0])


def case_a_core_file():
    if os.environ.get("GREENHUB_CHECKER"):
        raise peers.Skip("the checker's memory is too large for a core file")
    with tempfile.TemporaryDirectory() as folder:
        text = gdb([PROGRAM, core_of(folder)], apply_all("bt"))
        check_table(text)
        check_deep(part(text, "reader"))
        assert any(name.endswith("abort") for name in frames(text)), text


def case_gcore_leaves_stacks_out_and_the_script_says_so():
    """gdb 13 reads memory in pieces of 1 MiB, and leaves a piece out if a page of it
    is a guard."""
    if os.environ.get("GREENHUB_CHECKER"):
        raise peers.Skip("the checker's memory is too large for a core file")
    with tempfile.TemporaryDirectory() as folder:
        process = Looked()
        text = gdb(process.name, ["gcore %s/core" % folder])
        whole = "Memory read failed for corefile section" not in text
        assert process.go_on() == 3
        text = gdb([PROGRAM, folder + "/core"], apply_all("bt"))
        if whole or "event since" in text:
            check_table(text)
            check_deep(part(text, "reader"))
        else:
            assert "not in this core file" in text, text


# ---- Without symbols --------------------------------------------------------------

def stripped(folder, keep):
    """Copies of the program and the library without symbols; with keep, the symbols
    are in files of their own."""
    for path in (PROGRAM, LIBRARY):
        copy = os.path.join(folder, os.path.basename(path))
        shutil.copy(os.path.realpath(path), copy)
        os.chmod(copy, 0o755)
        assert run([tool("objcopy"), "--only-keep-debug", copy, copy + ".debug"])[0] == 0
        assert run([tool("strip"), copy])[0] == 0
        if keep:
            assert run([tool("objcopy"), "--add-gnu-debuglink=" + copy + ".debug",
                        copy])[0] == 0
    return os.path.join(folder, "greenthreads")


def case_a_stripped_program_with_separate_symbols():
    with tempfile.TemporaryDirectory() as folder:
        program = stripped(folder, True)
        process = Looked(program=program, environment={"LD_LIBRARY_PATH": folder})
        with open("/proc/%d/maps" % process.process.pid) as maps:
            assert folder + "/libgreenhub.so.0" in maps.read()
        text = gdb(process.name, apply_all("bt"))
        check_table(text)
        check_deep(part(text, "reader"))
        assert process.go_on() == 3


def case_without_any_symbols_it_says_what_is_missing():
    with tempfile.TemporaryDirectory() as folder:
        program = stripped(folder, False)
        process = Looked(program=program, environment={"LD_LIBRARY_PATH": folder})
        text = gdb(process.name, ["info greenthreads"])
        assert "no debug information of libgreenhub" in text, text
        assert process.go_on() == 3


# ---- How gdb finds it -------------------------------------------------------------

def installed_as():
    """Where the build installs the library and the script."""
    status, out, err = run([tool("meson"), "introspect", "--installed", peers.BUILD])
    assert status == 0, err
    places = json.loads(out)
    library = [place for place in places.values()
               if re.search(r"/libgreenhub\.so\.\d+\.\d+\.\d+$", place)]
    return library[0], places[SCRIPT]


def case_gdb_loads_it_with_the_library():
    library, script = installed_as()
    at = script.index("/gdb/auto-load/") + len("/gdb/auto-load")
    assert script[at:] == library + "-gdb.py", (library, script)
    with tempfile.TemporaryDirectory() as folder:
        real = os.path.realpath(LIBRARY)
        copy = folder + "/auto-load" + real + "-gdb.py"
        os.makedirs(os.path.dirname(copy))
        shutil.copy(SCRIPT, copy)
        process = Looked()
        text = gdb(["-iex", "add-auto-load-scripts-directory %s/auto-load" % folder,
                    "-iex", "add-auto-load-safe-path " + folder,
                    *process.name],
                   ["info greenthreads"], script=None)
        check_table(text)
        assert process.go_on() == 3


if __name__ == "__main__":
    peers.main(globals())
