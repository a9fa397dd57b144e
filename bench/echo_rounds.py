"""One round of the echo benchmark: a server on one core, the load on another,
and the CPU time that the server took for each request."""

import os
import resource
import selectors
import signal
import subprocess
import time

# How long a server may take to come up, and the load to get through a phase.
PATIENCE = 60
MESSAGE = 64


class Failed(Exception):
    """A round that gave no figure, with the reason in words."""


class Unavailable(Failed):
    """The server says that its hub cannot be used on this system."""


# echo_greenhub's exit status for a hub that cannot be used here.
STATUS_UNAVAILABLE = 3


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
    """Ends a program that start started, whatever it is doing."""
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
    """Why a program that was to say something has ended or kept silent."""
    try:
        status = process.wait(2)
    except subprocess.TimeoutExpired:
        return f'{name} said nothing for {PATIENCE} s'
    words = process.stderr.read().decode(errors='replace').strip()
    if status < 0:
        words = f'{signal.Signals(-status).name} {words}'.strip()
    return f'{name} ended with status {status}: {words or "no reason given"}'


def read_line(process, name):
    """The next line that a program prints, as words. The programs print a line
    at a time and wait, so nothing is left in a buffer of ours."""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        ready = selector.select(PATIENCE)
    line = process.stdout.readline().decode().split() if ready else []
    if not line:
        reason = describe_end(process, name)
        if process.returncode == STATUS_UNAVAILABLE:
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


def cpu_time(pid):
    """CPU time of all threads of a process, in ns, user and system together.
    /proc/PID/schedstat is exact to the ns for a thread that is not running;
    where the kernel lacks it, utime + stime are, in ticks of 10 ms."""
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
    """How often the server's threads went to sleep for want of work."""
    total = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{task}/status', encoding='ascii') as file:
            for line in file:
                if line.startswith('voluntary_ctxt_switches:'):
                    total += int(line.split()[1])
    return total


def settle(pid):
    """Waits until the server sleeps: its CPU time stands still for 5 ms."""
    before = cpu_time(pid)
    for _ in range(200):
        time.sleep(0.005)
        now = cpu_time(pid)
        if now == before:
            return now
        before = now
    raise Failed('the server does not come to rest without requests')


def explained(error, pairs):
    """A failure, with how the servers ended that did."""
    time.sleep(0.3)  # one that is crashing needs a moment to be gone
    ends = [describe_end(pair.server, 'the server') for pair in pairs
            if pair.server.poll() is not None]
    if isinstance(error, Unavailable) or not ends:
        return error
    return Failed('; '.join([str(error), *ends]))


class Pair:
    """A server under load: the server on one core, its load on the other."""

    def __init__(self, command, load, connections, seconds):
        self.client = None
        server_core, load_core = cores()
        self.server = start(command, server_core)
        try:
            port = expect(self.server, 'the server', 'listening')[0]
            self.client = start([load, port, str(connections), f'{seconds}s',
                                 str(MESSAGE)], load_core)
            expect(self.client, 'the load', 'start')
        except Failed as error:
            reason = explained(error, [self])
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
        """Loads the server for a slice of time. Returns its CPU time per
        request in ns."""
        before, slept = settle(self.server.pid), sleeps(self.server.pid)
        self.tell()
        requests = int(expect(self.client, 'the load', 'stop')[0])
        spent = settle(self.server.pid) - before
        self.requests += requests
        self.slept += sleeps(self.server.pid) - slept
        return spent / requests

    def warm_up(self):
        self.tell()
        expect(self.client, 'the load', 'start')

    def check(self):
        """Has the load end, which says whether all echoes were right."""
        self.client.stdin.close()
        expect(self.client, 'the load', 'correct')
        if self.client.wait(PATIENCE) != 0:
            raise Failed(describe_end(self.client, 'the load'))
        if self.server.poll() is not None:
            raise Failed(describe_end(self.server, 'the server'))

    def close(self):
        if self.client:
            end(self.client)
        end(self.server)


def slices(floor, subject, count):
    """Loads two pairs by turns, and returns the CPU times per request of each.
    The order changes from slice to slice, so that neither is always second."""
    times = ([], [])
    for number in range(count):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        for which in order:
            pair = (floor, subject)[which]
            times[which].append(pair.slice())
            pair.warm_up()
    return times


def start_both(commands, floor_first, *load):
    """Starts two servers with their load. The one that comes second finds the
    kernel's memory in another state; with thousands of sockets that alone is
    worth a few percent, so who asks has it done both ways."""
    pairs = [None, None]
    try:
        for which in (0, 1) if floor_first else (1, 0):
            pairs[which] = Pair(commands[which], *load)
    except BaseException:
        close_all(pairs)
        raise
    return pairs


def close_all(pairs):
    for pair in pairs:
        if pair:
            pair.close()


def half_round(commands, floor_first, count, *load):
    """Starts the servers of two command lines, the floor's and the subject's,
    loads them by turns for `count` slices, checks all their bytes and ends
    them. load is the load's program, connections and seconds a slice. Returns
    the CPU times per request, a list for each, and the sleeps per request of
    each. Raises Failed."""
    pairs = []
    try:
        pairs = start_both(commands, floor_first, *load)
        times = slices(*pairs, count)
        for pair in pairs:
            pair.check()
        return times, [pair.slept / pair.requests for pair in pairs]
    except Failed as error:
        raise explained(error, pairs) from error
    except (OSError, ValueError, ZeroDivisionError,
            subprocess.TimeoutExpired) as error:
        raise Failed(f'{type(error).__name__}: {error}') from error
    finally:
        close_all(pairs)
