"""The ways to choose a hub; the chosen hub works."""

import pytest

import greenhub

ECHO = """
def serve(listener):
    while True:
        client, _ = listener.accept()
        eventlet.spawn_n(echo, client)

def echo(client):
    while True:
        data = client.recv(4096)
        if not data:
            break
        client.sendall(data)
    client.close()

def talk(address, rounds):
    s = eventlet.connect(address)
    for i in range(rounds):
        s.sendall(b"%d" % i * 16)
        got = b""
        while len(got) < len(b"%d" % i * 16):
            got += s.recv(4096)
        assert got == b"%d" % i * 16
    s.close()
    return rounds

listener = eventlet.listen(("127.0.0.1", 0))
eventlet.spawn_n(serve, listener)
talkers = [eventlet.spawn(talk, listener.getsockname(), 50) for _ in range(40)]
assert sum(t.wait() for t in talkers) == 2000
print(type(hubs.get_hub()).__module__, "ok")
"""


def test_echo_by_environment(run, hub_name):
    assert run(ECHO) == "greenhub.%s ok\n" % hub_name


@pytest.mark.parametrize("how", [
    "import greenhub; hubs.use_hub(greenhub)",
    "import greenhub; hubs.use_hub(greenhub.Hub)",
    "hubs.use_hub('greenhub:')",
    "hubs.use_hub('greenhub:Hub')",
])
def test_best_hub(run_on, how):
    assert run_on("poll", how + ECHO) == "greenhub ok\n"


@pytest.mark.parametrize("how", [
    "import greenhub.{0}; hubs.use_hub(greenhub.{0})",
    "import greenhub.{0}; hubs.use_hub(greenhub.{0}.Hub)",
    "hubs.use_hub('greenhub.{0}')",
    "hubs.use_hub('greenhub.{0}:Hub')",
])
def test_named_hub(run_on, hub_name, how):
    assert run_on("poll", how.format(hub_name) + ECHO) == \
        "greenhub.%s ok\n" % hub_name


@pytest.mark.parametrize("name, module", [
    ("pyevent", "libevent"), ("uring", "uring")])
def test_install(run_on, name, module):
    program = "import greenhub; greenhub.install(); greenhub.install()\n" \
        "hubs.use_hub('%s')" % name
    if module not in greenhub.hub_names():
        with pytest.raises(AssertionError, match="not available on this sys"):
            run_on("poll", program)
        return
    assert run_on("poll", program + ECHO) == "greenhub.%s ok\n" % module


def test_eventlet_refuses_pyevent_without_install(run_on):
    with pytest.raises(AssertionError, match="pyevent"):
        run_on("poll", "hubs.use_hub('pyevent')")


def test_installed_names_work_from_the_environment(run_on):
    program = "import greenhub; greenhub.install()\n" + ECHO
    assert run_on("pyevent", program) == "greenhub.libevent ok\n"


def test_module_without_its_hub_gives_the_reason(run_on):
    assert run_on("poll", """
        import types, greenhub
        class Absent(greenhub.Hub):
            hub_name = "no_such_hub"
        assert not Absent.is_available()
        assert "no_such_hub" in Absent.why_not()
        try:
            Absent()
        except OSError as e:
            assert e.errno == errno.ENOENT
            assert "no_such_hub" in str(e)
            print("refused")
        """) == "refused\n"


def test_every_hub_of_the_library_has_a_module():
    for name in greenhub.hub_names():
        if name != "sim":
            module = __import__("greenhub." + name, fromlist=["Hub"])
            assert module.Hub.hub_name == name


def test_stubs_are_complete():
    """Each public name of the extension is in its stub, and the reverse."""
    import ast
    import os
    from greenhub import _hub

    path = os.path.join(os.path.dirname(_hub.__file__), "_hub.pyi")
    with open(path) as file:
        tree = ast.parse(file.read())
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            stubs = {child.name for child in node.body
                     if isinstance(child, ast.FunctionDef)}
            stubs |= {child.target.id for child in node.body
                      if isinstance(child, ast.AnnAssign)}
            real = {name for name in vars(getattr(_hub, node.name))
                    if not name.startswith("_")}
            assert {s for s in stubs if not s.startswith("_")} == real, \
                node.name


def test_everything_has_a_docstring():
    from greenhub import _hub

    for kind in (_hub.Hub, _hub.Timer, _hub.FdListener):
        for name, value in vars(kind).items():
            if not name.startswith("_") and not isinstance(
                    value, (str, tuple, type(None))):
                assert value.__doc__, name
