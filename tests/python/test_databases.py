"""psycopg2 with a real PostgreSQL, redis-py with a real Redis.

A query waits for something that another greenthread does meanwhile. If the query
blocked the OS thread, the program would hang, and the test would reach its time limit.
"""

import pytest

import servers


@pytest.fixture(scope="module")
def postgres_folder():
    pytest.importorskip("psycopg2", reason="python3-psycopg2 is not installed")
    with servers.postgres() as path:
        yield path


@pytest.fixture(scope="module")
def redis_socket():
    pytest.importorskip("redis", reason="python3-redis is not installed")
    with servers.redis() as path:
        yield path


POSTGRES = """
import psycopg2
from eventlet.support import psycopg2_patcher
psycopg2_patcher.make_psycopg_green()
where = "host=%s user=postgres dbname=postgres" % os.environ["PG_FOLDER"]

def connect():
    connection = psycopg2.connect(where)
    connection.autocommit = True
    return connection

def query(connection, *statement):
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        return cursor.fetchall()

"""


@pytest.fixture
def run_postgres(run, postgres_folder):
    return lambda program: run(POSTGRES + program,
                               environment={"PG_FOLDER": postgres_folder})


def test_postgres_waits_for_another_greenthread(run_postgres):
    assert run_postgres("""
a, b = connect(), connect()
query(a, "select pg_advisory_lock(42)")
waiting = eventlet.spawn(query, b, "select pg_advisory_lock(42), 'mine'")
granted = "select count(*) from pg_locks where locktype = 'advisory' " \\
    "and not granted"
while query(a, granted) != [(1,)]:
    eventlet.sleep(0.001)
assert not waiting.dead
query(a, "select pg_advisory_unlock(42)")
assert waiting.wait()[0][1] == "mine"
query(b, "select pg_advisory_unlock(42)")
print("ok")
""") == "ok\n"


def test_postgres_pool(run_postgres):
    """Many large rows over a pool of connections, and an error after which the
    connection still works."""
    assert run_postgres("""
from eventlet import db_pool
pool = db_pool.ConnectionPool(psycopg2, dsn=where, max_size=8, min_size=0)

def one(number):
    with pool.item() as connection:
        got = query(connection, "select %s, repeat('x', 100000), "
                    "sum(n) from generate_series(1, 1000) as n", (number,))
        try:
            query(connection, "select 1 / 0")
        except psycopg2.errors.DivisionByZero:
            connection.rollback()
        assert query(connection, "select 7") == [(7,)]
        connection.rollback()
        return got == [(number, "x" * 100000, 500500)]

assert list(eventlet.GreenPool(50).imap(one, range(200))) == [True] * 200
print("ok")
""") == "ok\n"


def test_postgres_timeout(run_postgres):
    """A time limit ends the wait for a query that would take ten minutes."""
    assert run_postgres("""
connection = connect()
try:
    with eventlet.Timeout(0.05):
        query(connection, "select pg_sleep(600)")
except eventlet.Timeout:
    connection.close()
assert query(connect(), "select 1") == [(1,)]
print("ok")
""") == "ok\n"


def test_postgres_notifications(run_postgres):
    """LISTEN and NOTIFY: the program waits for the connection's descriptor itself."""
    assert run_postgres("""
listening, speaking = connect(), connect()
listening.cursor().execute("listen news")

def listen():
    heard = []
    while len(heard) < 20:
        hubs.trampoline(listening.fileno(), read=True)
        listening.poll()
        while listening.notifies:
            heard.append(listening.notifies.pop(0).payload)
    return heard

listener = eventlet.spawn(listen)
for i in range(20):
    speaking.cursor().execute("notify news, '%d'" % i)
assert listener.wait() == [str(i) for i in range(20)]
print("ok")
""") == "ok\n"


REDIS = """
eventlet.monkey_patch()
import redis
pool = redis.BlockingConnectionPool(
    connection_class=redis.UnixDomainSocketConnection,
    path=os.environ["REDIS_SOCKET"], max_connections=16, timeout=50)
r = redis.Redis(connection_pool=pool)
r.flushall()
"""


@pytest.fixture
def run_redis(run, redis_socket):
    return lambda program: run(REDIS + program,
                               environment={"REDIS_SOCKET": redis_socket})


def test_redis_many_clients(run_redis):
    """More greenthreads than connections: the pool's queue is green."""
    assert run_redis("""
def count(number):
    for _ in range(10):
        r.incr("total")
    r.set("key %d" % number, b"v" * number * 100)
    return r.get("key %d" % number) == b"v" * number * 100

assert all(eventlet.GreenPool(100).imap(count, range(100)))
assert r.get("total") == b"1000"
with r.pipeline() as p:
    for i in range(500):
        p.rpush("list", i)
    assert p.execute() == list(range(1, 501))
assert r.lrange("list", 0, -1) == [b"%d" % i for i in range(500)]
print("ok")
""") == "ok\n"


def test_redis_waits_for_another_greenthread(run_redis):
    assert run_redis("""
takers = [eventlet.spawn(r.blpop, "jobs", 0) for _ in range(10)]
while r.info("clients")["blocked_clients"] < 10:
    eventlet.sleep(0.001)
r.rpush("jobs", *range(10))
assert sorted(int(t.wait()[1]) for t in takers) == list(range(10))
try:
    with eventlet.Timeout(0.05):
        r.blpop("nothing", 0)
except eventlet.Timeout:
    print("ok")
""") == "ok\n"


def test_redis_publish_and_subscribe(run_redis):
    assert run_redis("""
def listen(subscription):
    heard = [m["data"] for _, m in zip(range(100), subscription.listen())]
    subscription.close()
    return heard

def subscribe():
    s = r.pubsub(ignore_subscribe_messages=False)
    s.subscribe("news")
    assert s.get_message(timeout=50)["type"] == "subscribe"
    return s

listeners = [eventlet.spawn(listen, subscribe()) for _ in range(5)]
for i in range(100):
    assert r.publish("news", i) == 5
for listener in listeners:
    assert listener.wait() == [b"%d" % i for i in range(100)]
print("ok")
""") == "ok\n"
