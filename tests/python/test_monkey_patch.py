"""The standard library, made green by eventlet.monkey_patch()."""

import ssl
import socket

import servers

PATCHED = """
eventlet.monkey_patch()
import queue, socket, ssl, subprocess, threading
"""


def test_threads_and_queues(run):
    """A bounded queue, its producers and consumers. All threads are greenthreads, so
    one that blocked the OS thread would hang them all."""
    assert run(PATCHED + """
jobs, results = queue.Queue(3), queue.Queue()
lock, barrier = threading.Lock(), threading.Barrier(20)
threads_of_os = set()

def work():
    barrier.wait()
    threads_of_os.add(eventlet.patcher.original("threading")
                      .get_native_id())
    while True:
        job = jobs.get()
        if job is None:
            return
        with lock:
            time.sleep(0)
            results.put(job * job)
        jobs.task_done()

workers = [threading.Thread(target=work) for _ in range(20)]
for worker in workers:
    worker.start()
for number in range(2000):
    jobs.put(number)
jobs.join()
for worker in workers:
    jobs.put(None)
for worker in workers:
    worker.join()
got = sorted(results.get() for _ in range(2000))
assert got == [n * n for n in range(2000)]
assert len(threads_of_os) == 1
try:
    results.get(timeout=0.01)
except queue.Empty:
    print("ok")
""") == "ok\n"


def test_thread_locals_events_and_executors(run):
    assert run(PATCHED + """
from concurrent.futures import ThreadPoolExecutor
local, go = threading.local(), threading.Event()

def work(number):
    local.number = number
    go.wait()
    time.sleep(0.001)
    return local.number

with ThreadPoolExecutor(50) as pool:
    futures = [pool.submit(work, n) for n in range(50)]
    threading.Timer(0.01, go.set).start()
    assert [f.result() for f in futures] == list(range(50))
print("ok")
""") == "ok\n"


def test_subprocesses(run):
    """Many at once; the program reads their output while others run."""
    assert run(PATCHED + """
def one(number):
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    sent = b"%d " % number * 20000
    got, _ = process.communicate(sent)
    assert got == sent
    return process.returncode

pool = eventlet.GreenPool(8)
assert list(pool.imap(one, range(24))) == [0] * 24

# wait() lets others run: another greenthread ends the process.
process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
eventlet.spawn_after(0.01, process.stdin.close)
assert process.wait() == 0
process = subprocess.Popen(["sleep", "600"])
try:
    process.wait(timeout=0.05)
except subprocess.TimeoutExpired:
    process.kill()
assert process.wait() == -signal.SIGKILL
print("ok")
""") == "ok\n"


TLS_SERVER = PATCHED + """
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
print("port", listener.getsockname()[1])

def echo(plain):
    with context.wrap_socket(plain, server_side=True) as s:
        while True:
            data = s.recv(16384)
            if not data:
                return
            s.sendall(data)

while True:
    eventlet.spawn_n(echo, listener.accept()[0])
"""

TLS_CLIENTS = PATCHED + """
context = ssl.create_default_context(cafile=sys.argv[1])
address = ("127.0.0.1", int(sys.argv[2]))

def talk(number):
    with socket.create_connection(address) as plain, \\
            context.wrap_socket(plain, server_hostname="localhost") as s:
        for size in (1, 100, 16384, 100000):
            message = bytes([number]) * size
            sender = eventlet.spawn(s.sendall, message)
            got = b""
            while len(got) < size:
                got += s.recv(65536)
            sender.wait()
            assert got == message
    return number

pool = eventlet.GreenPool(20)
assert list(pool.imap(talk, range(20))) == list(range(20))

# A client that does not trust the certificate gets no connection.
try:
    ssl.create_default_context().wrap_socket(
        socket.create_connection(address), server_hostname="localhost")
except ssl.SSLCertVerificationError:
    print("ok")
"""


def test_tls(hub_name, tmp_path):
    cert, key = servers.certificate(str(tmp_path))
    with servers.service(hub_name, TLS_SERVER, cert, key) as server:
        port = server.expect("port")
        # A connection without handshake does not block others.
        with socket.create_connection(("127.0.0.1", int(port))):
            with servers.service(hub_name, TLS_CLIENTS, cert, port) as clients:
                assert clients.ends() == "ok"
        # A peer without Eventlet.
        context = ssl.create_default_context(cafile=cert)
        with socket.create_connection(("127.0.0.1", int(port))) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as s:
                s.sendall(b"hello")
                assert s.recv(5) == b"hello"
