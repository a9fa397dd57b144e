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
