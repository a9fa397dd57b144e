"""What Eventlet expects of a hub in detail, on each of our hubs.

If Eventlet's own hubs behave alike, the same program also runs on its poll hub, so
that these tests check the contract.
"""

import pytest


@pytest.fixture
def same(run, run_on):
    """same(program): its output on our hub, which must be the same on Eventlet's."""
    def same(program):
        ours, theirs = run(program), run_on("poll", program)
        assert ours == theirs
        return ours
    return same


# ---- Timers ---------------------------------------------------------------

def test_accounting_of_cancelled_timers(same):
    assert same("""
        hub = hubs.get_hub()
        start, noop = hub.get_timers_count(), lambda: None
        for _ in range(2000):
            hub.schedule_call_global(60, noop).cancel()
            assert hub.timers_canceled <= hub.get_timers_count() + 1
        assert hub.get_timers_count() <= 1000 + start
        assert hub.timers_canceled <= 1000
        print(hub.timers_canceled, hub.get_timers_count() - start)
        """).strip()


def test_few_cancelled_timers_are_kept(same):
    assert same("""
        hub, kept, noop = hubs.get_hub(), [], lambda: None
        for _ in range(1000):
            t = hub.schedule_call_global(60, noop)
            kept += [hub.schedule_call_global(60, noop) for _ in range(2)]
            eventlet.sleep(0)
            assert hub.timers_canceled <= hub.get_timers_count() + 1
            t.cancel()
        assert hub.get_timers_count() >= 3000
        print(hub.timers_canceled)
        for t in kept:
            t.cancel()
            assert hub.timers_canceled <= hub.get_timers_count()
        eventlet.sleep(0)
        """) == "1000\n"


def test_surface_of_a_timer(same):
    same("""
        hub, called = hubs.get_hub(), []
        def note(*args, **kw):
            called.append((args, kw))
        t = hub.schedule_call_global(0, note, 1, 2, 3, 4, 5, a=6, b=7)
        print(t.seconds, t.pending, t.called, t.tpl[1:], t.tpl[0] is note)
        copied = t.copy()
        print(copied.tpl == t.tpl, copied is t)
        eventlet.sleep(0)
        print(called, t.called, t.pending, hasattr(t, "tpl"))
        t.cancel()
        t()
        print(len(called))
        copied.schedule()
        print(copied.scheduled_time <= hub.clock())
        eventlet.sleep(0)
        print(len(called), repr(t).startswith("Timer(0, None"))
        """)


def test_local_timer_dies_with_its_greenlet(same):
    assert same("""
        hub, called = hubs.get_hub(), []
        timers = []
        def short():
            timers.append(hub.schedule_call_local(0.01, called.append, "local"))
            hub.schedule_call_global(0.01, called.append, "global")
        eventlet.spawn(short).wait()
        print(timers[0].pending)
        eventlet.sleep(0.03)
        print(called)
        """) == "False\n['global']\n"


def test_timers_made_while_timers_fire_wait_an_iteration(run):
    assert run("""
        hub, order = hubs.get_hub(), []
        def again(n):
            order.append("timer")
            if n:
                hub.schedule_call_global(0, again, n - 1)
        wait = hub.wait
        def noted(seconds=None):
            order.append("wait")
            return wait(seconds)
        hub.wait = noted
        hub.schedule_call_global(0, again, 2)
        eventlet.sleep(0.01)
        assert order[:5] == ["timer", "wait", "timer", "wait", "timer"], order
        print("fair")
        """) == "fair\n"


def test_exceptions_of_timers_are_contained(same):
    assert same("""
        import io
        hub, sys.stderr = hubs.get_hub(), io.StringIO()
        def fail(error):
            raise error
        hub.schedule_call_global(0, fail, ValueError("printed"))
        hub.schedule_call_global(0, fail, BaseException("this too"))
        eventlet.sleep(0.01)
        print(sys.stderr.getvalue().count("Traceback"))
        debug.hub_exceptions(False)
        hub.schedule_call_global(0, fail, ValueError("silent"))
        eventlet.sleep(0.01)
        print(sys.stderr.getvalue().count("Traceback"))
        hub.schedule_call_global(0, fail, KeyboardInterrupt())
        try:
            eventlet.sleep(0.01)
        except KeyboardInterrupt:
            print("main has it", hub.running)
        eventlet.sleep(0.01)
        print(hub.running)
        """) == "2\n2\nmain has it False\nTrue\n"


def test_a_foreign_object_as_timer(run):
    assert run("""
        class Foreign:
            seconds, called = 0.005, False
            def __call__(self):
                self.called = True
                print("called")
        hub = hubs.get_hub()
        before = hub.clock()
        assert hub.add_timer(Foreign()) >= before + 0.005
        eventlet.sleep(0.02)
        """) == "called\n"


def test_another_thread_may_arm_a_timer(run):
    assert run("""
        from eventlet import patcher, event
        threading = patcher.original("threading")
        hub, happened = hubs.get_hub(), event.Event()
        original_time = patcher.original("time")
        def other():
            original_time.sleep(0.05)
            hub.schedule_call_global(0, happened.send, "woken")
        threading.Thread(target=other).start()
        with eventlet.Timeout(20):
            print(happened.wait())
        """) == "woken\n"


def test_a_timer_armed_while_the_hub_is_about_to_wait(run):
    """If a method is overridden, Python code runs between the check of the timers and
    the wait, and another thread may run too."""
    assert run("""
        from eventlet import patcher, event
        threading = patcher.original("threading")
        hub, happened, armed = hubs.get_hub(), event.Event(), []
        look = hub.sleep_until
        def arm():
            hub.schedule_call_global(0, happened.send, "woken")
        def sleep_until():
            when = look()
            if not armed:
                armed.append(threading.Thread(target=arm))
                armed[0].start()
                armed[0].join()
            return when
        hub.sleep_until = sleep_until
        began = hub.clock()
        print(happened.wait(), hub.clock() - began < 50)
        """) == "woken True\n"


# ---- Listeners ------------------------------------------------------------

def test_listener_stays_until_it_is_removed(same):
    assert same("""
        from eventlet.green import socket
        hub, called = hubs.get_hub(), []
        a, b = socket.socketpair()
        l = hub.add(hub.READ, a.fileno(), called.append, None, None)
        print(l.evtype, l.fileno == a.fileno(), l.spent,
              l.greenlet is greenlet.getcurrent())
        b.send(b"x")
        hub.wait(0); hub.wait(0); hub.wait(0)
        print(called == [a.fileno()] * 3)
        hub.remove(l)
        hub.wait(0)
        print(len(called), len(hub.get_readers()), len(hub.get_writers()))
        try:
            hub.remove(l)
        except KeyError:
            print("not added")
        """).endswith("3 0 0\nnot added\n")


def test_second_reader_is_refused_or_waits_in_line(same):
    assert same("""
        from eventlet.green import socket
        hub, called = hubs.get_hub(), []
        a, b = socket.socketpair()
        def add(name):
            return hub.add(hub.READ, a.fileno(),
                           lambda fd: called.append(name), None, None)
        first = add("first")
        try:
            add("refused")
        except RuntimeError as e:
            print(str(e)[:24], len(hub.get_readers()))
        debug.hub_prevent_multiple_readers(False)
        second, third = add("second"), add("third")
        print(len(hub.listeners["read"]), len(hub.secondaries["read"][a.fileno()]))
        b.send(b"x")
        hub.wait(0)
        hub.remove(first)
        hub.wait(0)
        hub.remove(third)
        hub.remove(second)
        hub.wait(0)
        print(called, hub.listeners, hub.secondaries)
        """).startswith("Second simultaneous read 1\n1 2\n['first', 'second']")


def test_reopened_number_ends_the_wait(same):
    assert same("""
        from eventlet.green import socket
        hub = hubs.get_hub()
        a, b = socket.socketpair()
        marked = []
        def wait():
            try:
                hubs.trampoline(a.fileno(), read=True,
                                mark_as_closed=lambda: marked.append(1))
            except hubs.IOClosed as e:
                return e.errno == errno.ENOTCONN
        g = eventlet.spawn(wait)
        eventlet.sleep(0)
        listener = list(hub.get_readers())[0]
        hubs.notify_opened(a.fileno())
        print(len(hub.closed), listener.spent, marked, len(hub.get_readers()))
        hub.remove(listener)
        hub.schedule_call_global(0.01, lambda: None)
        print(g.wait(), hub.closed)
        """) == "1 True [1] 0\nTrue []\n"


def test_exception_in_a_callback_removes_the_descriptor(same):
    assert same("""
        import io
        from eventlet.green import socket
        hub, sys.stderr = hubs.get_hub(), io.StringIO()
        a, b = socket.socketpair()
        def fail(fd):
            raise ValueError("callback")
        hub.add(hub.READ, a.fileno(), fail, None, None)
        b.send(b"x")
        eventlet.sleep(0.01)
        text = sys.stderr.getvalue()
        print(len(hub.get_readers()), "ValueError: callback" in text,
              "Removing descriptor: %d" % a.fileno() in text)
        """) == "0 True True\n"


def test_stacks_of_listeners(same):
    assert same("""
        from eventlet.green import socket
        debug.hub_listener_stacks(True)
        a, b = socket.socketpair()
        def waits_here():
            a.recv(1)
        eventlet.spawn(waits_here)
        eventlet.sleep(0)
        text = debug.format_hub_listeners()
        print("waits_here" in text, "DebugListener" in text)
        debug.hub_listener_stacks(False)
        print(hubs.get_hub().lclass.__name__)
        debug.hub_timer_stacks(True)
        t = hubs.get_hub().schedule_call_global(60, waits_here)
        eventlet.sleep(0)
        print("File" in repr(t), "Timer" in debug.format_hub_timers())
        """) == "True True\nFdListener\nTrue True\n"


def test_reopened_number_ends_the_wait_at_once(run):
    assert run("""
        from eventlet.green import socket
        a, b = socket.socketpair()
        reader = eventlet.spawn(a.recv, 1)
        eventlet.sleep(0)
        hubs.notify_opened(a.fileno())
        with eventlet.Timeout(20):
            try:
                reader.wait()
            except EOFError:
                print("ended")
        """) == "ended\n"


# ---- The loop -------------------------------------------------------------

def test_switch_passes_values(same):
    assert same("""
        hub, main = hubs.get_hub(), greenlet.getcurrent()
        hub.schedule_call_global(0, main.switch, "value")
        print(hub.switch())
        hub.schedule_call_global(0, main.throw, ValueError("thrown"))
        try:
            hub.switch()
        except ValueError as e:
            print(e)
        def in_mainloop():
            try:
                hub.switch()
            except AssertionError as e:
                print(e)
        hub.schedule_call_global(0, in_mainloop)
        eventlet.sleep(0.01)
        """) == "value\nthrown\nCannot switch to MAINLOOP from MAINLOOP\n"


def test_abort_and_again(same):
    assert same("""
        hub = hubs.get_hub()
        eventlet.sleep(0)
        hub.schedule_call_global(60, print)
        first = hub.greenlet
        hub.abort(wait=True)
        print(hub.running, hub.get_timers_count(), first.dead)
        eventlet.sleep(0)
        print(hub.running, hub.greenlet is first, first.parent is hub.greenlet)
        """) == "False 0 True\nTrue False True\n"


def test_run_is_not_entered_twice(same):
    assert same("""
        hub = hubs.get_hub()
        eventlet.sleep(0)
        try:
            hub.run(1, a=2)
        except RuntimeError as e:
            print(e)
        """) == "Already running!\n"


def test_orphans_return_to_the_new_loop(same):
    assert same("""
        debug.hub_exceptions(False)
        hub = hubs.get_hub()
        def child():
            eventlet.sleep(0.02)
            print("child ends")
        g = eventlet.spawn(child)
        eventlet.sleep(0)
        def fail():
            raise SystemExit(3)
        hub.schedule_call_global(0, fail)
        try:
            eventlet.sleep(0.01)
        except SystemExit:
            print("loop ended", hub.greenlet.dead)
        g.wait()
        eventlet.sleep(0)
        print("goes on")
        """) == "loop ended True\nchild ends\ngoes on\n"


def test_methods_may_be_overridden(run, hub_name):
    assert run("""
        hub, seen = hubs.get_hub(), set()
        def note(name):
            method = getattr(hub, name)
            def noted(*args):
                seen.add(name)
                return method(*args)
            setattr(hub, name, noted)
        names = ["wait", "default_sleep", "prepare_timers", "fire_timers",
                 "sleep_until", "clock", "add_timer", "timer_canceled"]
        for name in names:
            note(name)
        hub.schedule_call_global(60, print).cancel()
        hub.schedule_call_global(0.01, greenlet.getcurrent().switch)
        hub.switch()
        hub.schedule_call_global(0.01, greenlet.getcurrent().switch)
        del hub.default_sleep
        hub.default_sleep = lambda: 0.001
        hub.switch()
        print(sorted(set(names) - seen))
        for name in list(vars(hub)):
            delattr(hub, name)
        eventlet.sleep(0)
        import greenhub.NAME
        class Mine(greenhub.NAME.Hub):
            waits = 0
            def wait(self, seconds=None):
                Mine.waits += 1
                super().wait(seconds)
        hubs.use_hub(Mine)
        eventlet.sleep(0.01)
        print(Mine.waits > 0, isinstance(hubs.get_hub(), Mine))
        """.replace("NAME", hub_name)) == "['default_sleep']\nTrue True\n"


def test_blocking_detector(same):
    assert same("""
        debug.hub_exceptions(False)
        debug.hub_blocking_detection(True, resolution=0.1)
        def block():
            end = time.monotonic() + 20
            while time.monotonic() < end:
                pass
        g = eventlet.spawn(block)
        try:
            g.wait()
        except RuntimeError as e:
            print(str(e)[:26])
        debug.hub_blocking_detection(False)
        print(signal.getitimer(signal.ITIMER_REAL)[0])
        """) == "Blocking detector ALARMED \n0.0\n"


def test_signal_handler_raises_into_main(same):
    assert same("""
        def stop(number, frame):
            raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            eventlet.sleep(20)
        except KeyboardInterrupt:
            print("interrupted")
        eventlet.sleep(0)
        """) == "interrupted\n"


# ---- Life of a hub --------------------------------------------------------

def test_old_hub_is_eliminated(run, hub_name):
    assert run("""
        from eventlet.green import socket
        old = hubs.get_hub()
        fired = []
        old.schedule_call_global(0.01, fired.append, 1)
        a, b = socket.socketpair()
        old.add(old.READ, a.fileno(), fired.append, None, None)
        eventlet.sleep(0)
        hubs.use_hub("greenhub.NAME")
        b.send(b"x")
        eventlet.sleep(0.05)
        print(fired)
        try:
            old.add(old.READ, a.fileno(), print, None, None)
        except RuntimeError as e:
            print(e)
        """.replace("NAME", hub_name)) == \
        "[]\nanother hub has replaced this one\n"


def test_hub_belongs_to_its_thread(run):
    assert run("""
        from eventlet import patcher
        threading = patcher.original("threading")
        hub = hubs.get_hub()
        def other():
            assert hubs.get_hub() is not hub
            try:
                hub.add(hub.READ, 0, print, None, None)
            except RuntimeError as e:
                print(e)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        """) == "a hub belongs to the OS thread that made it\n"


def test_other_threads_run_while_the_hub_waits(run):
    assert run("""
        from eventlet import patcher
        threading, queue = patcher.original("threading"), []
        def count():
            while not stop.is_set():
                queue.append(1)
                patcher.original("time").sleep(0.001)
        stop = threading.Event()
        thread = threading.Thread(target=count)
        thread.start()
        before = len(queue)
        eventlet.sleep(0.2)
        print(len(queue) > before + 5)
        stop.set()
        thread.join()
        """) == "True\n"


def test_child_continues_after_fork(run):
    assert run("""
        from eventlet.green import socket
        a, b = socket.socketpair()
        reader = eventlet.spawn(a.recv, 1)
        eventlet.sleep(0)
        child = os.fork()
        if child == 0:
            b.send(b"c")
            ok = reader.wait() == b"c"
            eventlet.sleep(0.01)
            os._exit(0 if ok else 1)
        assert os.waitpid(child, 0)[1] == 0
        b.send(b"p")
        print(reader.wait())
        """) == "b'p'\n"


def test_cycle_through_a_callback_is_collected(run):
    assert run("""
        from greenhub import _hub
        class Thing:
            pass
        def cycle():
            thing = Thing()
            thing.timer = _hub.Timer(1, lambda: thing)
            thing.listener = _hub.FdListener("read", 0, lambda fd: thing,
                                             thing, None)
            return weakref.ref(thing)
        gone = cycle()
        assert gone() is not None
        gc.collect()
        print(gone())
        """) == "None\n"


def test_unused_hub_is_collected(run, hub_name):
    assert run("""
        import greenhub.NAME
        hub = greenhub.NAME.Hub()
        thing = lambda: hub
        hub.mine = thing
        hub.schedule_call_global(1, thing)
        hub.add(hub.READ, 0, thing, thing, None)
        gone = weakref.ref(hub)
        del hub, thing
        gc.collect()
        print(gone())
        """.replace("NAME", hub_name)) == "None\n"


def test_no_reference_leaks(run):
    assert run("""
        from eventlet.green import socket
        a, b = socket.socketpair()
        def echo():
            while True:
                data = a.recv(10)
                if not data:
                    return
                a.sendall(data)
        eventlet.spawn_n(echo)
        def work():
            for _ in range(300):
                b.sendall(b"x")
                b.recv(10)
                eventlet.sleep(0)
                with eventlet.Timeout(10):
                    eventlet.spawn(eventlet.sleep, 0).wait()
        work()
        gc.collect()
        def objects():
            # The hub keeps cancelled timers for a while, as Eventlet's do.
            return len(gc.get_objects()) - hubs.get_hub().get_timers_count()
        before = objects()
        counts = [sys.getrefcount(x) for x in (None, True, echo, "read", a)]
        work()
        gc.collect()
        print(abs(objects() - before) < 20,
              all(abs(sys.getrefcount(x) - n) < 20 for x, n in
                  zip((None, True, echo, "read", a), counts)))
        """) == "True True\n"


def test_subinterpreters_are_refused(run_on):
    assert run_on("poll", """
        import _xxsubinterpreters as sub
        interpreter = sub.create()
        try:
            sub.run_string(interpreter, "import greenhub._hub")
        except sub.RunFailedError as e:
            print("main interpreter only" in str(e) or "greenlet" in str(e))
        """) == "True\n"
