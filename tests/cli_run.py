#!/usr/bin/env python3
"""What `greenhub run` finds, refuses, and does to the environment. The programs
that it runs are in patch_programs.py.
"""

import os
import signal
import tempfile

import peers
from patched import run_options
from peers import COMMAND, Skip, run, tool


def run_green(*words, **more):
    return run([COMMAND, "run"] + run_options(words), **more)


def altered(folder, name, change):
    """A copy of a small program; `change` gets its bytes, and alters them."""
    path = os.path.join(folder, name)
    with open(tool("true"), "rb") as file:
        data = bytearray(file.read())
    change(data)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o755)
    return path


def compiled(folder, name, text, *options):
    source, path = os.path.join(folder, name + ".c"), os.path.join(folder, name)
    with open(source, "w") as file:
        file.write(text)
    status, out, err = run([tool("cc"), "-w", "-o", path, source]
                           + list(options))
    if status != 0:
        raise Skip("it cannot be built here: " + err.splitlines()[-1])
    return path


def refused(path, *reasons):
    status, out, err = run_green(path)
    assert status == 126 and err.count("\n") == 1, (status, out, err)
    assert err.startswith("greenhub: "), err
    assert any(reason in err for reason in reasons), err


def for_another_processor(data):
    data[18] ^= 0xff  # e_machine


def of_another_class(data):
    data[4] ^= 3  # EI_CLASS


def case_run_says_what_it_does_not_find():
    for name in ("no-such-program", "./no-such-program", "/no/such/program",
                 "/etc/passwd/program", ""):
        status, out, err = run_green(name)
        assert status == 127 and err.count("\n") == 1, (name, status, err)


def case_run_refuses_what_is_no_program():
    with tempfile.TemporaryDirectory() as folder:
        refused(folder, "cannot be executed")
        path = altered(folder, "data", lambda data: data.__setitem__(0, 0))
        refused(path, "neither an ELF file nor a script")
        os.chmod(path, 0o644)
        refused(path, "cannot be executed")
        path = os.path.join(folder, "script")
        with open(path, "w") as file:
            file.write("#!" + path)  # for ever
        os.chmod(path, 0o755)
        refused(path, "neither an ELF file nor a script")


def case_run_refuses_another_processor():
    with tempfile.TemporaryDirectory() as folder:
        for name, change in (("machine", for_another_processor),
                             ("class", of_another_class)):
            refused(altered(folder, name, change), "for another processor")


def case_run_refuses_a_static_program():
    with tempfile.TemporaryDirectory() as folder:
        path = compiled(folder, "static", "int main() { return 0; }", "-static")
        refused(path, "statically")


def case_run_refuses_another_libc():
    with tempfile.TemporaryDirectory() as folder:
        path = compiled(folder, "other", "int main() { return 0; }",
                        "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1")
        refused(path, "another libc")


def case_run_refuses_go():
    """By the section alone, with which the Go compiler marks its programs."""
    with tempfile.TemporaryDirectory() as folder:
        for section in (".go.buildinfo", ".note.go.buildid"):
            path = compiled(folder, "go", """
                __attribute__((section("%s"))) int mark = 1;
                int main() { return 0; }""" % section)
            refused(path, "Go")


def case_run_refuses_more_rights():
    with tempfile.TemporaryDirectory() as folder:
        path = altered(folder, "true", lambda data: None)
        os.chmod(path, 0o6755)
        assert run_green(path)[0] == 0, "of its caller: it gives no rights"
        if os.getuid() != 0:
            raise Skip("only root can make a file of another user's")
        os.chown(path, 12345, os.getgid())
        os.chmod(path, 0o4755)
        refused(path, "more rights")
        os.chown(path, 0, 12345)
        os.chmod(path, 0o2755)
        refused(path, "more rights")


def case_run_refuses_a_hub_that_is_not_there():
    status, out, err = run_green("--hub", "no-such-hub", "true")
    assert status == 126 and "no-such-hub" in err, (status, err)


def case_run_refuses_a_report_that_cannot_be_written():
    status, out, err = run_green("--report", "/no/such/folder/report", "true")
    assert status == 126 and "/no/such/folder/report" in err, (status, err)


def case_run_has_the_programs_status_and_streams():
    for status in (0, 1, 2, 77, 126, 127):
        done = run_green("sh", "-c", "exit %d" % status)
        assert done == (status, "", ""), done
    assert run_green("sh", "-c", "kill -TERM $$")[0] == -signal.SIGTERM
    assert run_green("cat", text="through\n") == (0, "through\n", "")
    # After the program's name, options are the program's.
    assert run_green("echo", "--help", "--hub")[1] == "--help --hub\n"


def case_run_executes_scripts():
    with tempfile.TemporaryDirectory() as folder:
        for line in ("#!/bin/sh", "#! /bin/sh -u ", "#!/usr/bin/env sh"):
            path = os.path.join(folder, "script")
            with open(path, "w") as file:
                file.write(line + "\nprintf '<%s>' \"$0\" \"$@\"\n"
                           "grep -q libgreenhub-patch /proc/$$/maps && echo ok")
            os.chmod(path, 0o755)
            status, out, err = run_green(path, "a b", "c")
            assert out == "<%s><a b><c>ok\n" % path, (line, out, err)
            status, out, err = run_green("script", "a b", env={
                "PATH": folder + ":" + os.environ["PATH"]})
            assert out == "<%s><a b>ok\n" % path, (line, out, err)


def greenhub_variables(text):
    return sorted(line for line in text.splitlines()
                  if line.startswith(("GREENHUB_PATCH", "LD_PRELOAD")))


def case_run_deals_threads():
    """--threads N reaches the program; what it cannot have is said."""
    out = run_green("--children", "--threads", "3", "sh", "-c", "env")[1]
    assert "GREENHUB_PATCH_THREADS=3" in out, out
    assert "GREENHUB_PATCH_THREADS" not in run_green(
        "--threads", "3", "sh", "-c", "env")[1]
    for wrong in ("0", "65", "-1", "two", "1x", ""):
        status, out, err = run_green("--threads", wrong, "true")
        assert status == 2 and "from 1 to 64" in err, (wrong, status, err)
    status, out, err = run_green("--threads", "2", "--tls", "shared", "true")
    assert status == 2 and "--tls own" in err, (status, err)
    assert run_green("--threads", "1", "--tls", "shared", "true")[0] == 0


def case_run_hides_from_children():
    """But not from those of a program that asks for it."""
    out = run_green("sh", "-c", "env")[1]
    assert greenhub_variables(out) == [], out
    # What is preloaded anyway stays so.
    libc = run([tool("ldd"), tool("true")])[1].split("libc.so.6 => ")[1].split()
    out = run_green("sh", "-c", "env", env={"LD_PRELOAD": libc[0]})[1]
    assert greenhub_variables(out) == ["LD_PRELOAD=" + libc[0]], out
    out = run_green("--children", "--tls", "shared", "--stack", "64K", "sh",
                    "-c", "env; grep -q libgreenhub-patch /proc/self/maps &&"
                    " echo patched")[1]
    assert "patched" in out, out
    names = [line.split("=")[0] for line in greenhub_variables(out)]
    assert names == ["GREENHUB_PATCH", "GREENHUB_PATCH_CHILDREN",
                     "GREENHUB_PATCH_STACK", "GREENHUB_PATCH_TLS",
                     "LD_PRELOAD"], out
    assert "GREENHUB_PATCH_STACK=65536" in out, out


if __name__ == "__main__":
    peers.main(globals())
