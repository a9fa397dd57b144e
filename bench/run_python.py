#!/usr/bin/env python3
"""Measures the hubs for Eventlet beside Eventlet's own, gevent, asyncio and uvloop;
prints a table, writes BUILD/bench-python.json. What is measured and how to read it:
bench/README.md."""

import argparse
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import measure  # noqa: E402
import report  # noqa: E402
import subjects  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
REFERENCE = 'Eventlet epolls'
ECHO = ('echo_100', 'echo_5000')
MICRO = ('py_timers', 'py_sleep_0', 'py_spawn_n', 'py_spawn_n_call')

# Prints the versions that are reported with the figures.
VERSIONS = '''
import platform
print("Python", platform.python_version())
for name in ("eventlet", "greenlet", "gevent", "uvloop"):
    try:
        print(name, __import__(name).__version__)
    except ImportError:
        pass
'''


class Programs:
    """The programs in bench/python, run by the Python that has greenhub."""

    def __init__(self, python):
        self.python = os.path.abspath(python)

    def subject(self, name, kind, program, *arguments, like=REFERENCE):
        path = os.path.join(HERE, 'python', program + '.py')
        return subjects.Subject(name, kind, [self.python, path, *arguments],
                                like if name != like else None)

    def ask(self, words):
        return subprocess.run([self.python, '-W', 'ignore', '-c', words],
                              stdout=subprocess.PIPE, check=True, text=True,
                              timeout=60).stdout

    def hubs(self):
        names = self.ask('import greenhub; print(*greenhub.hub_names())')
        return [name for name in names.split()
                if name not in subjects.NOT_REAL]

    def echo_sessions(self):
        """The subjects that alternate: always with Eventlet's own hub, to which the
        important ratio is, and with the floor."""
        eventlet = self.subject(REFERENCE, 'peer', 'echo_eventlet', 'epolls')
        ours = [self.subject(hub, 'greenhub', 'echo_eventlet',
                             'greenhub.' + hub) for hub in self.hubs()]
        alone = self.subject('epolls without Eventlet', 'greenhub', 'echo_hub',
                             'greenhub.epolls')
        faster = self.subject('epolls accelerated', 'greenhub', 'echo_eventlet',
                              'greenhub.epolls', 'accelerate')
        gevent = self.subject('gevent', 'peer', 'echo_gevent')
        yield [eventlet, *ours[:1], faster, gevent]
        yield [eventlet, alone, *(
            self.subject(loop, 'peer', 'echo_asyncio', loop)
            for loop in ('asyncio', 'uvloop'))]
        yield [eventlet, self.subject('Eventlet poll', 'peer', 'echo_eventlet',
                                      'poll'), *ours[1:2]]
        for first in range(2, len(ours), 3):
            yield [eventlet, *ours[first:first + 3]]

    def micro_session(self):
        yield self.subject(REFERENCE, 'peer', 'micro_eventlet', 'epolls')
        for hub in self.hubs():
            yield self.subject(hub, 'greenhub', 'micro_eventlet',
                               'greenhub.' + hub)
        yield self.subject('Eventlet poll', 'peer', 'micro_eventlet', 'poll')
        yield self.subject('gevent', 'peer', 'micro_gevent')
        for loop in ('asyncio', 'uvloop'):
            yield self.subject(loop, 'peer', 'micro_asyncio', loop)


def rows(options, programs):
    told = set()
    for name in ECHO if options.only is None else \
            [name for name in ECHO if name in options.only]:
        for session in programs.echo_sessions():
            for row in measure.Echo(options, name, session).run():
                # The reference runs in each session, and is reported once.
                if (name, row['subject']) not in told:
                    told.add((name, row['subject']))
                    yield row
    whole = list(programs.micro_session())
    for name in MICRO if options.only is None else \
            [name for name in MICRO if name in options.only]:
        # asyncio's tasks are no greenlets, and starting one is no spawn_n.
        session = [one for one in whole if name != 'py_spawn_n_call' or
                   'asyncio' not in one.command[1]]
        subjects.MICRO[name] = session
        yield from measure.Micro(options, name, name, session, [name],
                                 {name: 'ns'}).run()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('build', nargs='?', default=os.path.join(ROOT, 'build'))
    parser.add_argument('python', nargs='?', default=os.path.join(
        ROOT, 'build-python', 'venv', 'bin', 'python'))
    parser.add_argument('--rounds', type=int, help='rounds for each row (default: 1)')
    parser.add_argument('--slices', type=int,
                        help='slices of each server in half a round '
                             '(default: 6)')
    parser.add_argument('--seconds', type=float,
                        help='length of a slice (default: 0.1)')
    parser.add_argument('--only', action='append', choices=[*ECHO, *MICRO])
    parser.add_argument('--quick', action='store_true',
                        help='only check that it works: the figures mean little')
    options = parser.parse_args()
    defaults = (1, 2, 0.05) if options.quick else (1, 6, 0.1)
    for name, default in zip(('rounds', 'slices', 'seconds'), defaults):
        if getattr(options, name) is None:
            setattr(options, name, default)
        if getattr(options, name) <= 0:
            parser.error(f'--{name} must be more than 0')
    return options


def main():
    options = parse_options()
    began = time.monotonic()
    programs = Programs(options.python)
    facts = report.machine(options.build,
                           subjects.program(options.build, 'floor_epoll'))
    facts['environment'] = measure.environment()
    facts['versions'] = dict(line.split(' ', 1) for line in
                             programs.ask(VERSIONS).splitlines())
    table = report.Table()
    # 250 s on two cores of an EPYC, most of it for opening connections.
    table.head(facts, 60 if options.quick or options.only else 250)
    stolen, ticks = report.cpu_ticks()
    found = []
    for row in rows(options, programs):
        found.append(row)
        table.row(row)
    now_stolen, now_ticks = report.cpu_ticks()
    facts['stolen_percent'] = round(
        100 * (now_stolen - stolen) / max(1, now_ticks - ticks), 2)
    facts['seconds'] = round(time.monotonic() - began)
    path = os.path.join(options.build, 'bench-python.json')
    report.write_json(path, facts, vars(options), found)
    failed = sum(row['status'] == 'FAILED' for row in found)
    print(f'\n{len(found)} rows in {path}, in {facts["seconds"]} s; "like" is '
          f'the ratio to {REFERENCE}' + (f'; {failed} FAILED' if failed else ''))
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
