#!/usr/bin/env python3
"""Prints the instructions of an echo request on Eventlet by shared object: it runs the
server under valgrind's callgrind.

    profile_python.py [BUILD [PYTHON [HUB]]]

Counts, not times, and without the kernel's part. Needs valgrind."""

import collections
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import echo_rounds  # noqa: E402
import report  # noqa: E402
import run_python  # noqa: E402

REQUESTS = 20000
# Descriptions of objects, by the beginning of their file's name.
WHAT = {'_hub.': 'the hub', '_greenlet.': 'greenlet',
        'python': 'Python: Eventlet and the program',
        'libpython': 'Python: Eventlet and the program'}


def control(word, pid):
    subprocess.run(['callgrind_control', word, str(pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(build, python, hub, folder):
    """Loads a server. Returns the file with callgrind's counts."""
    out = os.path.join(folder, 'out')
    # Both on one core, and the load runs only while the server sleeps. Otherwise it
    # would send the next request before the slowed-down server waits for it. So the
    # server waits for each request, which costs the hub a whole iteration.
    core = echo_rounds.cores()[0]
    server = echo_rounds.start(
        ['valgrind', '--tool=callgrind', '--callgrind-out-file=' + out, python,
         os.path.join(run_python.HERE, 'python', 'echo_eventlet.py'), hub, '0'],
        core)
    load = None
    try:
        port = echo_rounds.expect(server, 'the server', 'listening')[0]
        load = echo_rounds.start([os.path.join(build, 'bench', 'load'), port,
                                  '100', str(REQUESTS), '64'], core)
        os.sched_setscheduler(load.pid, os.SCHED_IDLE, os.sched_param(0))
        echo_rounds.expect(load, 'the load', 'start')
        control('-z', server.pid)
        load.stdin.write(b'\n')
        load.stdin.flush()
        echo_rounds.expect(load, 'the load', 'stop')
        control('-d', server.pid)
    finally:
        for process in (load, server):
            if process:
                echo_rounds.end(process)
    return glob.glob(out + '.1')[0]


def by_object(path):
    """{object: instructions of its own}. In the file `ob=(number) name` says whose
    the lines after it are; the line after `calls=` is what a callee took."""
    names, counts, current, callee = {}, collections.Counter(), '', False
    with open(path, encoding='utf-8', errors='replace') as file:
        for line in file:
            if line.startswith('ob='):
                number, name = re.match(r'ob=\((\d+)\)(?: (.*))?',
                                        line).groups()
                current = names.setdefault(number, name)
            elif line.startswith('cob='):
                number, name = re.match(r'cob=\((\d+)\)(?: (.*))?',
                                        line).groups()
                names.setdefault(number, name)
            elif line.startswith('calls='):
                callee = True
            elif re.match(r'[\d+*-]', line):
                words = line.split()
                if not callee and len(words) == 2:
                    counts[current] += int(words[1])
                callee = False
    return counts


def shares(counts):
    """[(what, instructions a request, percent)], the largest first."""
    found = collections.Counter()
    for name, count in counts.items():
        base = os.path.basename(name or '')
        what = next((words for begin, words in WHAT.items()
                     if base.startswith(begin)), 'the C library and others')
        found[what] += count
    total = sum(found.values())
    return [(what, count / REQUESTS, 100 * count / total)
            for what, count in found.most_common()]


def main():
    arguments = sys.argv[1:]
    root = run_python.ROOT
    build = arguments[0] if arguments else os.path.join(root, 'build')
    python = arguments[1] if len(arguments) > 1 else os.path.join(
        root, 'build-python', 'venv', 'bin', 'python')
    hub = arguments[2] if len(arguments) > 2 else 'greenhub.epolls'
    with tempfile.TemporaryDirectory() as folder:
        rows = shares(by_object(measure(build, python, hub, folder)))
    for what, count, percent in rows:
        print(f'{what:<34}{count:>9,.0f} instructions a request '
              f'{percent:>6.1f} %')
    path = os.path.join(build, 'bench-python.json')
    data = report.read_json(path)
    if data:
        data.setdefault('profile', {})[hub] = rows
        report.write_json_of(path, data)


if __name__ == '__main__':
    main()
