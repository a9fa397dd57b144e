"""Eleven faults of Eventlet's own hubs, which ours must not have.

Each is one program, which must show the fault on a hub of Eventlet, and must not show
it on any of ours. So a test also fails when Eventlet has fixed a fault.
"""

import pytest

CLOSED_BY_ANOTHER = """
    from eventlet.green import socket
    ours, theirs = socket.socketpair()
    def read():
        try:
            return ours.recv(1)
        except OSError as e:
            return errno.errorcode[e.errno]
    reader = eventlet.spawn(read)
    eventlet.sleep(0)
    ours.close()
    with eventlet.Timeout(3, False):
        print(reader.wait())
        sys.exit()
    print("never woken")
    """


def test_1_reader_whose_descriptor_is_closed(run):
    assert run(CLOSED_BY_ANOTHER) == "EBADF\n"


def test_1_on_eventlet(run_on):
    assert run_on("epolls", CLOSED_BY_ANOTHER) == "never woken\n"
    assert run_on("poll", CLOSED_BY_ANOTHER) == "EBADF\n"


NUMBER_REUSED = """
    from eventlet import patcher, greenio
    socket = patcher.original("socket")
    def green_pair():
        a, b = socket.socketpair()
        return greenio.GreenSocket(a), greenio.GreenSocket(b)
    first, peer = green_pair()
    number = first.fileno()
    old = eventlet.spawn(first.recv, 1)
    eventlet.sleep(0)
    first.close()
    second, other = green_pair()
    assert second.fileno() == number
    other.send(b"x")
    second.settimeout(20)
    try:
        second.recv(1)
        second_read = eventlet.spawn(second.recv, 1)
        eventlet.sleep(0)
        other.send(b"y")
        print(second_read.wait())
    except RuntimeError as e:
        print(str(e)[:24])
    try:
        print("old reader:", old.wait())
    except (OSError, EOFError) as e:
        print("old reader: %s" % type(e).__name__)
    """


def test_1_number_reused(run):
    out = run(NUMBER_REUSED).split("\n")
    assert out[0] == "b'y'"
    assert out[1] in ("old reader: EOFError", "old reader: OSError")


def test_1_number_reused_on_eventlet(run_on):
    program = NUMBER_REUSED.split("    try:\n        print(\"old")[0]
    assert run_on("epolls", program) == "Second simultaneous read\n"


SHARED_BY_FORK = """
    from eventlet.green import socket
    hub = hubs.get_hub()
    watched = socket.socketpair()
    eventlet.spawn_n(watched[0].recv, 1)
    eventlet.sleep(0)
    done, finish = os.pipe()
    ready, say_ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(finish)
        pair = socket.socketpair()
        pair[1].send(b"x")
        hub.add(hub.READ, pair[0].fileno(), lambda fd: None, None, None)
        hub.wait(0)
        os.write(say_ready, b"x")
        os.read(done, 1)
        os._exit(0)
    os.read(ready, 1)
    calls, wait = [0], hub.wait
    def counted(seconds=None):
        calls[0] += 1
        return wait(seconds)
    hub.wait = counted
    eventlet.sleep(0.3)
    os.close(finish)
    assert os.waitpid(child, 0)[1] == 0
    print("spins" if calls[0] > 100 else "sleeps")
    """


def test_2_parent_does_not_spin_after_fork(run):
    assert run(SHARED_BY_FORK) == "sleeps\n"


def test_2_on_eventlet(run_on):
    assert run_on("epolls", SHARED_BY_FORK) == "spins\n"


THREADS_THAT_END = """
    from eventlet import patcher
    threading = patcher.original("threading")
    def descriptors():
        return len(os.listdir("/proc/self/fd"))
    def work():
        from eventlet.green import socket
        a, b = socket.socketpair()
        reader = eventlet.spawn(a.recv, 1)
        eventlet.sleep(0)
        b.send(b"x")
        assert reader.wait() == b"x"
        a.close()
        b.close()
    def one():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    eventlet.sleep(0)
    before = descriptors()
    for _ in range(50):
        one()
    end = time.monotonic() + LIMIT
    while descriptors() > before and time.monotonic() < end:
        time.sleep(0.01)
    print(descriptors() - before)
    """


def test_3_ended_threads_leave_no_descriptor(run):
    # join() returns a moment before the OS thread has ended.
    assert run(THREADS_THAT_END.replace("LIMIT", "20")) == "0\n"


def test_3_on_eventlet(run_on):
    assert int(run_on("epolls", THREADS_THAT_END.replace("LIMIT", "0.2"))) >= 45


ROUND_TRIPS = """
    from eventlet.green import socket
    a, b = socket.socketpair()
    def echo():
        while True:
            data = b.recv(64)
            if not data:
                return
            b.sendall(data)
    echoer = eventlet.spawn(echo)
    for _ in range(1000):
        a.sendall(b"x" * 64)
        assert a.recv(64) == b"x" * 64
    a.close()
    echoer.wait()
    """


def test_4_a_round_trip_registers_nothing(count_calls):
    assert count_calls("greenhub.epolls", ROUND_TRIPS, "epoll_ctl") < 50


def test_4_on_eventlet(count_calls):
    assert count_calls("epolls", ROUND_TRIPS, "epoll_ctl") >= 4000


SHORT_SLEEP = """
    from eventlet.green import socket
    hub = hubs.get_hub()
    a, b = socket.socketpair()
    eventlet.spawn_n(a.recv, 1)
    eventlet.sleep(0)
    calls, wait = [0], hub.wait
    def counted(seconds=None):
        calls[0] += 1
        return wait(seconds)
    hub.wait = counted
    most = 0
    for _ in range(TIMES):
        calls[0] = 0
        eventlet.sleep(0.0204)
        most = max(most, calls[0])
        if most > 20:
            break
    print(most)
    """


def test_5_fractions_of_a_millisecond_do_not_spin(run):
    assert int(run(SHORT_SLEEP.replace("TIMES", "5"))) <= 5


def test_5_on_eventlet(run_on):
    # A busy machine may wake the hub so late that it does not spin.
    assert int(run_on("poll", SHORT_SLEEP.replace("TIMES", "500"))) > 20


SIGNAL = """
    from eventlet import event
    from eventlet.green import socket
    hub = hubs.get_hub()
    hub.default_sleep = lambda: 4.0
    a, b = socket.socketpair()
    eventlet.spawn_n(a.recv, 1)
    happened = event.Event()
    signal.signal(signal.SIGALRM, lambda number, frame: happened.send("sent"))
    start = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    assert happened.wait() == "sent"
    print("late" if time.monotonic() - start >= 3.9 else "at once")
    """


def test_6_a_signal_wakes_the_hub(run):
    assert run(SIGNAL) == "at once\n"


def test_6_on_eventlet(run_on):
    assert run_on("epolls", SIGNAL) == "late\n"


REMOVED_IN_THIS_ITERATION = """
    from eventlet.green import select, socket
    a, b = socket.socketpair()
    b.send(b"x")
    for _ in range(10):
        assert select.select([a], [a], [])[:2] != ([], [])
        start = time.monotonic()
        eventlet.sleep(0.05)
        if time.monotonic() - start < 0.05:
            print("woken by a removed listener")
            break
    else:
        print("slept")
    """


def test_7_removed_listeners_are_not_called(run):
    assert run(REMOVED_IN_THIS_ITERATION) == "slept\n"


@pytest.mark.parametrize("name", ["epolls", "poll"])
def test_7_on_eventlet(run_on, name):
    assert run_on(name, REMOVED_IN_THIS_ITERATION).startswith("woken by")


CANNOT_BE_WATCHED = """
    import fcntl, tempfile
    hub = hubs.get_hub()
    called = []
    def add(fd):
        try:
            return hub.add(hub.READ, fd, called.append, None, None)
        except OSError as e:
            print(errno.errorcode[e.errno], end=" ")
    with tempfile.TemporaryFile() as file:
        listener = add(file.fileno())
        if listener:
            eventlet.sleep(0)
            eventlet.sleep(0)
            print("always ready" if called else "?", end=" ")
            hub.remove(listener)
        print("left:", len(hub.get_readers()))
    closed = fcntl.fcntl(0, fcntl.F_DUPFD, 900)
    os.close(closed)
    if add(closed):
        eventlet.sleep(0)
        eventlet.sleep(0)
    print("left:", len(hub.get_readers()))
    """


def test_8_a_failed_add_leaves_no_listener(run):
    file, closed = run(CANNOT_BE_WATCHED).splitlines()
    assert file == "always ready left: 0"
    assert closed in ("EBADF left: 0", "left: 0")


def test_8_on_eventlet(run_on):
    assert run_on("epolls", CANNOT_BE_WATCHED).splitlines() == \
        ["EPERM left: 1", "EBADF left: 2"]


HIGH_NUMBER = """
    import fcntl, resource
    from eventlet import greenio
    from eventlet.green import socket
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    a, b = socket.socketpair()
    high = fcntl.fcntl(a.fileno(), fcntl.F_DUPFD, 1500)
    try:
        eventlet.spawn_after(0.01, b.send, b"x")
        with eventlet.Timeout(20):
            hubs.trampoline(high, read=True)
        print(os.read(high, 1))
    except ValueError as e:
        print(e)
    """

NEGATIVE_NUMBER = """
    hub = hubs.get_hub()
    try:
        hub.add(hub.READ, -1, lambda fd: None, None, None)
    except ValueError as e:
        print("refused", len(hub.get_readers()))
    try:
        eventlet.sleep(0.01)
        print("goes on")
    except ValueError as e:
        print("dies:", e)
    """


def test_9_numbers_that_select_cannot_have(run):
    assert run(HIGH_NUMBER) == "b'x'\n"
    assert run(NEGATIVE_NUMBER) == "refused 0\ngoes on\n"


def test_9_on_eventlet(run_on):
    assert "out of range in select()" in run_on("selects", HIGH_NUMBER)
    assert run_on("selects", NEGATIVE_NUMBER).startswith("dies: ")


EQUAL_DEADLINES = """
    from eventlet.hubs import timer
    hub = hubs.get_hub()
    fired = []
    timers = [timer.Timer(0, None) for _ in range(100)]
    timers.sort(key=id, reverse=True)
    now = hub.clock()
    clock = hub.clock
    hub.clock = lambda: now
    for i, t in enumerate(timers):
        t.tpl = fired.append, (i,), {}
        hub.add_timer(t)
    hub.clock = clock
    eventlet.sleep(0.01)
    assert sorted(fired) == list(range(100))
    print("in order" if fired == sorted(fired) else "out of order")
    """


def test_10_equal_deadlines_fire_in_order(run):
    assert run(EQUAL_DEADLINES) == "in order\n"
    assert run(EQUAL_DEADLINES.replace("timer.Timer(0, None)",
                                       "hub_timer.Timer(0, None)")
               .replace("t.tpl = fired.append, (i,), {}",
                        "t = hub_timer.Timer(0, fired.append, i)")
               .replace("hub = hubs", "from greenhub import _hub as hub_timer"
                        "\n    hub = hubs")) == "in order\n"


def test_10_on_eventlet(run_on):
    assert run_on("epolls", EQUAL_DEADLINES) == "out of order\n"


GUARD_OF_ONE = """
    from eventlet.green import socket
    hub = hubs.get_hub()
    shared, guarded = socket.socketpair(), socket.socketpair()
    if hasattr(hub, "allow_multiple_readers"):
        hub.allow_multiple_readers(shared[0])
    else:
        debug.hub_prevent_multiple_readers(False)
    readers = [eventlet.spawn(shared[0].recv, 1) for _ in range(3)]
    eventlet.sleep(0)
    shared[1].send(b"abc")
    print(sorted(r.wait() for r in readers))
    eventlet.spawn_n(guarded[0].recv, 1)
    eventlet.sleep(0)
    second = eventlet.spawn(guarded[0].recv, 1)
    eventlet.sleep(0)
    debug.hub_exceptions(False)
    guarded[1].send(b"xy")
    try:
        second.wait()
        print("all are unguarded")
    except RuntimeError:
        print("the other is guarded")
    """


def test_11_guard_for_one_descriptor(run):
    assert run(GUARD_OF_ONE) == "[b'a', b'b', b'c']\nthe other is guarded\n"


def test_11_on_eventlet(run_on):
    assert run_on("epolls", GUARD_OF_ONE) == \
        "[b'a', b'b', b'c']\nall are unguarded\n"
