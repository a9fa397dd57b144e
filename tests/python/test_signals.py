"""Python's signal handlers, while the hub waits.

The programs wait without end. The hub's own longest wait, a minute, is as long as the
tests' time limit, so a test fails if a handler runs only after such a wait.
"""

import signal

import servers


def test_handler_wakes_a_sleeper(hub_name):
    with servers.service(hub_name, """
        from eventlet.event import Event
        done = Event()
        signal.signal(signal.SIGUSR1, lambda number, frame: done.send(number))

        def ready():
            print("ready")
        eventlet.spawn_after(0, ready)
        print("woken by", done.wait())
        """) as program:
        program.expect("ready")
        program.signal(signal.SIGUSR1)
        assert program.expect("woken by") == str(int(signal.SIGUSR1))
        program.ends()


def test_many_signals(hub_name):
    """A handler runs for each while the program sleeps, and the sleep continues."""
    with servers.service(hub_name, """
        seen = []

        def handler(number, frame):
            seen.append(number)
            print("seen%d." % len(seen))
            if len(seen) == 20:
                sleeper.kill()

        signal.signal(signal.SIGUSR1, handler)
        sleeper = eventlet.spawn(eventlet.sleep, 600)
        eventlet.spawn_after(0, print, "ready")
        try:
            sleeper.wait()
        except greenlet.GreenletExit:
            print("end")
        """) as program:
        program.expect("ready")
        for number in range(1, 21):
            program.signal(signal.SIGUSR1)
            program.expect("seen%d." % number)
        program.ends()


def test_keyboard_interrupt_reaches_main(hub_name):
    with servers.service(hub_name, """
        eventlet.spawn_n(eventlet.sleep, 600)
        eventlet.spawn_after(0, print, "ready")
        try:
            eventlet.sleep(600)
        except KeyboardInterrupt:
            pass
        eventlet.sleep(0.001)  # the hub still works
        print("interrupted")
        """) as program:
        program.expect("ready")
        program.signal(signal.SIGINT)
        program.expect("interrupted")
        program.ends()


def test_exit_from_a_handler(hub_name):
    with servers.service(hub_name, """
        def leave(number, frame):
            sys.exit(3)
        signal.signal(signal.SIGTERM, leave)
        eventlet.spawn_after(0, print, "ready")
        eventlet.sleep(600)
        """) as program:
        program.expect("ready")
        program.signal(signal.SIGTERM)
        program.ends(status=3)


def test_end_of_a_child(hub_name):
    """SIGCHLD, as a supervisor uses it."""
    with servers.service(hub_name, """
        from eventlet.event import Event
        ended = Event()

        def child_ended(number, frame):
            ended.send(os.waitpid(-1, os.WNOHANG)[1])

        signal.signal(signal.SIGCHLD, child_ended)
        r, w = os.pipe()
        if os.fork() == 0:
            os.read(r, 1)
            os._exit(7)
        eventlet.spawn_after(0, os.write, w, b"x")
        print("status", os.waitstatus_to_exitcode(ended.wait()))
        """) as program:
        assert program.expect("status") == "7"
        program.ends()


ASYNCIO_BEFORE = """
    import asyncio
    from eventlet import patcher
    from eventlet.event import Event
    threading = patcher.original("threading")
    eventlet.sleep(0)

    async def main():
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR2, print, "not sent")
        await asyncio.sleep(0)
    asyncio.run(main())  # it resets the wake-up descriptor of Python
    """

TAKEN_BY_ANOTHER_THREAD = """
    stop = threading.Event()
    threading.Thread(target=stop.wait).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    done = Event()
    signal.signal(signal.SIGUSR1, lambda number, frame: done.send(number))
    eventlet.spawn_after(0.1, print, "ready")
    print("woken by", done.wait())
    stop.set()
    """


RAISED_IN_A_TIMER = """
    done = Event()
    signal.signal(signal.SIGUSR1, lambda number, frame: done.send(number))
    eventlet.spawn_after(0, signal.raise_signal, signal.SIGUSR1)
    print("woken by", done.wait())
    """


def test_handler_after_asyncio(hub_name):
    """Another OS thread takes the signal, so it does not interrupt the wait."""
    with servers.service(hub_name, ASYNCIO_BEFORE + TAKEN_BY_ANOTHER_THREAD) \
            as program:
        program.expect("ready")
        program.signal(signal.SIGUSR1)
        assert program.expect("woken by") == str(int(signal.SIGUSR1))
        program.ends()


def test_signal_between_asyncio_and_the_hub(hub_name):
    """It comes while no wake-up descriptor is set, and no Python code runs after it
    before the hub waits."""
    with servers.service(hub_name, ASYNCIO_BEFORE + RAISED_IN_A_TIMER) \
            as program:
        assert program.expect("woken by") == str(int(signal.SIGUSR1))
        program.ends()


def test_wakeup_descriptor_of_the_program_stays(run):
    """It gets every signal, and the hub leaves it set."""
    assert run("""
        from eventlet import patcher
        socket = patcher.original("socket")
        a, b = socket.socketpair()
        a.setblocking(False)
        b.setblocking(False)
        eventlet.sleep(0)
        signal.set_wakeup_fd(b.fileno())
        handled = []
        signal.signal(signal.SIGUSR1, lambda number, frame: handled.append(1))
        for i in range(3):
            eventlet.sleep(0.03)
            os.kill(os.getpid(), signal.SIGUSR1)
            eventlet.sleep(0.03)
            assert list(a.recv(100)) == [signal.SIGUSR1], i
        assert signal.set_wakeup_fd(-1) == b.fileno()
        print(len(handled))
        """) == "3\n"
