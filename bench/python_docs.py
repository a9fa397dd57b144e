#!/usr/bin/env python3
"""Writes the figures of the last `make bench-python` into docs/python.md, between
its two marks, and a chart beside it. No figure there comes from elsewhere.

  python_docs.py [BENCH_PYTHON_JSON]"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import chart  # noqa: E402
import report  # noqa: E402
import run_python  # noqa: E402
import svg  # noqa: E402

ROOT = run_python.ROOT
PAGE = os.path.join(ROOT, 'docs', 'python.md')
BEGIN, END = '<!-- figures:', '<!-- end of figures -->'
MICRO = {'py_timers': 'timer: schedule, fire', 'py_sleep_0': 'sleep(0)',
         'py_spawn_n': 'spawn_n, run, end',
         'py_spawn_n_call': 'spawn_n, the call'}


def found(rows, name, subject):
    for row in rows:
        if row['name'] == name and row['subject'] == subject:
            return row
    return None


def microseconds(row):
    if row is None:
        return ''
    if row['status'] != 'ok':
        return row['status']
    return f"{row['value'] / 1000:.2f}"


def ratio(row):
    """The ratio to Eventlet's epolls, with its quartiles."""
    if row is None or row['status'] != 'ok':
        return ''
    if row['subject'] == run_python.REFERENCE:
        return '1'
    low, high = row['like_spread']
    return f"{row['like_ratio']:.2f} ({low:.2f} - {high:.2f})"


def subjects_of(rows, names):
    return list(dict.fromkeys(row['subject'] for row in rows
                              if row['name'] in names))


def label(rows, subject):
    kind = next(row['kind'] for row in rows if row['subject'] == subject)
    return f'greenhub {subject}' if kind == 'greenhub' else subject


def echo_lines(rows):
    yield ('| echo, \u00b5s a request | 100 connections | \u00f7 Eventlet '
           'epolls | 5,000 connections | \u00f7 Eventlet epolls |')
    yield '| --- | ---: | ---: | ---: | ---: |'
    for subject in subjects_of(rows, run_python.ECHO):
        cells = [label(rows, subject)]
        for name in run_python.ECHO:
            row = found(rows, name, subject)
            cells += [microseconds(row), ratio(row)]
        yield f"| {' | '.join(cells)} |"
    floors = [next(row for row in rows if row['name'] == name
                   and row['status'] == 'ok')['floor']
              for name in run_python.ECHO]
    yield (f'| epoll by hand, in C | {floors[0] / 1000:.2f} | '
           f'| {floors[1] / 1000:.2f} | |')


def micro_lines(rows):
    yield f"| \u00b5s each | {' | '.join(MICRO.values())} |"
    yield '| --- ' + '| ---: ' * len(MICRO) + '|'
    for subject in subjects_of(rows, MICRO):
        cells = [label(rows, subject)]
        cells += [microseconds(found(rows, name, subject)) for name in MICRO]
        yield f"| {' | '.join(cells)} |"


def machine_lines(facts, options):
    versions = ', '.join(f'{name} {version}'
                         for name, version in facts['versions'].items())
    yield (f"{facts['date']}: {facts['cpu']}, {facts['cores']} cores, "
           f"{facts['system']}, Linux {facts['kernel']}; {versions}; "
           f"{facts['compiler']}. Load before the run "
           f"{facts['load_average']:.2f}; {facts['stolen_percent']} % of the "
           f"CPU time stolen by the hypervisor during it. The server on one "
           f"core, its load on the other, messages of 64 bytes in lock-step; "
           f"the server's CPU time, user and system. Medians of "
           f"{2 * options['rounds'] * options['slices']} slices of "
           f"{options['seconds']} s, taken by turns; the ratio is the median "
           "of those within a turn, its quartiles in brackets.")
    for warning in report.warnings(facts):
        yield f'\n**Warning:** {warning}.'


def share_line(rows):
    """The share of Eventlet's Python and the greenlets in a request."""
    whole = found(rows, 'echo_100', 'epolls')
    alone = found(rows, 'echo_100', 'epolls without Eventlet')
    if not whole or not alone or 'ok' != whole['status'] == alone['status']:
        return
    part = 100 * (1 - alone['like_ratio'] / whole['like_ratio'])
    yield (f'Of what a request takes on greenhub epolls, {part:.0f} % is '
           "Eventlet's own Python and its greenlets: without them, on the "
           'same hub, it takes the rest. [What it can\'t make '
           "faster](#what-it-cant-make-faster) says more.")


def profile_lines(profile):
    """The table that bench/profile_python.py has added to the file."""
    for hub, shares in profile.items():
        yield (f'Where the instructions of a request go on {hub}, 100 '
               'connections, each request waited for by itself, counted by '
               'callgrind, without the kernel\'s:\n')
        yield '| | instructions | share |'
        yield '| --- | ---: | ---: |'
        for what, count, percent in shares:
            yield f'| {what} | {count:,.0f} | {percent:.1f} % |'
        yield ''


def write_chart(rows):
    panels = []
    for name in run_python.ECHO:
        bars = []
        for subject in subjects_of(rows, [name]):
            row = found(rows, name, subject)
            value = row['value'] / 1000 if row['status'] == 'ok' else None
            words = f'{value:.1f} \u00b5s' if value else row['status']
            bars.append(svg.Bar(label(rows, subject), row['kind'], value,
                                words))
        panels.append(svg.Panel(chart.GROUPS[name][0] + ': CPU time for a '
                                'request', bars))
    folder = os.path.join(ROOT, 'docs', 'benchmarks')
    os.makedirs(folder, exist_ok=True)
    chart.write(os.path.join(folder, 'python.svg'),
                svg.chart('Echo on Eventlet and its like', panels))


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else \
        os.path.join(ROOT, 'build', 'bench-python.json')
    if not os.path.exists(path):
        sys.exit(f'{path} does not exist: `make bench-python` writes it')
    data = chart.read(path)
    if data['options']['quick'] or data['options']['only']:
        sys.exit(f'{path}: the run was quick, or not whole')
    rows = data['rows']
    with open(PAGE, encoding='utf-8') as file:
        before, _, rest = file.read().partition(BEGIN)
    mark, _, after = rest.partition(END)
    write_chart(rows)
    lines = [BEGIN + mark.split('\n')[0], '', *echo_lines(rows), '',
             *share_line(rows), '', '![Echo](benchmarks/python.svg)', '',
             *profile_lines(data.get('profile', {})), *micro_lines(rows), '',
             *machine_lines(data['machine'], data['options']), '']
    chart.write(PAGE, before + '\n'.join(lines) + '\n' + END + after)


if __name__ == '__main__':
    main()
