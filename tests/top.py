#!/usr/bin/env python3
"""greenhub top, dump and stats, on a program that serves. The screen is tested in a
terminal of tmux."""

import glob
import json
import os
import re
import signal
import subprocess
import tempfile

import peers
from peers import COMMAND, Program, Skip, run, tool

NEEDS_LINUX = "the door for debuggers needs Linux"

HUB = os.environ.get("GREENHUB_HUB", "epolls")


class Served(Program):
    """The program, with its door in a folder of its own."""

    def __init__(self, *arguments, serve="serve", **more):
        self.folder = tempfile.TemporaryDirectory()
        super().__init__([os.path.join(peers.BUILD, "tests", "served"),
                          *map(str, arguments)],
                         env={"GREENHUB_HUB": HUB, "GREENHUB_DEBUG": serve,
                              "XDG_RUNTIME_DIR": self.folder.name}, **more)
        self.line("started")
        self.pid = str(self.process.pid)
        self.socket = "%s/greenhub-%s.sock" % (self.folder.name, self.pid)

    def end(self):
        self.stop(signal.SIGKILL)
        self.folder.cleanup()


def command(*arguments, status=0):
    found, out, err = run([COMMAND, *arguments], timeout=60)
    assert found == status, (arguments, found, out, err)
    return out if status == 0 else err


# ---- Text ---------------------------------------------------------------------


def case_once_by_process_and_by_socket():
    served = Served()
    for target in (served.pid, served.socket, "unix:" + served.socket):
        text = command("top", target, "--once", "--interval", "0.1")
        assert re.search(r"^process %s: 1 OS threads, 6 greenthreads" % served.pid,
                         text), text
        assert re.search(r"^ *3  waiter-\* +parked +event ", text, re.M), text
        assert re.search(r"^ *2  sleeper ", text, re.M), text
        assert re.search(r"^ *%s %s +6 " % (served.pid, HUB), text, re.M), text
        assert "\033" not in text
    served.end()


def case_json():
    served = Served()
    data = json.loads(command("top", served.pid, "--json", "--interval", "0.1"))
    assert set(data) == {"process", "threads", "groups", "pools", "servers"}, data
    assert data["process"][0]["pid"] == int(served.pid)
    thread, = data["threads"]
    assert thread["hub"] == HUB and thread["greenthreads"] == 6, thread
    assert 0 <= thread["waiting"] <= 1, thread
    for key in ("iterations", "events", "switches", "queue", "delay_median",
                "delay_99", "slowest", "timers", "stacks", "stack_bytes"):
        assert isinstance(thread[key], (int, float)), (key, thread)
    waiters, = [group for group in data["groups"] if group["name"] == "waiter-*"]
    assert waiters["count"] == 3 and waiters["wait"] == "event", waiters
    assert waiters["spawned_at"].startswith("start+") or \
        "served" in waiters["spawned_at"], waiters
    served.end()


def case_dump_and_one_backtrace():
    served = Served()
    text = command("dump", served.pid)
    assert text.count("waits_for_event+") == 3, text
    address = re.search(r"(0x[0-9a-f]+)  waiter-1 ", text).group(1)
    text = command("dump", served.pid, address)
    assert "waiter-1" in text and text.count("waits_for_event+") == 1, text
    assert "no such greenthread" in command("dump", served.pid, "0x10", status=1)
    served.end()


def case_static_functions_and_lines():
    if not glob.glob(os.path.join(peers.BUILD, "src", "*", "*debug_info_libdw.c.o")):
        raise Skip("the library was built without libdw")
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(peers.BUILD, "src")
        with open(folder + "/static.c", "w") as file:
            file.write("""#include <greenhub.h>
static struct green_event never;
__attribute__((noinline)) static void *hidden(void *arg)
{
    green_event_wait(&never, NULL);
    return arg;
}
int main(void)
{
    green_detach(green_spawn(hidden, NULL));
    green_sleep(0);
    return green_dump_all(1) < 0;
}
""")
        program = folder + "/static"
        status, _, err = run(
            [tool("cc"), "-g", program + ".c", "-o", program, "-I",
             os.path.join(peers.SOURCE, "include"), "-L", library, "-lgreenhub",
             "-Wl,-rpath," + library])
        assert status == 0, err
        status, out, err = run([program])
        assert status == 0, err
        assert re.search(r"^    hidden\+0x\w+ static\.c:5 \(static\)$", out, re.M), out
        assert re.search(r"spawned at main\+0x\w+ static\.c:10 ", out), out
        status, _, err = run([tool("strip"), program])
        assert status == 0, err
        status, out, err = run([program])
        assert status == 0, err
        assert "static(+0x" in out and "hidden" not in out, out


def case_the_caller_of_a_function_that_does_not_return():
    """The return address is behind the caller's last instruction, where the next
    function begins."""
    if os.environ.get("GREENHUB_CHECKER"):
        raise Skip("a program of its own would need the checker's compiler options")
    with tempfile.TemporaryDirectory() as folder:
        library = os.path.join(peers.BUILD, "src")
        with open(folder + "/noreturn.c", "w") as file:
            file.write("""#include <greenhub.h>
void *calls_it(void *arg);
void follows_it(void);
__attribute__((noreturn, noinline)) static void waits_for_ever(void)
{
    for (;;)
        green_sleep(GREEN_FOREVER);
}
__attribute__((aligned(1))) void *calls_it(void *arg)
{
    (void)arg;
    waits_for_ever();
}
__attribute__((aligned(1))) void follows_it(void)
{
}
int main(void)
{
    green_detach(green_spawn(calls_it, NULL));
    green_sleep(0);
    return green_dump_all(1) < 0;
}
""")
        program = folder + "/noreturn"
        status, _, err = run(
            [tool("cc"), "-g", "-O2", "-fno-toplevel-reorder", "-falign-functions=1",
             "-rdynamic", program + ".c", "-o", program, "-I",
             os.path.join(peers.SOURCE, "include"), "-L", library, "-lgreenhub",
             "-Wl,-rpath," + library])
        assert status == 0, err
        for _ in range(2):  # stripped, by the dynamic symbols
            status, out, err = run([program])
            assert status == 0, err
            assert re.search(r"^    calls_it\+0x", out, re.M), out
            assert "follows_it" not in out, out
            status, _, err = run([tool("strip"), program])
            assert status == 0, err


def case_stats():
    served = Served()
    assert "greenthreads\t6\n" in command("stats", served.pid)
    text = command("stats", served.pid, "--prometheus")
    names = re.findall(r"^# TYPE (\S+) (?:counter|gauge)$", text, re.M)
    assert len(names) == len(set(names)) > 10, names
    for line in text.splitlines():
        match = re.fullmatch(r"(\w+)\{\w+=\"[^\"]*\"(?:,\w+=\"[^\"]*\")*\} [0-9.]+",
                             line)
        assert line.startswith("# ") or match and match.group(1) in names, line
    assert re.search(r'^greenhub_greenthreads\{os_thread="%s",hub="%s"\} 6$' % (
        served.pid, HUB), text, re.M), text
    served.end()


def case_while_one_computes():
    served = Served(3, "spin")
    text = peers.until("the spinner runs", lambda: (
        lambda text: text if "spinner" in text else None)(
            command("top", served.pid, "--once", "--interval", "0.1")))
    assert re.search(r"^ *1  spinner +running ", text, re.M), text
    assert re.match(r"\S+  0x\w+  spinner +running",
                    command("dump", served.pid).splitlines()[1])
    served.end()


def case_many():
    served = Served(20000)
    text = command("dump", served.pid)
    assert len(re.findall(r"^\d+  0x\w+  waiter-\d+ ", text, re.M)) == 20000
    text = command("top", served.pid, "--once", "--interval", "0.1")
    assert re.search(r"^ *20000  waiter-\* ", text, re.M), text
    served.end()


def case_socat_is_a_client():
    socat = tool("socat")
    served = Served()
    status, out, err = run([socat, "-t20", "-", "UNIX:" + served.socket],
                           text="help\ntop 0.1\n")
    assert status == 0, err
    first, second, rest = out.split("\n\n")
    assert first.startswith("help ") and second.startswith("process\tpid="), out
    assert rest == "", out
    served.end()


# ---- The environment ------------------------------------------------------------


def case_a_path_in_the_environment():
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/the door"
        served = Served(serve="blocking=10s,serve=%s" % path)
        assert os.stat(path).st_mode & 0o777 == 0o600
        for target in (path, served.pid):
            assert "waiter-2" in command("dump", target)
        served.end()


def case_not_asked():
    served = Served(serve="1")
    assert not os.path.exists(served.socket)
    assert "does not serve" in command("top", served.pid, "--once", status=1)
    served.end()


def case_a_program_with_privileges_ignores_it():
    if os.geteuid() != 0:
        raise Skip("only root can make a program of another user")
    if os.environ.get("GREENHUB_CHECKER"):
        raise Skip("a checker cannot run a program with privileges")
    with tempfile.TemporaryDirectory() as folder:
        program = folder + "/served"
        library = os.path.join(peers.BUILD, "src")
        status, _, err = run(
            [tool("cc"), os.path.join(peers.SOURCE, "tests", "programs", "served.c"),
             "-o", program, "-I", os.path.join(peers.SOURCE, "include"), "-L", library,
             "-lgreenhub", "-Wl,-rpath," + library])
        assert status == 0, err
        path = folder + "/door"
        os.chmod(folder, 0o777)
        os.chown(program, 65534, -1)
        for mode, served in ((0o755, True), (0o4755, False)):
            os.chmod(program, mode)
            process = Program([program], env={"GREENHUB_HUB": HUB,
                                              "GREENHUB_DEBUG": "serve=" + path})
            process.line("started")
            with open("/proc/%d/status" % process.process.pid) as file:
                changed = re.search(r"^Uid:\t0\t65534\t", file.read(), re.M)
            if mode == 0o4755 and not changed:
                process.stop(signal.SIGKILL)
                raise Skip("the file system does not give privileges")
            assert os.path.exists(path) == served, mode
            process.stop(signal.SIGKILL)
            if served:
                os.unlink(path)


def case_errors():
    assert "cannot look at process" in command("top", "999999999", "--once", status=1)
    assert "cannot connect" in command("dump", "/tmp/no-such-socket", status=1)
    assert "needs a terminal" in command("top", "1", status=1)
    assert "usage" in command("top", status=2)
    assert "usage" in command("stats", status=2)
    assert "interval" in command("top", "1", "--interval", "0", status=2)
    for name in ("top", "dump", "stats"):
        assert command(name, "--help").startswith("usage: greenhub " + name)


# ---- The screen -----------------------------------------------------------------


class Terminal:
    """greenhub top in a terminal of tmux."""

    def __init__(self, *arguments, width=120, height=30, env=""):
        self.folder = tempfile.TemporaryDirectory()
        self.tmux = [tool("tmux"), "-S", self.folder.name + "/tmux", "-f", "/dev/null"]
        self.call("new-session", "-d", "-x", str(width), "-y", str(height),
                  "%s %s top %s; echo ended with $?; exec sleep 1000" % (
                      env, COMMAND, " ".join(arguments)))

    def call(self, *arguments):
        done = subprocess.run(self.tmux + list(arguments), capture_output=True,
                              text=True, timeout=peers.PATIENCE,
                              env=peers.environment({"LC_ALL": "C.UTF-8",
                                                     "TERM": "xterm"}))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def screen(self, *more):
        return self.call("capture-pane", "-p", *more)

    def shows(self, pattern, *more):
        def look():
            screen = self.screen(*more)
            return screen if re.search(pattern, screen, re.M) else None
        try:
            return peers.until("a screen with %r" % pattern, look)
        except AssertionError:
            raise AssertionError("no %r in\n%s" % (pattern, self.screen()))

    def keys(self, *keys):
        self.call("send-keys", *keys)

    def resize(self, width, height):
        self.call("resize-window", "-x", str(width), "-y", str(height))

    def end(self):
        self.call("kill-server")
        self.folder.cleanup()


def names(screen):
    return re.findall(r"^ *\d+  (\S+) +(?:parked|running|runnable) ", screen, re.M)


def case_the_screen_and_its_keys():
    served = Served()
    terminal = Terminal(served.pid, "--interval", "0.1")
    screen = terminal.shows(r"^ *3  waiter-\* +parked +event ")
    assert re.search(r"^process %s: " % served.pid, screen), screen
    assert re.search(r"^q end .*by number", screen, re.M), screen
    terminal.keys("s")
    terminal.shows(r"\(by time\)")
    terminal.keys("s")
    screen = terminal.shows(r"\(by name\)")
    assert names(screen) == sorted(names(screen)) and len(names(screen)) == 3, screen
    terminal.keys("/", "w", "a", "i", "t", "x")
    terminal.shows(r"^filter: waitx_")
    terminal.keys("BSpace", "Enter")
    screen = terminal.shows(r"^only wait$")
    assert names(screen) == ["waiter-*"], screen
    terminal.keys("Enter")
    screen = terminal.shows(r"waits_for_event\+")
    assert "waiter-" in screen and "NUMBER" not in screen, screen
    terminal.keys("x")
    terminal.shows(r"NUMBER")
    terminal.keys("Escape")
    terminal.shows(r"^ *2  sleeper ")
    terminal.keys("Down", "Down", "Enter")
    terminal.shows(r"^greenthread 0x")
    terminal.keys("q")
    screen = terminal.shows(r"^ended with 0")
    assert "NUMBER" not in screen, screen  # the former screen is back
    terminal.end()
    served.end()


def case_the_screen_follows_the_size():
    served = Served()
    terminal = Terminal(served.pid, "--interval", "0.1")
    terminal.shows(r"^ *3  waiter-\*.* start\+|^ *3  waiter-\*.*served")
    terminal.resize(40, 8)
    screen = terminal.shows(r"\A(?=.*^process)(?!.*SPAWNED)(?:.{0,40}\n){1,8}\Z|\A(?:.{0,40}\n){8}\Z")
    assert all(len(line) <= 40 for line in screen.splitlines()), screen
    terminal.keys("Down", "Down", "Down")  # what is chosen stays visible
    terminal.shows(r"^ *1  main")
    terminal.resize(150, 40)
    terminal.shows(r"^ *3  waiter-\*.* start\+|^ *3  waiter-\*.*served")
    terminal.resize(2, 2)
    terminal.resize(120, 30)
    terminal.shows(r"^ *3  waiter-\* +parked ")
    terminal.keys("C-c")
    terminal.shows(r"^ended with 0")
    terminal.end()
    served.end()


def case_colour():
    served = Served(3, "spin")
    terminal = Terminal(served.pid, "--interval", "0.2")
    terminal.shows(r"\033\[[0-9;]*31m", "-e")
    terminal.end()
    terminal = Terminal(served.pid, "--interval", "0.2", env="NO_COLOR=1")
    terminal.shows(r"SLOWEST")
    screen = terminal.shows(r"spinner", "-e")
    assert not re.search(r"\033\[[0-9;]*31m", screen), screen
    terminal.end()
    served.end()


def case_the_process_ends():
    served = Served()
    terminal = Terminal(served.pid, "--interval", "0.1")
    terminal.shows(r"waiter-\*")
    served.stop(signal.SIGKILL)
    terminal.shows(r"^greenhub: %s no longer answers" % served.pid)
    terminal.shows(r"^ended with 1")
    terminal.end()
    served.folder.cleanup()


if __name__ == "__main__":
    peers.main(globals())
