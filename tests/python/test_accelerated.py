"""install(accelerate=True): a wait in C that behaves like Eventlet's own."""

import pytest

import test_faults
import test_use

FAST = "    import greenhub; greenhub.install(accelerate=True)\n"

BEHAVIOUR = """
    from eventlet.green import socket
    print("plain" if hasattr(hubs.trampoline, "__code__") else "in C")
    a, b = socket.socketpair()
    eventlet.spawn_after(0.01, b.send, b"x")
    print(hubs.trampoline(a, read=True) == a.fileno())
    print(hubs.trampoline(a.fileno(), None, True, 5) == a.fileno())
    a.recv(1)
    try:
        hubs.trampoline(a, read=True, timeout=0.01)
    except eventlet.Timeout as e:
        print("Timeout", e.seconds)
    try:
        hubs.trampoline(a, read=True, timeout=0.01,
                        timeout_exc=ValueError("mine"))
    except ValueError as e:
        print(e)
    for arguments in (dict(read=True, write=True), dict(what=1)):
        try:
            hubs.trampoline(a, **arguments)
        except Exception as e:
            print(type(e).__name__)
    try:
        hubs.trampoline(-1, read=True)
    except ValueError:
        print("negative")
    a.settimeout(0.01)
    try:
        a.recv(1)
    except socket.timeout as e:
        print("timed out:", e)
    a.settimeout(None)
    waiting = eventlet.spawn(a.recv, 1)
    eventlet.sleep(0)
    waiting.kill()
    b.send(b"z")
    print(a.recv(1), len(hubs.get_hub().get_readers()))
    second = [eventlet.spawn(a.recv, 1) for _ in range(2)][1]
    try:
        second.wait()
    except RuntimeError as e:
        print(str(e)[:24])
    def in_mainloop():
        try:
            hubs.trampoline(a, read=True)
        except (AssertionError, RuntimeError) as e:
            print(e)
    hubs.get_hub().schedule_call_global(0, in_mainloop)
    eventlet.sleep(0.01)
    """


def test_behaves_like_eventlets_own(run):
    debug = "    debug.hub_exceptions(False)\n"
    plain = run(debug + BEHAVIOUR)
    assert plain.startswith("plain\n")
    assert run(debug + FAST + BEHAVIOUR) == plain.replace("plain", "in C")


@pytest.mark.parametrize("program, result", [
    (test_faults.CLOSED_BY_ANOTHER, "EBADF\n"),
    (test_faults.SHARED_BY_FORK, "sleeps\n"),
    (test_faults.THREADS_THAT_END.replace("LIMIT", "20"), "0\n"),
    (test_faults.REMOVED_IN_THIS_ITERATION, "slept\n"),
    (test_faults.HIGH_NUMBER, "b'x'\n"),
    (test_faults.GUARD_OF_ONE,
     "[b'a', b'b', b'c']\nthe other is guarded\n"),
])
def test_no_fault_appears(run, program, result):
    assert run(FAST + program) == result


def test_echo(run, hub_name):
    assert run("import greenhub; greenhub.install(accelerate=True)\n"
               + test_use.ECHO) == "greenhub.%s ok\n" % hub_name


def test_with_eventlets_own_hub(run_on):
    assert run_on("poll", "import greenhub\n"
                  "greenhub.install(accelerate=True)\n" + test_use.ECHO) == \
        "eventlet.hubs.poll ok\n"


def test_overridden_methods_are_called(run):
    assert run(FAST + """
    from eventlet.green import socket
    hub, added = hubs.get_hub(), []
    add = hub.add
    hub.add = lambda *args: (added.append(args[1]), add(*args))[1]
    a, b = socket.socketpair()
    eventlet.spawn_after(0.01, b.send, b"x")
    a.recv(1)
    print(added == [a.fileno()])
    """) == "True\n"
