#!/usr/bin/env python3
"""As gdb.py, for a program of another architecture, which the emulator shows to gdb."""

import os
import tempfile

import gdb
import peers
from peers import Program, tool, until

EMULATOR = os.environ.get("GREENHUB_EMULATOR", "").split()


def case_a_program_of_another_architecture():
    if not EMULATOR:
        raise peers.Skip("no emulator is named")
    debugger = tool("gdb-multiarch")
    with tempfile.TemporaryDirectory() as folder:
        door = folder + "/gdb"
        Program([EMULATOR[0], "-g", door, *EMULATOR[1:], gdb.PROGRAM])
        until("the emulator listens", lambda: os.path.exists(door))
        text = gdb.gdb(
            ["-iex", "set sysroot " + EMULATOR[EMULATOR.index("-L") + 1],
             "-iex", "set solib-search-path " + os.path.dirname(gdb.LIBRARY),
             gdb.PROGRAM],
            ["target remote " + door, "break wait_for_input", "continue",
             *gdb.apply_all("bt"), "kill"],
            debugger=debugger)
        gdb.check_table(text)
        gdb.check_deep(gdb.part(text, "reader"))
        assert "sleeps_long" in gdb.frames(gdb.part(text, "elsewhere")), text


if __name__ == "__main__":
    peers.main(globals())
