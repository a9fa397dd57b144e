"""fork, by multiprocessing and by os.fork: the child has a hub of its own."""

ECHO = """
def serve(listener):
    while True:
        eventlet.spawn_n(echo, listener.accept()[0])

def echo(client):
    while True:
        data = client.recv(4096)
        if not data:
            return
        client.sendall(data)

def talk(address, rounds):
    s = eventlet.connect(address)
    for i in range(rounds):
        s.sendall(b"%03d" % i)
        got = b""
        while len(got) < 3:
            got += s.recv(3)
        assert got == b"%03d" % i
    s.close()
    return rounds

listener = eventlet.listen(("127.0.0.1", 0))
eventlet.spawn_n(serve, listener)
address = listener.getsockname()
"""


def test_multiprocessing(run):
    """Children use hubs of their own, and connect to the parent's server while it
    serves. The parent has open connections when it forks."""
    assert run(ECHO + """
import multiprocessing
from eventlet import tpool
fork = multiprocessing.get_context("fork")

def child(results):
    hubs.use_hub(os.environ["EVENTLET_HUB"])
    pool = eventlet.GreenPool(10)
    results.put(sum(pool.imap(lambda _: talk(address, 20), range(10))))

talkers = [eventlet.spawn(talk, address, 200) for _ in range(10)]
eventlet.sleep(0)
results = fork.Queue()
children = [fork.Process(target=child, args=(results,)) for _ in range(4)]
for c in children:
    c.start()
for c in children:
    tpool.execute(c.join)
    assert c.exitcode == 0, c.exitcode
assert [results.get() for _ in children] == [200] * 4
assert [t.wait() for t in talkers] == [200] * 10
print("ok")
""") == "ok\n"


def test_pool_of_processes(run):
    assert run(ECHO + """
import multiprocessing
from eventlet import tpool

def square(n):
    eventlet.sleep(0.001)
    return n * n

talker = eventlet.spawn(talk, address, 50)
with multiprocessing.get_context("fork").Pool(3) as pool:
    got = tpool.execute(pool.map, square, range(100))
assert got == [n * n for n in range(100)]
assert talker.wait() == 50
print("ok")
""") == "ok\n"


def test_child_leaves_the_parent_alone(run):
    """The child closes and waits without effect on the parent, whose reader still
    waits for the same descriptor, and whose timers fire once."""
    assert run("""
import socket
from eventlet.green import socket as green
a, b = green.socketpair()
fired = []
eventlet.spawn_after(0.02, fired.append, 1)
reader = eventlet.spawn(a.recv, 100)
eventlet.sleep(0)
pid = os.fork()
if pid == 0:
    hubs.use_hub(os.environ["EVENTLET_HUB"])
    c, d = green.socketpair()
    got = eventlet.spawn(c.recv, 1)
    d.send(b"y")
    assert got.wait() == b"y"
    eventlet.sleep(0.05)
    a.close()
    os._exit(len(fired))
while os.waitpid(pid, os.WNOHANG) == (0, 0):
    eventlet.sleep(0.001)
assert not reader.dead
b.send(b"for the parent")
assert reader.wait() == b"for the parent"
while not fired:
    eventlet.sleep(0.001)
print("ok", fired)
""") == "ok [1]\n"


def test_child_that_uses_the_inherited_hub(run):
    """As in many daemons, the child calls no use_hub: it sleeps, reads and writes, and
    closes inherited descriptors, without effect on the parent's hub."""
    assert run("""
from eventlet.green import socket as green
a, b = green.socketpair()
reader = eventlet.spawn(a.recv, 100)
eventlet.sleep(0)
pid = os.fork()
if pid == 0:
    c, d = green.socketpair()
    echo = eventlet.spawn(c.recv, 5)
    eventlet.sleep(0.001)
    d.send(b"child")
    assert echo.wait() == b"child"
    a.close()
    b.close()
    os._exit(0)
while True:
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        break
    eventlet.sleep(0.001)
assert os.waitstatus_to_exitcode(status) == 0
assert not reader.dead
b.send(b"for the parent")
assert reader.wait() == b"for the parent"
print("ok")
""") == "ok\n"
