#!/usr/bin/env python3
"""Runs the examples of child processes, signals and services against real peers."""

import os
import signal
import socket
import tempfile
import threading

import peers
from peers import Program, connect, example, run, tool

HERE = "tcp://127.0.0.1:0"
SERVERS = ("channel_chat", "chat_server", "echo_server", "event_loop",
           "feed_scraper", "port_forwarder")


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def case_job_pool_runs_shell_jobs_with_limits():
    jobs = ("echo hello; exit 3\nsleep 1000 & sleep 1000\nkill -TERM $$\nexec yes\n"
            "no-such-command-here\nsleep 0.1; echo to stderr >&2\n"
            + "echo ok\n" * 100)
    for hub in peers.hubs():
        status, out, err = run([example("job_pool"), "8", "0.5"], text=jobs,
                               env={"GREENHUB_HUB": hub})
        out = [line for line in out.splitlines() if line != "y"]
        assert (status, err) == (0, ""), (hub, status, err)
        for line in ("echo hello; exit 3: status 0x300", "hello",
                     "sleep 1000 & sleep 1000: Connection timed out",
                     "kill -TERM $$: status 0xf", "exec yes: Message too long",
                     "no-such-command-here: status 0x7f00",
                     "sleep 0.1; echo to stderr >&2: status 0", "to stderr"):
            assert line in out, (hub, line, out)
        assert out.count("echo ok: status 0") == out.count("ok") == 100, out


def case_job_pool_runs_so_many_at_a_time():
    with tempfile.TemporaryDirectory() as folder:
        job = "touch %s/$$; ls %s | wc -l; sleep 0.05; rm %s/$$\n" % ((folder,) * 3)
        status, out, err = run([example("job_pool"), "3"], text=job * 12)
        running = [int(line) for line in out.splitlines() if line.isdigit()]
        assert (status, len(running)) == (0, 12), (status, out, err)
        assert max(running) == 3, running


def session_of(program):
    """The processes of the session that a program leads, but the program itself."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as file:
                session = int(file.read().rsplit(")", 1)[1].split()[3])
        except OSError:  # it has ended
            continue
        if session == program.process.pid and int(pid) != session:
            found.append(int(pid))
    return found


def case_ctrl_c_ends_a_job_pool_and_its_jobs():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "jobs")
        write(path, "trap '' INT TERM; sleep 1000 & sleep 1000\n" * 10)
        with open(path) as jobs:
            pool = Program(["sh", "-c", 'exec "$0" 4 < "$1"', example("job_pool"), path])
            peers.until("the jobs run", lambda: len(session_of(pool)) >= 12)
            assert pool.stop(signal.SIGINT) == 1, pool.err
            assert "Operation canceled" in "".join(pool.err), pool.err
            peers.until("no job is left", lambda: not session_of(pool))


def case_ctrl_c_ends_servers():
    for name in SERVERS:
        server = Program([example(name), HERE])
        address = server.listening()
        peer = connect(address)
        assert server.stop(signal.SIGINT) == -signal.SIGINT, name
        peer.close()


def greeting(address):
    """(process, text) of the service's answer."""
    with socket.create_connection(address, timeout=peers.PATIENCE) as peer:
        number, text = peer.makefile().read().split(" ", 1)
    return int(number), text.strip()


class Callers:
    """Greet a service all the time; none may be refused or reset."""

    def __init__(self, address, count):
        self.answers, self.failures, self.ended = [], [], False
        self.threads = [threading.Thread(target=self.call, args=(address,))
                        for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def call(self, address):
        while not self.ended:
            try:
                self.answers.append(greeting(address))
            except (OSError, ValueError) as error:
                self.failures.append(error)

    def end(self):
        self.ended = True
        for thread in self.threads:
            thread.join(peers.PATIENCE)
        assert not self.failures, (len(self.failures), self.failures[:3])


def start_service(folder, hub):
    """A service, its address and its file."""
    path = os.path.join(folder, "greeting.txt")
    write(path, "hello")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    service = Program([example("service"), path, "tcp://%s:%d" % address],
                      env={"GREENHUB_HUB": hub})
    peers.until("the service listens", lambda: can_connect(address))
    return service, address, path


def can_connect(address):
    try:
        return greeting(address)
    except OSError:
        return None


def is_gone(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def end_process(pid):
    os.kill(pid, signal.SIGTERM)
    peers.until("process %d has ended" % pid, lambda: is_gone(pid))


def case_service_is_reloaded_and_replaced_under_load():
    peers.needs_linux("an upgrade needs Linux")
    for hub in peers.hubs():
        with tempfile.TemporaryDirectory() as folder:
            service, address, path = start_service(folder, hub)
            pid = service.process.pid
            callers = Callers(address, 8)
            try:
                write(path, "good day")
                os.kill(pid, signal.SIGHUP)
                peers.until("it has read the file again",
                            lambda: (pid, "good day") in callers.answers)
                for _ in range(3):
                    os.kill(pid, signal.SIGUSR2)
                    peers.until("process %d has ended" % pid, lambda: is_gone(pid))
                    old, (pid, text) = pid, greeting(address)
                    assert pid != old and text == "good day", (old, pid, text)
                    answered = len(callers.answers)
                    peers.until("the callers have had 20 answers more", lambda: len(
                        callers.answers) >= answered + 20)
            finally:
                callers.end()
                end_process(pid)
            assert service.wait() == 0, service.err
            assert len({number for number, _ in callers.answers}) == 4
            peers.clean_up()


def case_service_goes_on_after_a_bad_upgrade():
    peers.needs_linux("an upgrade needs Linux")
    with tempfile.TemporaryDirectory() as folder:
        service, address, path = start_service(folder, "epolls")
        os.remove(path)  # the new process can't read it
        service.process.send_signal(signal.SIGUSR2)
        service.line("upgrade: No child processes", service.err)
        assert greeting(address) == (service.process.pid, "hello")
        service.process.send_signal(signal.SIGHUP)
        service.line("greeting.txt: No such file", service.err)
        assert greeting(address) == (service.process.pid, "hello")
        assert service.stop(signal.SIGTERM) == 0


def case_service_by_socket_activation():
    activate = tool("systemd-socket-activate")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "greeting.txt")
        write(path, "hello")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = free.getsockname()
        # It listens, and executes the service at the first connection.
        service = Program([activate, "-l", "%s:%d" % address, example("service"), path])
        service.line("Listening on", service.err)
        for _ in range(10):
            assert greeting(address) == (service.process.pid, "hello")
        assert service.stop(signal.SIGTERM) == 0, service.err


if __name__ == "__main__":
    peers.main(globals())
