"""Bar charts as SVG, written without a library, in the system's fonts. Colours
follow the reader's light or dark scheme."""

from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 760, 190, 170
BAR, STEP, HEAD, PANEL_HEAD, FOOT = 16, 24, 58, 30, 16
# A bar longer than this many times the median is cut, so that the others stay
# readable; its label has the figure.
CUT = 3

STYLE = '''
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .small { font-size: 12px; fill: #59636e; }
  .page { fill: #ffffff; }
  .greenhub { fill: #1a7f37; } .floor { fill: #818b98; }
  .peer { fill: #4a8bd6; } .cut { stroke: #ffffff; stroke-width: 3; }
  .mark { stroke: #59636e; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9198a1; }
    .page { fill: #0d1117; }
    .greenhub { fill: #3fb950; } .floor { fill: #7d8590; }
    .peer { fill: #58a6ff; } .cut { stroke: #0d1117; }
    .mark { stroke: #9198a1; }
  }
'''

LEGEND = [('greenhub', 'greenhub'), ('floor', 'written by hand, or bare'),
          ('peer', 'other libraries')]


class Bar:
    """A bar: its label, its kind (greenhub, floor, peer), its length in the
    panel's unit, and the text at its end. value None: no bar."""

    def __init__(self, label, kind, value, words):
        self.label, self.kind = label, kind
        self.value, self.words = value, words


class Panel:
    """Bars on one scale. mark: the place of a dashed line, or None."""

    def __init__(self, title, bars, mark=None):
        self.title, self.bars, self.mark = title, bars, mark


def scale_of(panel):
    values = sorted(bar.value for bar in panel.bars if bar.value is not None)
    if not values:
        return 1
    longest = max(CUT * values[len(values) // 2], panel.mark or 0)
    return min(values[-1], longest) * 1.02 or 1


def text(x, y, words, style='', anchor='start'):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
            f' class="{style}">{escape(words)}</text>')


def draw_bar(bar, y, scale):
    room = WIDTH - LEFT - RIGHT
    yield text(LEFT - 8, y + 13, bar.label, anchor='end')
    if bar.value is None:
        yield text(LEFT + 4, y + 13, bar.words, 'small')
        return
    length = min(bar.value / scale, 1) * room
    yield (f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}"'
           f' rx="2" class="{bar.kind}"/>')
    if bar.value > scale:
        x = LEFT + room - 24
        yield (f'<path d="M{x} {y + BAR + 2} l8 -{BAR + 4}" class="cut"/>'
               f'<path d="M{x + 7} {y + BAR + 2} l8 -{BAR + 4}" class="cut"/>')
    yield text(LEFT + length + 6, y + 13, bar.words, 'small')


def draw_panel(panel, y):
    scale = scale_of(panel)
    yield text(16, y + 18, panel.title, 'small')
    y += PANEL_HEAD
    for number, bar in enumerate(panel.bars):
        yield from draw_bar(bar, y + number * STEP, scale)
    if panel.mark:
        x = LEFT + panel.mark / scale * (WIDTH - LEFT - RIGHT)
        yield (f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 4}"'
               f' y2="{y + len(panel.bars) * STEP}" class="mark"/>')


def draw_legend(kinds):
    x = 16
    for kind, words in LEGEND:
        if kind in kinds:
            yield (f'<rect x="{x}" y="38" width="11" height="11" rx="2"'
                   f' class="{kind}"/>')
            yield text(x + 16, 48, words, 'small')
            x += 34 + 7 * len(words)


def chart(title, panels):
    """A whole SVG file."""
    height = HEAD + FOOT + sum(PANEL_HEAD + STEP * len(panel.bars)
                               for panel in panels)
    bars = [bar for panel in panels for bar in panel.bars]
    description = '; '.join(f'{bar.label}: {bar.words}' for bar in bars)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH}'
        f' {height}" width="{WIDTH}" height="{height}" role="img"'
        ' aria-labelledby="title about">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="about">{escape(description)}</desc>',
        f'<style>{STYLE}</style>',
        f'<rect width="{WIDTH}" height="{height}" class="page"/>',
        text(16, 26, title, 'title'),
        *draw_legend({bar.kind for bar in bars if bar.value is not None}),
    ]
    y = HEAD
    for panel in panels:
        lines += draw_panel(panel, y)
        y += PANEL_HEAD + STEP * len(panel.bars)
    return '\n'.join([*lines, '</svg>', ''])
