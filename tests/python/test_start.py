"""Our hubs without a change to the program: what the environment can ask for."""

import glob
import os
import shutil
import subprocess
import sys

import pytest

import greenhub

WHICH = """
    def which():
        eventlet.sleep(0)
        return type(hubs.get_hub()).__module__
    """


def test_name_without_a_colon(run_on):
    assert run_on("greenhub", WHICH + """
    print(which())
    hubs.use_hub()
    print(which())
    hubs.use_hub("greenhub")
    print(which())
    """) == 3 * "greenhub\n"


@pytest.mark.parametrize("name", ["epolls", "poll", "selects"])
def test_program_that_chooses_a_hub_of_eventlet(run_on, name):
    """Swift and Glance call use_hub("poll") or pass a module."""
    program = WHICH + """
    hubs.use_hub("%s")
    print(which())
    hubs.use_hub(hubs.%s)
    print(which())
    """ % (name, name)
    for hub in "greenhub.poll", name:
        assert run_on(hub, program, environment={
            "GREENHUB_EVENTLET": "replace"}) == 2 * ("greenhub.%s\n" % name)
    assert run_on("greenhub.poll", program) == \
        2 * ("eventlet.hubs.%s\n" % name)


def test_program_that_returns_to_the_default(run_on):
    """Children of oslo.service and workers of gunicorn call use_hub()."""
    program = WHICH + """
    from eventlet import patcher
    del os.environ["EVENTLET_HUB"]
    hubs.use_hub()
    print(which())
    thread = patcher.original("threading").Thread(
        target=lambda: print(which()))
    thread.start()
    thread.join()
    """
    assert run_on("epolls", program, environment={
        "GREENHUB_EVENTLET": "replace"}) == 2 * "greenhub.epolls\n"
    assert run_on("epolls", program) == 2 * "eventlet.hubs.epolls\n"


def test_install_stands_in_for_all(run_on):
    assert run_on("epolls", WHICH + """
    import greenhub
    greenhub.install(replace=True)
    greenhub.install(replace=True)
    for name in "epolls", "poll", "selects", "uring", "pyevent", "greenhub":
        if hubs.__dict__[name].is_available():
            hubs.use_hub(name)
            assert which().startswith("greenhub"), name
    print("all")
    """) == "all\n"


@pytest.mark.parametrize("words, fast", [
    ("", False), ("replace", False), ("accelerate", True),
    ("replace, accelerate", True)])
def test_accelerator_by_a_variable(hub_name, run_on, words, fast):
    assert run_on("greenhub." + hub_name, """
    from eventlet.green import socket
    a, b = socket.socketpair()
    reader = eventlet.spawn(a.recv, 1)
    eventlet.sleep(0)
    b.send(b"x")
    print(reader.wait(), not hasattr(hubs.trampoline, "__code__"),
          eventlet.greenio.base.trampoline is hubs.trampoline)
    """, environment={"GREENHUB_EVENTLET": words}) == \
        "b'x' %s True\n" % fast


def test_unknown_word_is_refused():
    done = subprocess.run(
        [sys.executable, "-c", "import eventlet"], text=True,
        env=dict(os.environ, GREENHUB_EVENTLET="fast"),
        stderr=subprocess.PIPE)
    assert done.returncode != 0
    assert "'fast' is none of accelerate, replace" in done.stderr


def test_python_without_eventlet_loads_nothing():
    """Each Python that inherits the variables starts: it must cost nothing."""
    subprocess.run(
        [sys.executable, "-c", "import sys\n"
         "assert not {'greenhub', 'greenlet'} & set(sys.modules)"],
        env=dict(os.environ, GREENHUB_EVENTLET="replace",
                 EVENTLET_HUB="greenhub"), check=True)


def test_system_without_libevent_and_liburing():
    """The extension needs neither: each costs its own hub alone."""
    extension, = glob.glob(os.path.join(
        os.path.dirname(greenhub.__file__), "_hub.*.so"))
    needed = subprocess.run(
        ["readelf", "-d", extension], text=True, check=True,
        stdout=subprocess.PIPE).stdout
    assert "NEEDED" in needed
    assert "libevent" not in needed and "liburing" not in needed


def test_reason_where_a_library_is_missing():
    """In a namespace of mounts, where both are empty files."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs unshare and root to hide the libraries")
    hide = "for f in $(ldconfig -p | sed -n 's/.*=> *//p' | " \
        "grep -E 'liburing|libevent_core'); do " \
        "mount --bind /dev/null $f || exit 9; done; exec \"$@\""
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", hide, "-", sys.executable, "-c", """
import greenhub, greenhub.libevent, greenhub.uring
for hub in greenhub.libevent, greenhub.uring:
    assert not hub.is_available()
    print(hub.why_not())
    try:
        hub.Hub()
    except OSError as error:
        print(error)
assert greenhub.is_available()
greenhub.Hub()
"""], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode == 9:
        pytest.skip("cannot mount here: " + done.stderr)
    assert done.returncode == 0, done.stderr
    assert [line.count(".so") for line in done.stdout.splitlines()] == 4 * [1]
