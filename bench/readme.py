"""The figures that README.md shows, from a run of `make bench`: one line for
each figure that matters to a visitor, greenhub beside the best of the peers."""

import report

BEGIN = '<!-- figures: written by `make bench-docs` -->'
END = '<!-- end of figures -->'

# The text, the rows' name, their figure, whether to show the ratio to the floor.
LINES = (
    ("CPU time of the server for an echo, 100 connections (beside an epoll loop "
     "by hand)", 'echo_100', None, True),
    ('the same, 5,000 connections', 'echo_5000', None, True),
    ('memory of a waiting greenthread, of 1,000,000', 'sleepers_1m', 'resident',
     False),
    ('a switch', 'yield', None, False),
    ('to spawn and join', 'spawn_join', None, False),
    ('to arm a timer, of 1,000,000', 'timers_1m', 'arm', False),
    ('to fire one', 'timers_1m', 'fire', False),
)

# The default hub, for rows that there are for each hub.
HUB = 'epolls'


def measure(row, as_ratio):
    return row['ratio'] if as_ratio else row['value']


def words(row, as_ratio):
    value = report.number(row['value'], row['unit'])
    return f"\u00d7 {row['ratio']:.2f} ({value})" if as_ratio else value


def line(rows, what, name, figure, as_ratio):
    """A line of the table; None if the run did not measure it."""
    found = [row for row in rows
             if row['name'] == name and row['status'] == 'ok'
             and row.get('figure') == figure
             and measure(row, as_ratio) is not None]
    ours = [row for row in found if row['kind'] == 'greenhub'
            and row['subject'] in ('greenhub', HUB)]
    peers = [row for row in found if row['kind'] == 'peer' or
             (not as_ratio and row['kind'] not in ('greenhub', 'peer'))]
    if not ours or not peers:
        return None
    best = min(peers, key=lambda row: measure(row, as_ratio))
    return (f'| {what} | {words(ours[0], as_ratio)} '
            f"| {words(best, as_ratio)}, {best['subject']} |")


def figures(data):
    """The text between the two marks."""
    facts = data['machine']
    lines = [found for entry in LINES
             if (found := line(data['rows'], *entry)) is not None]
    return '\n'.join([
        BEGIN,
        '![Echo, 100 connections: greenhub beside its peers]'
        '(docs/benchmarks/echo_100.svg)',
        '',
        '| | greenhub | the best peer |',
        '| --- | ---: | ---: |',
        *lines,
        '',
        f"One run on {facts['date'][:10]}, {facts['cpu']}, {facts['cores']} cores, "
        f"Linux {facts['kernel']}: [docs/benchmarks.md](docs/benchmarks.md) has "
        'all of it.',
        END])


def put_into(text, data):
    """README.md with this run's figures instead of the former ones."""
    begin, end = text.index(BEGIN), text.index(END) + len(END)
    return text[:begin] + figures(data) + text[end:]
