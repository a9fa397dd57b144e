"""The subjects: the servers and programs, and which of them alternate.

A new hub, peer or floor is one line here and one in meson.build."""

import collections
import json
import os
import subprocess

# The subject of a row. kind: greenhub, floor (hand-written) or peer.
# command: a program in BUILD/bench and its arguments.
# like: the hand-written subject on the same system call or library.
Subject = collections.namedtuple('Subject', 'name kind command like')

FLOOR = Subject('epoll by hand', 'floor', ['floor_epoll'], None)
AGAIN = Subject('floor again', 'floor', ['floor_epoll'], None)

# Echo rows: (connections, bytes per message, whether each message has a connection)
ECHO = {
    'echo_1': (1, 64, False),
    'echo_100': (100, 64, False),
    'echo_5000': (5000, 64, False),
    'echo_64k': (100, 65536, False),
    'accept': (100, 64, True),
}

# The same by buffers that the library lends.
LENT = 'echo_64k_lent'
ECHO[LENT] = ECHO['echo_64k']

# The same while a trace is on, beside the same without one.
TRACED = 'echo_100_traced'
ECHO[TRACED] = ECHO['echo_100']

# The same with the command's own server, on one OS thread and on two: the cost of the
# second thread, though the threads share no memory that they write. All threads are
# pinned to one core, so that the load does not compete with only one of them.
THREADS = 'threads'
ECHO[THREADS] = ECHO['echo_100']


def serve(threads):
    return ['../greenhub', 'serve', '--echo', '--threads', str(threads),
            '--listen', 'tcp://127.0.0.1:0']


UNTRACED = Subject('epolls without a trace', 'greenhub',
                   ['echo_greenhub', 'epolls'], None)
ONE_THREAD = Subject('1 thread', 'greenhub', serve(1), None)
TWO_THREADS = Subject('2 threads', 'greenhub', serve(2), None)

# A server with an OS thread for each connection, and the same unmodified program
# with greenthreads for its threads.
PER_CONNECTION = ['thread_per_connection_100', 'thread_per_connection_5000']
for per_connection in PER_CONNECTION:
    ECHO[per_connection] = ECHO[per_connection.replace('thread_per_connection',
                                                       'echo')]
OS_THREADS = Subject('OS threads', 'peer', ['threaded_echo'], None)
WRITTEN_FOR_IT = Subject('epolls', 'greenhub', ['echo_greenhub', 'epolls'], None)


def run(tls, name, like=None):
    """An unmodified program by `greenhub run`. @NAME: a program beside it."""
    return Subject(f'run --tls={tls}', 'greenhub',
                   ['../greenhub', 'run', '--hub=epolls', f'--tls={tls}',
                    '@' + name], like)


# The cost of a second OS thread for the program's threads.
RUN_ON_TWO = Subject('run --threads=2', 'greenhub',
                     ['../greenhub', 'run', '--hub=epolls', '--threads=2',
                      '@threaded_echo'], 'run --tls=own')


# The hand-written program on the same system call or library as a hub.
BY_HAND = {
    'epolls': AGAIN,  # which shows the noise of the ratio
    'poll': Subject('poll by hand', 'floor', ['floor_poll'], None),
    'selects': Subject('select by hand', 'floor', ['floor_select'], None),
    'libevent': Subject('libevent by hand', 'floor', ['floor_libevent'], None),
    'uring': Subject('uring by hand', 'floor', ['floor_uring'], None),
}

# Peers that alternate with each other and the floor.
PEERS = [
    [('libuv', 'echo_libuv'), ('libev', 'echo_libev'),
     ('libevent bufferevents', 'echo_libevent')],
    [('State Threads', 'echo_st'), ('Go', 'echo_go')],
]

# Hubs to try when the command does not list them.
HUBS = ['epolls', 'poll', 'selects', 'libevent', 'uring']
# It cannot serve a network: its descriptors and its clock are simulated.
NOT_REAL = ['sim']


def micro(*programs):
    """(subject, kind, program, ...) for each; `what` is each program's argument."""
    return [Subject(name, kind, [program], None)
            for name, kind, program in programs]


GREENHUB = ('greenhub', 'greenhub', 'micro_greenhub')
# The row is of queues; with this argument the same program uses channels.
GREENHUB_CHANNEL = Subject('greenhub channel', 'greenhub',
                           ['micro_greenhub', 'channel'], None)
STATE_THREADS = ('State Threads', 'peer', 'micro_st')
GO = ('Go', 'peer', 'micro_go')

# Micro benchmarks: row -> subjects. The first one is the floor, by which the others
# are divided, unless it is greenhub's.
MICRO = {
    'yield': micro(('Boost.Context', 'floor', 'micro_boost'), GREENHUB,
                   STATE_THREADS, GO),
    'spawn_join': micro(GREENHUB, STATE_THREADS, GO),
    'queue_round_trip': [*micro(GREENHUB), GREENHUB_CHANNEL,
                         *micro(STATE_THREADS, GO)],
    'sleepers': micro(GREENHUB, STATE_THREADS, GO),
    'timers': micro(('libev', 'peer', 'timers_libev'),
                    ('greenhub', 'greenhub', 'timers_greenhub'),
                    ('libuv', 'peer', 'timers_libuv'),
                    ('libevent', 'peer', 'timers_libevent')),
    'create_join': [*micro(('OS threads', 'peer', 'micro_threads')),
                    run('shared', 'micro_threads'),
                    run('own', 'micro_threads')],
}
MICRO['thread_yield'] = MICRO['create_join']

# Calls through libgreenhub-patch that do not wait: row -> the figures of micro_patch,
# which measures its own floor.
HOOKS = {
    'hook_native': {'read': 'ns', 'getspecific': 'ns'},
    'mutex_pair': {'native': 'ns', 'green': 'ns'},
}

# A child process from its start to its status: the figures of micro_process, which
# measures its own floor.
PROCESSES = {'start_wait': {'small': 'ns', 'one_gib': 'ns'}}

# A look at a process with 20,000 greenthreads: row -> watched_greenhub's argument, and
# its figures.
WATCHED = {
    'dump_20000': ('dump', {'wall': 'ms', 'cpu': 'ms'}),
    'top_refresh': ('top', {'share': '%'}),
}

# Bytes from one stream to another.
COPY = micro(('greenhub', 'greenhub', 'copy_greenhub'))

# A line of a log.
LOG = micro(('greenhub', 'greenhub', 'log_greenhub'))

# Regular files: row -> the arguments of files_greenhub. Each program measures its own
# floor, with plain calls.
FILES = {
    'files_4k': ['read', '4096'],
    'files_64k': ['read', '65536'],
    'files_cold_4k': ['cold', '4096'],
    'files_cold_64k': ['cold', '65536'],
    'files_sync': ['sync', '4096'],
    'files_late': ['late', '65536'],
}

# Libraries that block: row -> the figures of libraries_NAME, and what they are
# divided by. Each program is its own floor.
LIBRARIES = {
    'libraries_100': ({'at_once': 'ms'}, 'one alone'),
    'libraries_threads': ({'beside': 'ms', 'cpu': 'ms'}, '100 OS threads'),
}

# Rows in which the first subject is the floor.
WITH_FLOOR = {'yield', 'timers', 'create_join', 'thread_yield', 'py_timers', 'py_sleep_0', 'py_spawn_n',
              'py_spawn_n_call'}

# Rows without a program of greenhub's yet: (row, why)
OPEN = []

# The peers' libraries: their names in meson, and their names here.
PEER_LIBRARIES = {'libuv': 'libuv', 'libevent': 'libevent',
                  'libevent_core': 'libevent', 'st': 'State Threads',
                  'boost': 'Boost.Context'}


def program(build, name):
    return os.path.join(build, 'bench', name)


def command(build, subject):
    first, *more = subject.command
    return [program(build, first), *(
        program(build, word[1:]) if word.startswith('@') else word
        for word in more)]


def is_built(build, subject):
    needed = [subject.command[0], *(word[1:] for word in subject.command
                                    if word.startswith('@'))]
    return all(os.access(program(build, name), os.X_OK) for name in needed)


def hub_names(build):
    """The hubs that `greenhub hubs` lists, whether they can be used here or not."""
    command = os.path.join(build, 'greenhub')
    try:
        listed = json.loads(subprocess.run(
            [command, 'hubs', '--json'], stdout=subprocess.PIPE, check=True,
            timeout=30).stdout)
        if isinstance(listed, dict):
            listed = listed['hubs']
        names = [hub['name'] for hub in listed]
    except (OSError, ValueError, LookupError, TypeError,
            subprocess.SubprocessError) as error:
        print(f'note: no list from {command} ({type(error).__name__}); '
              f'trying {", ".join(HUBS)}')
        names = HUBS
    return [name for name in names if name not in NOT_REAL]


def files_session(build):
    return [Subject(hub, 'greenhub', ['files_greenhub', hub], None)
            for hub in hub_names(build)]


def libraries_session():
    return [Subject(name, 'greenhub', [command], None) for name, command in (
        ('hiredis', 'libraries_hiredis'), ('libpq', 'libraries_libpq'),
        ('libcurl', 'libraries_libcurl'),
        ('libcurl with TLS', 'libraries_libcurl'))]


def echo_floor(name):
    if name in PER_CONNECTION:
        return OS_THREADS
    return {THREADS: ONE_THREAD, TRACED: UNTRACED}.get(name, FLOOR)


def echo_sessions(build, name):
    """Lists of subjects that alternate with each other and with the row's floor, which
    is not in them."""
    if name == THREADS:
        yield [TWO_THREADS]
        return
    if name == TRACED:
        yield [Subject('epolls', 'greenhub',
                       ['echo_greenhub', 'traced', 'epolls'], None)]
        return
    if name == LENT:
        for hub in hub_names(build):
            yield [Subject(hub, 'greenhub', ['echo_lent', hub], None)]
        return
    if name in PER_CONNECTION:
        yield [run(tls, 'threaded_echo', WRITTEN_FOR_IT.name)
               for tls in ('shared', 'own')] + [RUN_ON_TWO, WRITTEN_FOR_IT,
                                                FLOOR]
        return
    for hub in hub_names(build):
        by_hand = BY_HAND.get(hub)
        if by_hand and not is_built(build, by_hand):
            by_hand = None
        session = [Subject(hub, 'greenhub', ['echo_greenhub', hub],
                           by_hand.name if by_hand and by_hand != AGAIN
                           else None)]
        yield [by_hand, *session] if by_hand else session
    for peers in PEERS:
        yield [Subject(name, 'peer', [command], None)
               for name, command in peers]
