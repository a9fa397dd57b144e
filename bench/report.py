"""Data on the machine, the table on the screen, the JSON file."""

import datetime
import json
import os
import platform
import re
import subprocess

import subjects


def first_match(path, pattern):
    """The first group of a pattern in a file; None without either."""
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        return None
    return found.group(1).strip() if found else None


def compiler_of(program):
    """The compiler's version, which it writes into each program."""
    try:
        with open(program, 'rb') as file:
            found = re.search(rb'(GCC: \([^\0]+|[^\0]*clang version [^\0]+)\0',
                              file.read())
    except OSError:
        return None
    return found.group(1).decode(errors='replace') if found else None


def build_options(build):
    """The options of a meson build that matter for speed."""
    wanted = ('buildtype', 'optimization', 'b_sanitize', 'b_ndebug', 'b_lto',
              'c_args')
    options = read_json(os.path.join(build, 'meson-info',
                                     'intro-buildoptions.json')) or []
    return {option['name']: option['value'] for option in options
            if option['name'] in wanted}


def read_json(path):
    """The contents of a JSON file; None if there is none."""
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def peers(build):
    """The versions of the peers that the build found."""
    found = {}
    for library in read_json(os.path.join(
            build, 'meson-info', 'intro-dependencies.json')) or []:
        name = subjects.PEER_LIBRARIES.get(library.get('name'))
        if name:
            found[name] = library.get('version', '')
    major, minor = (first_match('/usr/include/ev.h',
                                rf'define EV_VERSION_{part} (\d+)')
                    for part in ('MAJOR', 'MINOR'))
    if major and os.path.exists(subjects.program(build, 'echo_libev')):
        found['libev'] = f'{major}.{minor}'
    try:
        said = subprocess.run(
            ['go', 'version', subjects.program(build, 'micro_go')],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
            timeout=30).stdout.decode().split()
        found['Go'] = said[-1].removeprefix('go')
    except (OSError, IndexError, subprocess.SubprocessError):
        pass
    return found


def machine(build, program):
    """Facts on the machine and the build, read from the system."""
    return {
        'date': datetime.datetime.now().astimezone().isoformat(
            timespec='seconds'),
        'cpu': first_match('/proc/cpuinfo', r'^model name\s*:\s*(.*)$')
               or platform.machine(),
        'architecture': platform.machine(),
        'cores': os.cpu_count(),
        'cores_usable': len(os.sched_getaffinity(0)),
        'memory_kb': first_match('/proc/meminfo', r'^MemTotal:\s*(\d+)'),
        'kernel': platform.release(),
        'system': first_match('/etc/os-release', r'^PRETTY_NAME="?([^"\n]*)'),
        'compiler': compiler_of(program),
        'build': build_options(build),
        'peers': peers(build),
        'load_average': os.getloadavg()[0],
    }


def cpu_ticks():
    """(ticks stolen by the hypervisor, all ticks) since boot."""
    with open('/proc/stat', encoding='ascii') as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return ticks[7], sum(ticks)


def warnings(facts):
    """The reasons to doubt the figures of this run."""
    if facts['load_average'] > 0.5:
        yield (f"the machine was busy before the run (load average "
               f"{facts['load_average']:.2f}); figures are noisy")
    if facts['cores_usable'] < 2:
        yield 'server and load share one core; ratios are too close to 1'
    if facts['build'].get('optimization') in ('0', 'g'):
        yield 'the build is not optimised'
    if facts['build'].get('b_sanitize', 'none') not in ('none', []):
        yield 'the build has sanitizers'


def number(value, unit=''):
    if value is None:
        return '-'
    digits = 0 if value >= 1000 or value == int(value) else 1
    return f'{value:,.{digits}f} {unit}'.strip()


def title(row):
    return ' '.join([row['name'], row.get('figure', '')]).strip()


def ratio_of(value):
    return '-' if value is None else f'{value:.3f}'


def spread_of(row):
    low, high = row['spread']
    if row['ratio'] is not None:
        return f'{low:.3f} - {high:.3f}'
    return f'{number(low)} - {number(high)}'


def cells(row):
    """A row of the table: name, subject, value, floor, ratios, spread."""
    if row['status'] != 'ok':
        return [title(row), row['subject'], row['status'], '', '', '',
                row['reason']]
    return [title(row), row['subject'], number(row['value'], row['unit']),
            number(row['floor'], row['unit']), ratio_of(row['ratio']),
            ratio_of(row.get('like_ratio')), spread_of(row)]


class Table:
    """Prints rows as they come."""

    widths = (34, 23, 13, 13, 8, 8, 0)

    def line(self, words):
        aligned = [f'{word:<{width}}' if column in (0, 1, 6)
                   else f'{word:>{width}}  '
                   for column, (word, width) in enumerate(
                       zip(words, self.widths))]
        print(''.join(aligned).rstrip(), flush=True)

    def head(self, facts, seconds):
        print(f"{facts['cpu']}, {facts['cores']} cores, "
              f"Linux {facts['kernel']}, {facts['compiler']}")
        for warning in warnings(facts):
            print(f'warning: {warning}')
        print(f'This takes about {max(1, round(seconds / 60))} min.\n')
        self.line(['name', 'subject', 'value', 'floor', 'ratio', 'like',
                   'spread'])

    def row(self, row):
        self.line(cells(row))


def write_json_of(path, data):
    """Writes the file whole or not at all."""
    with open(path + '.new', 'w', encoding='utf-8') as file:
        json.dump(data, file, indent=1)
        file.write('\n')
    os.replace(path + '.new', path)


def write_json(path, facts, options, rows):
    write_json_of(path, {'machine': facts, 'options': options, 'rows': rows})
