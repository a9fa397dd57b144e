"""One round of the echo benchmarks: servers on one core, their load on another,
and the CPU time per request of each server."""

import os
import resource
import selectors
import signal
import subprocess
import time

import memory

# The time limit for a server to start, and for each phase of the load, in seconds.
PATIENCE = 60


class Failed(Exception):
    """A round without a result; the text is the reason."""


class Unavailable(Failed):
    """A program reports that this system lacks what it measures."""


# The exit status with which the programs report that, and `greenhub run` that it
# refuses a program.
STATUSES_UNAVAILABLE = 3, 126


def cores():
    """The server's core and the load's; the same if there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[1 % len(usable)]


def start(command, core):
    """Starts a program on a core, its descriptor limit at the hard limit."""
    def prepare():
        os.sched_setaffinity(0, {core})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return subprocess.Popen(command, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            preexec_fn=prepare)


def end(process):
    """Ends a program that start() started, by force if needed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()


def describe_end(process, name):
    """Why a program printed nothing: its end, or its silence."""
    try:
        status = process.wait(2)
    except subprocess.TimeoutExpired:
        return f'{name} said nothing for {PATIENCE} s'
    words = process.stderr.read().decode(errors='replace').strip()
    if status < 0:
        words = f'{signal.Signals(-status).name} {words}'.strip()
    return f'{name} ended with status {status}: {words or "no reason given"}'


def read_line(process, name):
    """The words of the next line that a program prints. The programs print one line
    and wait, so no second line is lost in a buffer here."""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        ready = selector.select(PATIENCE)
    line = process.stdout.readline().decode().split() if ready else []
    if not line:
        reason = describe_end(process, name)
        if process.returncode in STATUSES_UNAVAILABLE:
            raise Unavailable(reason.split(': ', 1)[1])
        raise Failed(reason)
    if line[0] == 'failed':
        raise Failed(' '.join(line[1:]))
    return line


def expect(process, name, word):
    line = read_line(process, name)
    if line[0] != word:
        raise Failed(f'{name} said {line}, not {word}')
    return line[1:]


def port_of(words):
    """The port in `listening PORT` or in the command's `listening on ADDRESS, ...`."""
    return words[0] if words[0] != 'on' else words[1].strip(',').split(':')[-1]


def cpu_time(pid):
    """CPU time of all threads of a process, in ns, user and system together.
    /proc/PID/schedstat is exact to the ns for a thread that is not running;
    where the kernel lacks it, this uses utime + stime, in ticks of 10 ms."""
    total = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        folder = f'/proc/{pid}/task/{task}'
        try:
            with open(f'{folder}/schedstat', encoding='ascii') as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:
            with open(f'{folder}/stat', encoding='ascii') as file:
                fields = file.read().rsplit(')', 1)[1].split()
            ticks = int(fields[11]) + int(fields[12])
            total += ticks * 1000000000 // os.sysconf('SC_CLK_TCK')
    return total


def sleeps(pid):
    """How often the server's threads slept because they had no work."""
    total = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/status', encoding='ascii') as file:
            for line in file:
                if line.startswith('voluntary_ctxt_switches:'):
                    total += int(line.split()[1])
    return total


def settle(pid):
    """Waits until the server sleeps: its CPU time is unchanged for 5 ms."""
    before = cpu_time(pid)
    for _ in range(200):
        time.sleep(0.005)
        now = cpu_time(pid)
        if now == before:
            return now
        before = now
    raise Failed('the server uses CPU time without requests')


def explained(error, pair):
    """A failure; with the way the server ended, if it did."""
    time.sleep(0.3)  # a crashing server takes a moment to end
    if isinstance(error, Unavailable) or pair.server.poll() is None:
        return error
    return Failed(f"{error}; {describe_end(pair.server, 'the server')}")


class Pair:
    """A server under load: the server on one core, its load on the other.
    load is the load's command line, with PORT for the server's."""

    def __init__(self, command, load):
        self.client = None
        server_core, load_core = cores()
        self.server = start(command, server_core)
        try:
            port = port_of(expect(self.server, 'the server', 'listening'))
            before = memory.of(self.server.pid)
            self.client = start([port if word == 'PORT' else word
                                 for word in load], load_core)
            expect(self.client, 'the load', 'start')
            self.memory = memory.of(self.server.pid) - before
        except Failed as error:
            reason = explained(error, self)
            self.close()
            raise reason from error
        except BaseException:
            self.close()
            raise
        self.requests = self.slept = 0

    def tell(self):
        self.client.stdin.write(b'\n')
        self.client.stdin.flush()

    def slice(self):
        """Loads the server for a slice of time, and warms up for the next.
        Returns its CPU time per request in ns."""
        before, slept = settle(self.server.pid), sleeps(self.server.pid)
        self.tell()
        requests = int(expect(self.client, 'the load', 'stop')[0])
        spent = settle(self.server.pid) - before
        self.requests += requests
        self.slept += sleeps(self.server.pid) - slept
        self.tell()
        expect(self.client, 'the load', 'start')
        return spent / requests

    def check(self):
        """Ends the load, which reports whether all echoes were right. Returns
        how often the server slept per request."""
        self.client.stdin.close()
        expect(self.client, 'the load', 'correct')
        if self.client.wait(PATIENCE) != 0:
            raise Failed(describe_end(self.client, 'the load'))
        if self.server.poll() is not None:
            raise Failed(describe_end(self.server, 'the server'))
        return self.slept / self.requests

    def close(self):
        if self.client:
            end(self.client)
        end(self.server)


class HalfRound:
    """Some servers, all with their connections open, loaded alternately.

    times     {subject: CPU times per request, one for each slice}
    slept     {subject: sleeps per request}
    memory    {subject: bytes of all connections}
    failures  {subject: Failed}; a failure does not stop the others
    """

    def __init__(self, commands, load, count):
        """commands: {subject: command}, started in this order. The one
        started second finds the kernel's memory in another state; with thousands
        of sockets that alone makes a few percent, so callers measure both
        orders. The order within a slice changes from slice to slice, so that
        no server is always second."""
        self.pairs, self.times, self.slept, self.failures = {}, {}, {}, {}
        self.memory = {}
        try:
            for subject, command in commands.items():
                self.attempt(subject, self.begin, command, load)
            for number in range(count):
                subjects = list(self.pairs)
                for subject in subjects[::1 if number % 2 == 0 else -1]:
                    self.attempt(subject, self.slice)
            for subject in list(self.pairs):
                self.attempt(subject, self.check)
        finally:
            for pair in self.pairs.values():
                pair.close()

    def begin(self, subject, command, load):
        self.pairs[subject] = Pair(command, load)
        self.times[subject] = []
        self.memory[subject] = self.pairs[subject].memory

    def slice(self, subject):
        self.times[subject].append(self.pairs[subject].slice())

    def check(self, subject):
        self.slept[subject] = self.pairs[subject].check()

    def attempt(self, subject, step, *arguments):
        try:
            step(subject, *arguments)
            return
        except Failed as error:
            reason = error
        except (OSError, ValueError, ZeroDivisionError,
                subprocess.TimeoutExpired) as error:
            reason = Failed(f'{type(error).__name__}: {error}')
        pair = self.pairs.pop(subject, None)
        if pair:
            reason = explained(reason, pair)
            pair.close()
        self.failures[subject] = reason
