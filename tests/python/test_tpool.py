"""Blocking calls on Eventlet's thread pool, while the hub is under load."""

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

rounds = 0

def talk(address):
    global rounds
    s = eventlet.connect(address)
    while True:
        s.sendall(b"x" * 64)
        got = 0
        while got < 64:
            got += len(s.recv(64))
        rounds += 1

listener = eventlet.listen(("127.0.0.1", 0))
eventlet.spawn_n(serve, listener)
for _ in range(20):
    eventlet.spawn_n(talk, listener.getsockname())
"""


def test_under_load(run):
    assert run("""
import hashlib, threading
from eventlet import tpool
""" + ECHO + """
here = threading.get_native_id()

def work(number):
    assert threading.get_native_id() != here
    return hashlib.sha256(b"%d" % number * 20000).hexdigest()

def fail(number):
    raise LookupError(number)

def one(number):
    if number % 10 == 0:
        try:
            tpool.execute(fail, number)
        except LookupError as error:
            assert error.args == (number,)
            return True
    want = hashlib.sha256(b"%d" % number * 20000).hexdigest()
    return tpool.execute(work, number) == want

pool = eventlet.GreenPool(100)
results = list(pool.imap(one, range(600)))
assert results == [True] * 600
assert rounds > 0
print("ok")
""") == "ok\n"


def test_hub_runs_while_all_threads_block(run):
    """The calls end only if the hub runs meanwhile."""
    assert run("""
import threading
from eventlet import tpool
go = threading.Event()
waiting = [eventlet.spawn(tpool.execute, go.wait) for _ in range(20)]
for _ in range(1000):
    eventlet.sleep(0)
eventlet.sleep(0.01)
assert not any(w.dead for w in waiting)
go.set()
assert [w.wait() for w in waiting] == [True] * 20
print("ok")
""", environment={"EVENTLET_THREADPOOL_SIZE": "20"}) == "ok\n"


def test_proxied_object(run):
    assert run("""
import sqlite3
from eventlet import tpool
db = tpool.Proxy(sqlite3.connect(":memory:", check_same_thread=False),
                 autowrap=(sqlite3.Cursor,))
cursor = db.cursor()
cursor.execute("create table t (n integer)")
for n in range(100):
    cursor.execute("insert into t values (?)", (n,))
total, = cursor.execute("select sum(n) from t").fetchone()
assert total == 4950
print("ok")
""") == "ok\n"


def test_hubs_of_os_threads(run):
    """Each OS thread has a hub of its own, made on first use."""
    assert run("""
import threading
""" + ECHO + """
hubs_seen, done = [], []

def elsewhere():
    hub = hubs.get_hub()
    hubs_seen.append(hub)
    s = eventlet.connect(listener.getsockname())
    for _ in range(50):
        s.sendall(b"y" * 64)
        got = 0
        while got < 64:
            got += len(s.recv(64))
    s.close()
    done.append(hub.greenlet)

threads = [threading.Thread(target=elsewhere) for _ in range(8)]
for thread in threads:
    thread.start()
while len(done) < 8:
    eventlet.sleep(0.001)
for thread in threads:
    thread.join()
assert len(set(map(id, hubs_seen + [hubs.get_hub()]))) == 9
print("ok")
""") == "ok\n"
