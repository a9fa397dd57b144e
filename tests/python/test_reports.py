"""Symptoms that users of event loops have reported, which Eventlet's hubs do not have."""

import pytest

# The system call that each hub makes when it is opened, and at no other time.
OPENS = {"epolls": "epoll_create1", "libevent": "epoll_create1",
         "uring": "io_uring_setup", "poll": "eventfd2", "selects": "eventfd2"}

TIMERS_OF_A_THREAD = """
    from eventlet import patcher
    threading = patcher.original("threading")
    hub = hubs.get_hub()

    def arm():
        for i in range(500):
            fired = threading.Event()
            hub.schedule_call_global(0, fired.set)
            fired.wait()
        hub.schedule_call_global(0, main.switch)
    main = greenlet.getcurrent()
    threading.Thread(target=arm).start()
    hub.switch()
    """


def test_timers_of_another_thread_do_not_rebuild_the_hub(hub_name,
                                                         count_calls):
    """The hub opened once, with the probe for a better one: not for each 17 timers."""
    assert count_calls("greenhub." + hub_name, TIMERS_OF_A_THREAD,
                       OPENS[hub_name]) < 10


def test_signal_handler_has_a_frame(run):
    """While the hub waits, and in a timer that is a C function."""
    assert run("""
        names = []

        def handler(number, frame):
            names.append(frame.f_code.co_name)
            if len(names) == 2:
                greenthread.spawn_n(main.switch)
        main = greenlet.getcurrent()
        signal.signal(signal.SIGALRM, handler)
        eventlet.spawn_after(0, signal.raise_signal, signal.SIGALRM)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        hubs.get_hub().switch()
        print(names[1])
        """) == "run\n"


def test_frames_of_a_waiting_thread(run):
    assert run("""
        from eventlet import patcher
        threading = patcher.original("threading")
        ready = threading.Event()
        stop = []

        def wait():
            hubs.get_hub().schedule_call_global(0, ready.set)
            while not stop:
                eventlet.sleep(0.01)
        thread = threading.Thread(target=wait)
        thread.start()
        ready.wait()
        print(thread.ident in sys._current_frames())
        stop.append(1)
        thread.join()
        """) == "True\n"


def test_context_of_the_hub_greenlet(run):
    assert run("""
        eventlet.sleep(0)
        print(hubs.get_hub().greenlet.gr_context is None,
              hubs.get_hub().greenlet.gr_frame.f_code.co_name)
        """) == "True run\n"


def test_blocking_detector_names_what_calls_a_c_function(run):
    out = run("""
        import io
        from eventlet import patcher
        block = patcher.original("time").sleep
        debug.hub_blocking_detection(True, 0.1)
        sys.stderr = io.StringIO()
        hubs.get_hub().schedule_call_global(0, block, 5)
        begin = time.monotonic()
        eventlet.sleep(0.2)
        debug.hub_blocking_detection(False)
        print(time.monotonic() - begin < 5)
        print(sys.stderr.getvalue())
        """)
    assert out.startswith("True\n")
    assert "RuntimeError: Blocking detector ALARMED at" in out


def test_clock_is_the_monotonic_one(run):
    """oslo.service's tests compare it."""
    run("assert hubs.get_hub().clock is time.monotonic")


@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize("number", [2**32 + 1, -2**32 + 1, 2**31, 2**64])
def test_no_number_is_cut(run, number, accelerate):
    run("""
        import greenhub
        greenhub.install(accelerate=%s)
        r, w = os.pipe()
        os.write(w, b"x")
        number = %d
        if abs(number) == 2**32 + 1:
            number += r - 1
        for wait in (
                lambda: hubs.trampoline(number, read=True),
                lambda: hubs.get_hub().add("read", number, *3 * [print])):
            try:
                with eventlet.Timeout(20):
                    wait()
                sys.exit("no error")
            except OverflowError:
                pass
        assert not hubs.get_hub().get_readers()
        """ % (accelerate, number))


def test_long_chains_of_timers(run):
    """Freed by reference counts, by a cancel, and together with the hub."""
    run("""
        schedule = hubs.get_hub().schedule_call_global
        Timer, LocalTimer = (type(schedule(0, int)), type(
            hubs.get_hub().schedule_call_local(0, int)))
        for make in (Timer, LocalTimer, lambda *a: schedule(3600, *a[1:])):
            chain = None
            for i in range(300000):
                chain = make(1, print, chain)
            if make is Timer:
                chain.cancel()
            del chain
        hubs.use_hub(os.environ["EVENTLET_HUB"])
        eventlet.sleep(0)
        gc.collect()
        """)


def test_long_chains_of_listeners(run):
    run("""
        from eventlet.hubs import hub as _
        FdListener = type(hubs.get_hub().add(
            "read", os.pipe()[0], print, print, None))
        chain = None
        for i in range(300000):
            chain = FdListener("read", 0, chain, chain, None)
        del chain
        hubs.get_hub().set_debug_listeners(True)
        """)


def test_listener_after_python_has_ended(run):
    """greenlet then has no current greenlet; what the hub raises is not lost."""
    run("""
        import threading

        class Late:
            def __del__(self, hub=hubs.get_hub(), pipe=os.pipe()):
                try:
                    hub.schedule_call_local(0, int)
                    hub.add("read", pipe[0], int, int, None)
                except BaseException:
                    pass
        threading.late = Late()
        sys.late = Late()
        eventlet.sleep(0)
        """)


STALE_NUMBER = """
    from eventlet.green import socket
    ours, peer = socket.socketpair()
    reader = eventlet.spawn(ours.recv, 1)
    eventlet.sleep(0)
    peer.send(b"1")
    reader.wait()
    number = ours.fileno()
    if {child}:
        held, hold = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(hold)
            os.read(held, 1)
            os._exit(0)
        os.close(held)
    else:
        duplicate = os.dup(number)
    ours.close()
    peer.send(b"nobody reads this")
    peer.close()
    """

READ_THE_NEXT = """
    r, w = os.pipe()
    assert r == number
    os.set_blocking(r, False)
    wakes = []
    def read():
        while True:
            hubs.trampoline(r, read=True)
            wakes.append(1)
            try:
                return os.read(r, 1)
            except BlockingIOError:
                pass
    reader = eventlet.spawn(read)
    for _ in range(20):
        eventlet.sleep(0.001)
    os.write(w, b"x")
    with eventlet.Timeout(20):
        print(reader.wait(), len(wakes))
    """

SLEEP = """
    before = time.process_time()
    eventlet.sleep(0.5)
    used = time.process_time() - before
    print("spins" if used > 0.2 else "sleeps")
    """


@pytest.mark.parametrize("child", [False, True])
def test_number_of_a_file_that_lives_on(run, child):
    """The number goes to a file that Eventlet does not announce: what comes for the old
    one, which a duplicate or a child holds, does not wake who waits for the new one."""
    assert run(STALE_NUMBER.format(child=child) + READ_THE_NEXT) == "b'x' 1\n"


def test_closed_file_that_lives_on(run):
    """The number is not used again."""
    assert run(STALE_NUMBER.format(child=True) + SLEEP) == "sleeps\n"


DUPLICATED_OVER = """
    from eventlet.green import socket
    ours, peer = socket.socketpair()
    for _ in range(2):
        reader = eventlet.spawn(ours.recv, 1)
        eventlet.sleep(0)
        peer.send(b"1")
        reader.wait()
    other, writer = socket.socketpair()
    os.dup2(other.fileno(), ours.fileno())
    reader = eventlet.spawn(ours.recv, 1)
    eventlet.sleep(0.05)
    writer.send(b"2")
    with eventlet.Timeout(20):
        print(reader.wait())
    """


def test_file_put_behind_the_number_of_a_socket(run):
    assert run(DUPLICATED_OVER) == "b'2'\n"


URGENT = """
    from eventlet import patcher
    plain = patcher.original("socket")
    door = plain.create_server(("127.0.0.1", 0))
    client = plain.create_connection(door.getsockname())
    from eventlet import greenio
    server = greenio.GreenSocket(door.accept()[0])
    reader = eventlet.spawn(server.recv, 10)
    eventlet.sleep(0)
    client.send(b"!", plain.MSG_OOB)
    """


def test_urgent_data_does_not_spin(run):
    """Data behind it are read, and nothing else wakes the reader."""
    assert run(URGENT + SLEEP + """
    client.send(b"x")
    print(reader.wait())
    """) == "sleeps\nb'x'\n"


THREADS_THAT_WAITED = """
    from eventlet import patcher
    from eventlet.green import socket
    threading = patcher.original("threading")

    def work():
        ours, peer = socket.socketpair()
        reader = eventlet.spawn(ours.recv, 1)
        eventlet.sleep(0)
        peer.send(b"x")
        reader.wait()

    def kilobytes_after(count):
        for _ in range(count):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        gc.collect()
        with open("/proc/self/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file
                        if line.startswith("Private_Dirty"))
    print(-kilobytes_after(20) + kilobytes_after(200))
    """


def test_memory_of_ended_threads(run, run_on):
    """greenlet frees nothing of a thread's suspended greenlets; what the hub adds is
    less than that."""
    assert int(run(THREADS_THAT_WAITED)) < \
        2 * int(run_on("poll", THREADS_THAT_WAITED))
