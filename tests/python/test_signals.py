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
