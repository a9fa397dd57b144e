#!/usr/bin/env python3
"""Makes charts and docs/benchmarks.md from the file that `make bench` writes. All
figures come from that file.

  chart.py [BENCH_JSON]             charts into bench-charts/ beside it
  chart.py --docs FOLDER [...]      FOLDER/benchmarks.md, and its charts in
                                    FOLDER/benchmarks/; and the figures in the
                                    README.md beside FOLDER"""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import readme  # noqa: E402
import report  # noqa: E402
import svg  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# A group of rows, by the beginning of its name: a title, a sentence.
GROUPS = {
    'echo_1': (
        'Echo, 1 connection', "The server's CPU time for a request of 64 "
        'bytes on a single connection: each one wakes it.'),
    'echo_100': (
        'Echo, 100 connections', "The server's CPU time for a request of 64 "
        'bytes, 100 connections in lock-step.'),
    'echo_5000': (
        'Echo, 5,000 connections', "The server's CPU time for a request of 64 "
        'bytes, 5,000 connections in lock-step.'),
    'echo_64k': (
        'Echo of 64 KiB, 100 connections', "The server's CPU time for a "
        'message of 64 KiB and its echo.'),
    'accept': (
        'A connection for each message', "The server's CPU time for a whole "
        'connection: accept, echo 64 bytes, close; 100 open at a time.'),
    'echo_100_traced': (
        'Echo while a trace is on', "The server's CPU time for a request of 64 "
        'bytes, 100 connections in lock-step, beside the same server without a '
        'trace.'),
    'threads': (
        'Two OS threads', "The server's CPU time for a request of 64 bytes on "
        'two OS threads beside one, 100 connections, all on one core.'),
    'thread_per_connection_100': (
        'A thread for each connection, 100', 'The CPU time for a request of 64 '
        'bytes, and the memory of a connection, of a program that knows nothing '
        'of greenhub: on OS threads, and by `greenhub run`, on one OS thread '
        'and on two. Beside it the server written for greenhub, and one by '
        'hand.'),
    'thread_per_connection_5000': (
        'A thread for each connection, 5,000', 'The same with 5,000 '
        'connections.'),
    'files_4k': (
        'Reading files, 4 KiB', 'A read of 4 KiB at a random place of a file '
        'that is in the page cache: CPU time of the process and wall time for '
        'each, by so many greenthreads.'),
    'files_64k': (
        'Reading files, 64 KiB', 'The same, 64 KiB.'),
    'files_cold_4k': (
        'Reading from the disk, 4 KiB', 'The same past the page cache '
        '(O_DIRECT), 4 KiB.'),
    'files_cold_64k': (
        'Reading from the disk, 64 KiB', 'The same, 64 KiB.'),
    'files_sync': (
        'Writing and syncing files', 'A write of 4 KiB and an fsync, by so '
        'many greenthreads with a file each.'),
    'libraries_100': (
        'Libraries that block', 'A hundred greenthreads each connect to a '
        'server by a library that blocks, wait for an answer that takes about '
        '0.2 s, and disconnect: the time until all are done, beside that of '
        'one alone.'),
    'libraries_threads': (
        'Libraries that block, on OS threads', "The same: time and CPU time "
        'beside those of a hundred OS threads.'),
    'create_join': (
        'Create and join a thread', 'pthread_create, the thread runs and ends, '
        'pthread_join: on OS threads, and by `greenhub run`.'),
    'thread_yield': (
        "A thread's yield", 'A switch between two threads that call '
        'sched_yield: on OS threads, and by `greenhub run`.'),
    'hook_native': (
        'A hook that stays native', 'A call through libgreenhub-patch in a '
        "native region, beside libc's own function."),
    'mutex_pair': (
        'A mutex without contention', 'pthread_mutex_lock and unlock through '
        'libgreenhub-patch, in a native region and green.'),
    'start_wait': (
        'Start a program and wait for it', '/bin/true, from its start until '
        'its status is collected, in a small program and in one with 1 GiB '
        'of memory.'),
    'files_late': (
        'A timer while files are read', 'How late a greenthread that sleeps '
        'until each millisecond wakes, while 16 others read 64 KiB from the '
        'disk: the median, and what one time in a hundred is exceeded.'),
    'log_line': (
        'A line of a log', 'green_log beside a write(2) of the same bytes: what it costs '
        'who logs, and with the writing, in bursts of 1,000 lines.'),
    'dump_20000': (
        'A dump of 20,000 greenthreads', 'green_dump_all of 20,000 greenthreads that '
        'wait, to a file in memory.'),
    'top_refresh': (
        'The screen of greenhub top', 'What the process with 20,000 greenthreads pays '
        'for a refresh each second, as a part of a core.'),
    'yield': (
        'Yield', 'A switch to another greenthread that is ready to run.'),
    'spawn_join': (
        'Spawn and join', 'Spawn a greenthread, have it run and end, join '
        'it.'),
    'queue_round_trip': (
        'Queue round trip', 'A value to another greenthread through a queue, '
        'and one back.'),
    'sleepers': (
        'Sleepers', 'So many greenthreads asleep at once. Resident memory and '
        'page tables for each, the time to spawn one, and the time for it to '
        'start and fall asleep.'),
    'timers': (
        'Timers', 'Operations with so many timers outstanding, for each '
        'timer.'),
}
FIGURES = {
    'resident': 'resident memory', 'page_tables': 'page tables',
    'spawn': 'spawn', 'run_and_sleep': 'run, fall asleep', 'arm': 'arm',
    'cancel_rearm': 'cancel and re-arm', 'cancel': 'cancel', 'fire': 'fire',
    'cpu_1': 'CPU time, 1 greenthread', 'wall_1': 'wall time, 1 greenthread',
    'cpu_16': 'CPU time, 16', 'wall_16': 'wall time, 16',
    'cpu_64': 'CPU time, 64', 'wall_64': 'wall time, 64',
    'cpu': 'CPU time', 'memory': 'memory of a connection',
    'read': 'read of 0 bytes', 'getspecific': 'pthread_getspecific',
    'native': 'native', 'green': 'green',
    'wall': 'wall time', 'share': 'CPU time, of a core',
    'late_median': 'late, median', 'late_99': 'late, 1 in 100',
}


def about(name):
    """Title and sentence of a group of rows."""
    if name in GROUPS:
        return GROUPS[name]
    what, _, count = name.rpartition('_')
    if what not in GROUPS:
        return name, ''
    title, words = GROUPS[what]
    count = count.replace('m', ',000,000').replace('k', ',000')
    return f'{title}, {count}', words


def label(row):
    if row['kind'] == 'greenhub' and row['subject'] != 'greenhub':
        return f"greenhub {row['subject']}"
    return row['subject']


def is_echo(name):
    return name.startswith('echo') or name in ('accept', 'threads')


def bar_of(row):
    if row['status'] != 'ok':
        words = f"{row['status']}: {row['reason']}"
        return svg.Bar(label(row), row['kind'], None,
                       words if len(words) < 75 else words[:72] + '...')
    words = report.number(row['value'], row['unit'])
    if is_echo(row['name']):
        return svg.Bar(label(row), row['kind'], row['ratio'],
                       f"\u00d7 {row['ratio']:.2f} ({words})")
    return svg.Bar(label(row), row['kind'], row['value'], words)


def panels_of(name, rows):
    if is_echo(name):
        floor = {'threads': "one OS thread's",
                 'echo_100_traced': "the server's without a trace"}.get(
                     name, "the hand-written epoll loop's")
        return [svg.Panel(f'CPU time, in multiples of {floor} (dashed)',
                          [bar_of(row) for row in rows], 1)]
    figures = dict.fromkeys(row.get('figure') for row in rows
                            if row['status'] == 'ok')
    panels = []
    for figure in figures:
        if figure == 'woken':
            continue  # a check, not a figure to compare
        bars = [bar_of(row) for row in rows
                if row['status'] != 'ok' or row.get('figure') == figure]
        panels.append(svg.Panel(FIGURES.get(figure, figure) or
                                'time for each', bars))
    return panels


def groups(rows):
    """{name: its rows}, in the file's order."""
    found = {}
    for row in rows:
        found.setdefault(row['name'], []).append(row)
    return found


def read(path):
    with open(path, encoding='utf-8') as file:
        return json.load(file)


def write(path, words):
    with open(path + '.new', 'w', encoding='utf-8') as file:
        file.write(words)
    os.replace(path + '.new', path)


PYTHONS = 'python.svg'  # python_docs.py's


def write_charts(path, folder):
    """Writes a chart for each group of rows; returns how many."""
    os.makedirs(folder, exist_ok=True)
    for old in os.listdir(folder):
        if old.endswith('.svg') and old != PYTHONS:
            os.unlink(os.path.join(folder, old))
    count = 0
    for name, rows in groups(read(path)['rows']).items():
        panels = panels_of(name, rows)
        if panels:
            write(os.path.join(folder, name + '.svg'),
                  svg.chart(about(name)[0], panels))
            count += 1
    return count


# ---- docs/benchmarks.md ------------------------------------------------

INTRODUCTION = '''<!-- Written by bench/chart.py from a run of `make bench`: do \
not edit. -->
# Benchmarks

One run on one machine. On yours, `make bench-peers bench` measures all of this
anew. [bench/README.md](../bench/README.md) says what is measured, and how.

Compare ratios, not nanoseconds. *ratio* is to the floor: the epoll loop written
by hand for the servers, otherwise what the table names as the floor. *like* is to
the program written by hand on the same system call or library as the hub.
*spread* is the quartiles of the ratio, or of the value where there is no floor.
'''


def machine_lines(facts, options):
    build = facts['build']
    yield '| the machine | |'
    yield '| --- | --- |'
    yield f"| date | {facts['date']} |"
    yield f"| processor | {facts['cpu']} ({facts['architecture']}) |"
    yield f"| cores | {facts['cores']}, usable {facts['cores_usable']} |"
    yield f"| memory | {int(facts['memory_kb'] or 0) // 1024:,} MiB |"
    yield f"| system | {facts['system']}, Linux {facts['kernel']} |"
    yield (f"| build | {facts['compiler']}, {build.get('buildtype')}, "
           f"optimization {build.get('optimization')} |")
    peers = ', '.join(f'{name} {version}'.strip()
                      for name, version in facts['peers'].items())
    yield f"| peers | {peers or 'none'} |"
    yield (f"| before the run | load average {facts['load_average']:.2f} |")
    yield (f"| during the run | {facts['stolen_percent']} % of the CPU time "
           'stolen by the hypervisor |')
    yield (f"| the run | {options['rounds']} rounds, {options['slices']} "
           f"slices of {options['seconds']} s, {facts['seconds']} s in all |")
    for warning in report.warnings(facts):
        yield f'\n**Warning:** {warning}.'


def row_line(row, like):
    words = [label(row), FIGURES.get(row.get('figure'), row.get('figure'))]
    if row['status'] != 'ok':
        words += [f"{row['status']}: {row['reason']}".replace('|', '/'),
                  '', '', *([''] if like else []), '']
        return words
    words += [report.number(row['value'], row['unit']),
              report.number(row['floor'], row['unit']),
              report.ratio_of(row['ratio'])]
    if like:
        words.append(report.ratio_of(row.get('like_ratio')))
    return words + [report.spread_of(row)]


def group_lines(name, rows, has_chart):
    title, words = about(name)
    yield f'\n## {title}\n'
    yield f'`{name}`. {words}\n'
    floors = {row['floor_subject'] for row in rows if row.get('floor_subject')}
    for floor in sorted(floors):
        yield f'Floor: {floor}.\n'
    if has_chart:
        yield f'![{title}](benchmarks/{name}.svg)\n'
    like = any('like_ratio' in row for row in rows)
    figures = any('figure' in row for row in rows)
    table = [['subject', 'figure', 'value', 'floor', 'ratio',
              *(['like'] if like else []), 'spread']]
    table.append(['---', '---', *['---:'] * (len(table[0]) - 2)])
    table += [row_line(row, like) for row in rows]
    for line in table:
        if not figures:
            del line[1]
        yield f"| {' | '.join(line)} |"


def write_docs(path, folder):
    data = read(path)
    charts = os.path.join(folder, 'benchmarks')
    write_charts(path, charts)
    lines = [INTRODUCTION, *machine_lines(data['machine'], data['options'])]
    for name, rows in groups(data['rows']).items():
        has_chart = os.path.exists(os.path.join(charts, name + '.svg'))
        lines += group_lines(name, rows, has_chart)
    write(os.path.join(folder, 'benchmarks.md'), '\n'.join(lines) + '\n')
    front = os.path.join(os.path.dirname(os.path.abspath(folder)), 'README.md')
    if os.path.exists(front):
        with open(front, encoding='utf-8') as file:
            text = file.read()
        write(front, readme.put_into(text, data))


def unfit(data):
    """Why a run is not fit for the documentation; None if it is."""
    options = data['options']
    if options['quick']:
        return 'it was a quick run, whose figures mean little'
    if options['only'] or options['subject']:
        return 'only some of the rows were measured'
    return None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('json', nargs='?',
                        default=os.path.join(ROOT, 'build', 'bench.json'))
    parser.add_argument('--docs', metavar='FOLDER')
    parser.add_argument('--anyway', action='store_true',
                        help='even from a run that is quick or incomplete')
    options = parser.parse_args()
    if not os.path.exists(options.json):
        sys.exit(f'{options.json} does not exist: `make bench` writes it')
    if options.docs:
        reason = unfit(read(options.json))
        if reason and not options.anyway:
            sys.exit(f'{options.json}: {reason}')
        write_docs(options.json, options.docs)
    else:
        write_charts(options.json, os.path.join(
            os.path.dirname(options.json) or '.', 'bench-charts'))


if __name__ == '__main__':
    main()
