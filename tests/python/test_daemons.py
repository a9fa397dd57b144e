"""Daemons: programs that close all descriptors, and then open their own.

What they open has the numbers of what the hub had. The hub must neither close nor
read nor write it.
"""

# What a child of daemon() does with its files; it prints what is wrong with them.
BEGIN = """
    import tempfile
    from eventlet import patcher
    socket = patcher.original("socket")
    folder = tempfile.TemporaryDirectory()
    handled = []
    signal.signal(signal.SIGHUP, lambda number, frame: handled.append(number))

    def open_files():
        return [open(os.path.join(folder.name, str(i)), "wb", 0)
                for i in range(12)]

    def open_sockets():
        return [s for i in range(12) for s in socket.socketpair()]

    def identity(file):
        try:
            status = os.fstat(file.fileno())
            return status.st_dev, status.st_ino
        except OSError as e:
            return errno.errorcode[e.errno]

    def daemon(act):
        "Closes all in a child, which does act(); prints what that returns."
        eventlet.sleep(0)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(writing, 1)
            os.closerange(3, 4096)
            os.write(1, repr(act()).encode())
            os._exit(0)
        os.close(writing)
        print(os.read(reading, 1000).decode())
        assert os.waitpid(pid, 0) == (pid, 0)
    """


def test_sockets_of_a_daemon_stay_open(run):
    assert run(BEGIN + """
    def act():
        sockets = open_sockets()
        before = [identity(s) for s in sockets]
        eventlet.sleep(0.01)
        return [(b, identity(s)) for b, s in zip(before, sockets)
                if b != identity(s)]
    daemon(act)
    """) == "[]\n"


def test_signal_writes_nothing_into_files_of_a_daemon(run):
    """Before the child's first use of the hub, and after it."""
    assert run(BEGIN + """
    def act():
        files = open_files()
        os.kill(os.getpid(), signal.SIGHUP)
        eventlet.sleep(0.01)
        os.kill(os.getpid(), signal.SIGHUP)
        eventlet.sleep(0.01)
        return [os.fstat(f.fileno()).st_size for f in files], len(handled)
    daemon(act)
    """) == "(%r, 2)\n" % ([0] * 12)


def test_nothing_is_read_from_sockets_of_a_daemon(run):
    assert run(BEGIN + """
    def act():
        sockets = open_sockets()
        for s in sockets:
            s.send(b"DATA")
        os.kill(os.getpid(), signal.SIGHUP)
        eventlet.sleep(0.01)
        return {s.recv(100) for s in sockets}
    daemon(act)
    """) == "{b'DATA'}\n"


def test_daemon_is_woken_by_signals_and_descriptors(run):
    """It works as before, and so does its parent."""
    assert run(BEGIN + """
    def act():
        a, b = eventlet.green.socket.socketpair()
        reader = eventlet.spawn(a.recv, 1)
        signal.signal(signal.SIGALRM, lambda number, frame: b.send(b"x"))
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        return reader.wait()
    import eventlet.green.socket
    daemon(act)
    print(act())
    """) == "b'x'\nb'x'\n"


def test_daemon_that_a_thread_forks(run):
    """An OS thread's child has that thread as its main one."""
    assert run(BEGIN + """
    import eventlet.green.socket
    threading = patcher.original("threading")
    eventlet.sleep(0)

    def act():
        files = open_files()
        os.kill(os.getpid(), signal.SIGHUP)
        eventlet.sleep(0.01)
        return {os.fstat(f.fileno()).st_size for f in files}, len(handled)
    thread = threading.Thread(target=daemon, args=[act])
    thread.start()
    thread.join()
    """) == "({0}, 1)\n"


def test_daemon_sets_a_wakeup_descriptor_of_its_own(run):
    """The parent's is not in its way."""
    assert run(BEGIN + """
    def act():
        old = signal.set_wakeup_fd(-1)
        a, b = socket.socketpair()
        b.setblocking(False)
        signal.set_wakeup_fd(b.fileno())
        os.kill(os.getpid(), signal.SIGHUP)
        eventlet.sleep(0.01)
        return old, a.recv(1)[0] == signal.SIGHUP
    daemon(act)
    """) == "(-1, True)\n"


PYTHON_DAEMON = """
    import daemon, tempfile
    eventlet.monkey_patch()
    import socket, time
    folder = tempfile.TemporaryDirectory()
    handled = []

    def work():
        "What a service does first; returns what is wrong."
        log = open(os.path.join(folder.name, "log"), "wb", 0)
        log.write(b"line")
        listener = socket.create_server(("127.0.0.1", 0))
        os.kill(os.getpid(), signal.SIGHUP)  # a log rotation
        time.sleep(0.01)

        def answer():
            connection = listener.accept()[0]
            connection.sendall(connection.recv(10)[::-1])
        eventlet.spawn(answer)
        client = socket.create_connection(listener.getsockname())
        client.sendall(b"hello")
        return os.stat(log.name).st_size, client.recv(10), len(handled)

    eventlet.sleep(0)
    reading, writing = os.pipe()
    if os.fork() == 0:
        with daemon.DaemonContext(
                files_preserve=[writing], umask=0o22,
                signal_map={signal.SIGHUP: lambda *a: handled.append(a)}):
            os.write(writing, repr(work()).encode())
            os._exit(0)
    os.close(writing)
    print(os.read(reading, 1000).decode())
    """


def test_python_daemon(run):
    """The package that many services use, as they do."""
    assert run(PYTHON_DAEMON) == "(4, b'olleh', 1)\n"


WITHOUT_A_FORK = BEGIN + """
    def close_all():
        "What the program knows nothing of; then it opens its own."
        eventlet.sleep(0)
        os.closerange(3, 4096)
        return open_sockets()
    """


def test_descriptors_closed_without_a_fork(run):
    """As DaemonContext(detach_process=False) does it: the hub makes itself new."""
    assert run(WITHOUT_A_FORK + """
    sockets = close_all()
    before = [identity(s) for s in sockets]
    for s in sockets:
        s.send(b"DATA")
    os.kill(os.getpid(), signal.SIGHUP)
    for i in range(3):
        eventlet.sleep(0.02)
    print({s.recv(100) for s in sockets}, len(handled),
          [identity(s) for s in sockets] == before)
    """) == "{b'DATA'} 1 True\n"


def test_hub_serves_after_a_close_of_all(run):
    """Its own and other OS threads wake it, and so do signals."""
    assert run(WITHOUT_A_FORK + """
    from eventlet import greenio
    threading = patcher.original("threading")
    main = greenlet.getcurrent()
    hub = hubs.get_hub()
    sockets = close_all()
    eventlet.sleep(0.02)
    a, b = (greenio.GreenSocket(s) for s in sockets[:2])
    reader = eventlet.spawn(a.recv, 10)
    signal.signal(signal.SIGALRM, lambda number, frame: b.send(b"signal"))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    print(reader.wait())
    thread = threading.Thread(
        target=hub.schedule_call_global, args=(0, main.switch, "thread"))
    hub.schedule_call_global(0.01, thread.start)
    print(hub.switch())
    """) == "b'signal'\nthread\n"
