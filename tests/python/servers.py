"""Programs that run during a test: Eventlet services on one of our hubs, and real
servers from Debian's packages as their peers.
"""

import contextlib
import glob
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

import pytest

from conftest import BEGIN, LIMIT


def tool(name):
    """The path of a program; skips the test if it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(name + " is not installed")
    return path


def until(what, condition):
    """Polls until the condition is true; fails after LIMIT seconds."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("not within %d s: %s" % (LIMIT, what))


class Service:
    """A program in the background; a thread reads its output lines."""

    def __init__(self, argv, **more):
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
            **more)
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def expect(self, word):
        """Waits for a line that begins with this word; returns the rest of it."""
        def look():
            for line in list(self.lines):
                if line.startswith(word):
                    return line[len(word):].strip() or " "
            return self.process.poll() is not None and "ended"
        found = until("a line that begins with " + word, look)
        assert found != "ended", "the program has ended: " + self.output()
        return found.strip()

    def output(self):
        return "\n".join(self.lines)

    def ends(self, status=0):
        """Waits until the program has ended; returns its output."""
        got = self.process.wait(LIMIT)
        self.reader.join(LIMIT)
        assert got == status, "exit status %d\n%s" % (got, self.output())
        return self.output()

    def signal(self, number):
        os.kill(self.process.pid, number)

    def close(self):
        """Kills the program and the processes that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(LIMIT)
        self.reader.join(LIMIT)
        self.process.stdout.close()


@contextlib.contextmanager
def service(hub, program, *arguments, **more):
    """An Eventlet program on one of our hubs."""
    env = dict(os.environ, EVENTLET_HUB="greenhub." + hub)
    made = Service([sys.executable, "-u", "-W", "ignore", "-c",
                    BEGIN + textwrap.dedent(program), *arguments],
                   env=env, **more)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def other(*argv, **more):
    """Any other program."""
    made = Service(list(argv), **more)
    try:
        yield made
    finally:
        made.close()


def curl(*arguments):
    """What curl prints. Fails if the server answers with an error."""
    return subprocess.run(
        [tool("curl"), "--silent", "--show-error", "--max-time", str(LIMIT),
         "--noproxy", "*", *arguments],
        stdout=subprocess.PIPE, check=True, timeout=LIMIT + 5).stdout.decode()


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextlib.contextmanager
def folder():
    """A temporary folder that other users may enter."""
    path = tempfile.mkdtemp(prefix="greenhub-test-")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def certificate(path):
    """A self-signed certificate for localhost: its file and the key's."""
    cert, key = os.path.join(path, "cert.pem"), os.path.join(path, "key.pem")
    subprocess.run(
        [tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", cert],
        check=True, stderr=subprocess.DEVNULL, timeout=LIMIT)
    return cert, key


@contextlib.contextmanager
def redis():
    """Runs a Redis; yields the path of its socket. A path, since redis-server cannot
    choose a free port."""
    with folder() as path:
        where = os.path.join(path, "redis.sock")
        with other(tool("redis-server"), "--port", "0", "--unixsocket", where,
                   "--save", "", "--appendonly", "no", "--dir", path) as server:
            until("redis-server takes connections",
                  lambda: accepts(where) or server.process.poll() is not None)
            assert server.process.poll() is None, server.output()
            yield where


def accepts(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


def postgres_tool(name):
    """The newest PostgreSQL's program; Debian's are not in PATH."""
    found = glob.glob("/usr/lib/postgresql/*/bin/" + name)
    if not found:
        pytest.skip("postgresql is not installed")
    return max(found, key=lambda path: int(path.split("/")[4]))


def as_postgres():
    """Arguments of Popen for PostgreSQL, which refuses to run as root."""
    if os.getuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("there is no user postgres to run PostgreSQL as")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def postgres():
    """Runs a PostgreSQL; yields the folder of its socket."""
    who = as_postgres()
    with folder() as path:
        if who:
            os.chown(path, who["user"], who["group"])
        data = os.path.join(path, "data")
        subprocess.run(
            [postgres_tool("initdb"), "--no-sync", "--auth=trust",
             "--username=postgres", "-D", data],
            check=True, stdout=subprocess.DEVNULL, timeout=LIMIT, cwd=path,
            **who)
        with other(postgres_tool("postgres"), "-D", data, "-k", path,
                   "-c", "listen_addresses=", "-c", "fsync=off",
                   "-c", "max_connections=60", cwd=path, **who) as server:
            ready = [postgres_tool("pg_isready"), "-q", "-h", path]
            until("PostgreSQL takes connections", lambda:
                  subprocess.run(ready, timeout=LIMIT).returncode == 0 or
                  server.process.poll() is not None)
            assert server.process.poll() is None, server.output()
            yield path
            # Its processes leave the process group, so close() does not kill them.
            server.signal(signal.SIGQUIT)
            server.process.wait(LIMIT)
