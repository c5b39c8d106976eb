"""Charts of the report as inline SVG: two languages in one drawing, no script, the same bytes for the same figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from evaluation.draws import Rate
from evaluation.metrics import Bin, Interval
from evaluation.shown import Words, percent

CLASS_COLOURS = {"A": "#2f855a", "B": "#2b6cb0", "C": "#c05621", "D": "#b91c1c"}
INK, MUTED, RULE, ACCENT = "#1a202c", "#64748b", "#e2e8f0", "#0f4c81"
LINES = (ACCENT, CLASS_COLOURS["C"], CLASS_COLOURS["A"], MUTED, CLASS_COLOURS["D"], "#6b46c1", "#0891b2")
WIDTH = 680.0
WIDE_ENOUGH, WIDE = 0.06, 0.12


@dataclass(frozen=True)
class Scale:
    """From figures to places on the page; logarithmic when asked."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The place of a figure; what lies outside is drawn at the edge."""
        inside = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = log10(inside / self.low) / log10(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def _svg(height: float, name: Words, body: Iterable[str], *, width: float = WIDTH) -> str:
    content = "".join(body)
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(name[0])} / {escape(name[1])}" '
        f'xmlns="http://www.w3.org/2000/svg">{content}</svg>'
    )


def _text(x: float, y: float, words: str | Words, *, anchor: str = "start", css: str = "tick") -> str:
    if isinstance(words, str):
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">{escape(words)}</text>'
    return "".join(
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css} {language}">{escape(word)}</text>'
        for language, word in zip(("zh", "en"), words, strict=True)
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = RULE, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'


def _steps(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round figures between two bounds, for the axis."""
    rough = (high - low) / wanted
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    count = floor((high - low) / step + 1e-9)
    return [low + step * number for number in range(count + 1)]


def reliability(bins: Sequence[Bin], name: Words) -> str:
    """Expected against observed rates on logarithmic axes; a dot a bin, its size the share of entities."""
    width, height = 330.0, 300.0
    seen = [value for part in bins for value in (part.mean_probability, part.rate) if value > 0]
    low, high = 10.0 ** floor(log10(min(seen))), min(1.0, 10.0 ** ceil(log10(max(seen))))
    high = high if high > low else low * 10
    across = Scale(low, high, 52, width - 14, logarithmic=True)
    up = Scale(low, high, height - 44, 30, logarithmic=True)
    decades = [10.0**power for power in range(round(log10(low)), round(log10(high)) + 1)]
    body = [_text(52, 16, name, css="chart-title")]
    for value in decades:
        body += [_line(across(value), up(low), across(value), up(high)), _line(52, up(value), width - 14, up(value))]
        body += [
            _text(across(value), height - 28, percent(value), anchor="middle"),
            _text(46, up(value) + 4, percent(value), anchor="end"),
        ]
    body.append(_line(across(low), up(low), across(high), up(high), MUTED, 'stroke-dasharray="4 3"'))
    for part in bins:
        x, y = across(part.mean_probability), up(part.rate)
        body.append(_line(x, up(part.interval[0]), x, up(part.interval[1]), ACCENT, 'stroke-width="1.5"'))
        radius = 3 + 5 * part.share**0.5
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{ACCENT}" fill-opacity=".75"/>')
    body.append(_text((52 + width) / 2, height - 8, ("预期发生率", "expected rate"), anchor="middle", css="axis"))
    return _svg(height, name, body, width=width)


def draw_rates(rates: Mapping[str, Rate], oracle: Mapping[str, Rate] | None, name: Words) -> str:
    """Problem rates by class with intervals; hollow marks are the oracle's, pale ones cannot be judged."""
    known = [rate.interval[1] for found in (rates, oracle or {}) for rate in found.values() if rate.interval]
    across = Scale(0.0, max([0.05, *(value for value in known if value < 1)]) * 1.05, 60, WIDTH - 150)
    height = 44.0 * len(rates) + 46
    body = []
    for value in _steps(0.0, across.high):
        body += [
            _line(across(value), 8, across(value), height - 30),
            _text(across(value), height - 12, percent(value), anchor="middle"),
        ]
    for row, (label, rate) in enumerate(rates.items()):
        y = 30.0 + 44 * row
        body.append(_badge(18, y, label))
        body += _whisker(across, y - 5, rate, CLASS_COLOURS[label], hollow=False)
        if oracle is not None:
            body += _whisker(across, y + 8, oracle[label], MUTED, hollow=True)
        verdict = ("不足以判断", "too few to judge") if rate.verdict else (f"n = {rate.n:,}", f"n = {rate.n:,}")
        body.append(_text(WIDTH - 8, y + 4, verdict, anchor="end"))
    return _svg(height, name, body)


Point = tuple[float | None, Interval | None]
SERIES = (ACCENT, "#c05621", "#2f855a", MUTED)


def compared(rows: Sequence[tuple[Words, Sequence[Point]]], series: Sequence[Words], name: Words) -> str:
    """Shares with intervals, one line of marks a row, the series below each other in colours named on top."""
    known = [value for _, points in rows for point in points for value in (point[0], *(point[1] or ())) if value]
    across = Scale(0.0, max([0.01, *known]) * 1.05, 190, WIDTH - 30)
    step = 14.0 * len(series) + 14
    height = step * len(rows) + 62
    body = []
    for value in _steps(0.0, across.high):
        body.append(_line(across(value), 26, across(value), height - 30))
        body.append(_text(across(value), height - 12, percent(value, 1 if across.high < 0.1 else 0), anchor="middle"))
    for place, (words, colour) in enumerate(zip(series, SERIES, strict=False)):
        x = 190.0 + 200 * place
        body.append(f'<circle cx="{x:.1f}" cy="11" r="4.5" fill="{colour}"/>')
        body.append(_text(x + 10, 15, words, css="axis"))
    for row, (label, points) in enumerate(rows):
        top = 38.0 + step * row
        body.append(_text(180, top + 7.0 * len(series), label, anchor="end", css="axis"))
        for place, (figure, interval) in enumerate(points):
            y, colour = top + 14.0 * place, SERIES[place]
            if interval is not None:
                body.append(_line(across(interval[0]), y, across(interval[1]), y, colour, 'stroke-width="2"'))
            if figure is not None:
                body.append(f'<circle cx="{across(figure):.1f}" cy="{y:.1f}" r="4.5" fill="{colour}"/>')
    return _svg(height, name, body)


def _badge(x: float, y: float, label: str) -> str:
    return (
        f'<rect x="{x - 11:.1f}" y="{y - 11:.1f}" width="22" height="22" rx="4" fill="{CLASS_COLOURS[label]}"/>'
        f'<text x="{x:.1f}" y="{y + 5:.1f}" text-anchor="middle" class="badge">{label}</text>'
    )


def _whisker(across: Scale, y: float, rate: Rate, colour: str, *, hollow: bool) -> list[str]:
    if rate.interval is None or rate.problem_rate is None:
        return []
    opacity = ".35" if rate.verdict else "1"
    fill = "#fff" if hollow else colour
    low, high = rate.interval
    return [
        _line(across(low), y, across(high), y, colour, f'stroke-width="2" opacity="{opacity}"'),
        f'<circle cx="{across(rate.problem_rate):.1f}" cy="{y:.1f}" r="{4 if hollow else 5.5}" fill="{fill}" '
        f'stroke="{colour}" stroke-width="1.5" opacity="{opacity}"/>',
    ]


def class_shares(bars: Sequence[tuple[Words, Mapping[str, float]]], name: Words) -> str:
    """Shares of the four classes, one bar a kind or a place."""
    height = 34.0 * len(bars) + 30
    across = Scale(0.0, 1.0, 190, WIDTH - 20)
    body = []
    for row, (label, shares) in enumerate(bars):
        y, reached = 8.0 + 34 * row, 0.0
        body.append(_text(182, y + 17, label, anchor="end", css="axis"))
        for risk, share in shares.items():
            x, end = across(reached), across(reached + share)
            reached += share
            body.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{end - x:.1f}" height="24" fill="{CLASS_COLOURS[risk]}"/>'
            )
            if share >= WIDE_ENOUGH:
                written = f"{risk} {percent(share, 1 if share >= WIDE else 0)}"
                body.append(_text((x + end) / 2, y + 16, written, anchor="middle", css="inbar"))
    body += [_text(across(value), height - 8, percent(value), anchor="middle") for value in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return _svg(height, name, body)


def gains(points: Sequence[tuple[float, float]], marks: Mapping[str, float], name: Words) -> str:
    """The share of cases found against the share of entities looked at, riskiest first; marks name volumes."""
    height = 320.0
    across, up = Scale(0.0, 1.0, 60, WIDTH - 20), Scale(0.0, 1.0, height - 46, 14)
    body = []
    for value in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        body += [_line(60, up(value), WIDTH - 20, up(value)), _text(52, up(value) + 4, percent(value), anchor="end")]
        body.append(_text(across(value), height - 26, percent(value), anchor="middle"))
    body.append(_line(across(0), up(0), across(1), up(1), MUTED, 'stroke-dasharray="4 3"'))
    for order, (label, volume) in enumerate(marks.items()):
        body.append(_line(across(volume), up(0), across(volume), up(1), ACCENT, 'stroke-dasharray="2 3"'))
        body.append(_text(across(volume) + 4, up(0) - 8 - 16 * order, f"{label} {percent(volume, 1)}", css="axis"))
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in ((0.0, 0.0), *points, (1.0, 1.0)))
    body.append(f'<polyline points="{path}" fill="none" stroke="{ACCENT}" stroke-width="2.5"/>')
    looked = ("检查风险最高的主体占比", "share of entities looked at, riskiest first")
    body.append(_text((60 + WIDTH) / 2, height - 6, looked, anchor="middle", css="axis"))
    return _svg(height, name, body)


def course(rows: Sequence[tuple[str, float, Interval]], name: Words) -> str:
    """AUC by as-of date with its interval."""
    height = 230.0
    bottom = min(0.5, *(floor(interval[0] * 10) / 10 for _, _, interval in rows))
    up = Scale(bottom, 1.0, height - 34, 12)
    across = Scale(0.0, float(max(1, len(rows) - 1)), 100, WIDTH - 60)
    body = []
    for value in _steps(bottom, 1.0):
        body += [_line(60, up(value), WIDTH - 20, up(value)), _text(52, up(value) + 4, f"{value:.2f}", anchor="end")]
    path = " ".join(f"{across(float(place)):.1f},{up(value):.1f}" for place, (_, value, _) in enumerate(rows))
    body.append(f'<polyline points="{path}" fill="none" stroke="{ACCENT}" stroke-width="2"/>')
    for place, (label, value, interval) in enumerate(rows):
        x = across(float(place))
        body.append(_line(x, up(interval[0]), x, up(interval[1]), ACCENT, 'stroke-width="1.5"'))
        body.append(f'<circle cx="{x:.1f}" cy="{up(value):.1f}" r="4.5" fill="{ACCENT}"/>')
        body.append(_text(x, height - 12, label, anchor="middle"))
    return _svg(height, name, body)


def lines(
    series: Sequence[tuple[Words, Sequence[tuple[float, float]]]], name: Words, *, across: Words, up: Words
) -> str:
    """Figures (from nought) against a share, one line a series, named below in its colour; ``across`` and ``up`` name
    the axes."""
    bottom, known = 290.0, [point for _, points in series for point in points]
    x = Scale(0.0, max([x for x, _ in known if x > 0] or [1.0]), 90, WIDTH - 20)
    y = Scale(0.0, max([y for _, y in known if y > 0] or [1.0]) * 1.05, bottom, 30)
    body = [_text(90, 16, up, css="axis")]
    for value in _steps(0.0, y.high):
        body += [_line(90, y(value), WIDTH - 20, y(value)), _text(82, y(value) + 4, f"{value:,.10g}", anchor="end")]
    body += [_text(x(value), bottom + 18, percent(value), anchor="middle") for value in _steps(0.0, x.high)]
    body.append(_text((70 + WIDTH) / 2, bottom + 40, across, anchor="middle", css="axis"))
    for row, (label, points) in enumerate(series):
        colour, low = LINES[row % len(LINES)], bottom + 64 + 20 * row
        dashes = "" if row < len(LINES) else ' stroke-dasharray="6 3"'
        path = " ".join(f"{x(share):.1f},{y(value):.1f}" for share, value in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
        body += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3" fill="{colour}"/>' for a, b in points]
        body += [
            _line(90, low - 4, 118, low - 4, colour, f'stroke-width="3"{dashes}'),
            _text(126, low, label, css="axis"),
        ]
    return _svg(bottom + 64 + 20 * len(series), name, body)


def shift_bars(
    rows: Sequence[tuple[Words, float]], name: Words, *, notice: float, stop: float, most: float = float("inf")
) -> str:
    """Stability indices as bars, with the lines at which people are told and at which the gate stops.

    A bar ends at ``most``, so that one that is far beyond does not hide the others; its figure stands beside it.
    """
    height = 24.0 * len(rows) + 40
    across = Scale(0.0, max(stop * 1.15, min(most, max(value for _, value in rows))), 240, WIDTH - 70)
    body = []
    for value, colour in ((notice, CLASS_COLOURS["C"]), (stop, CLASS_COLOURS["D"])):
        body.append(_line(across(value), 4, across(value), height - 28, colour, 'stroke-dasharray="3 3"'))
        body.append(_text(across(value), height - 12, f"{value:g}", anchor="middle"))
    for row, (label, value) in enumerate(rows):
        y = 8.0 + 24 * row
        body.append(_text(232, y + 12, label, anchor="end", css="axis"))
        length = across(value) - across(0.0)
        body.append(
            f'<rect x="240" y="{y:.1f}" width="{max(length, 1):.1f}" height="15" rx="2" fill="{ACCENT}" '
            'fill-opacity=".8"/>'
        )
        body.append(_text(across(value) + 6, y + 12, f"{value:.3f}"))
    return _svg(height, name, body)


def bars(rows: Sequence[tuple[Words, float]], name: Words) -> str:
    """Shares as bars, each with its figure."""
    height = 24.0 * len(rows) + 12
    across = Scale(0.0, max([0.01, *(value for _, value in rows)]), 240, WIDTH - 80)
    body = []
    for row, (label, value) in enumerate(rows):
        y, length = 8.0 + 24 * row, across(value) - across(0.0)
        body.append(_text(232, y + 12, label, anchor="end", css="axis"))
        body.append(
            f'<rect x="240" y="{y:.1f}" width="{max(length, 1):.1f}" height="15" rx="2" fill="{ACCENT}" '
            'fill-opacity=".8"/>'
        )
        body.append(_text(across(value) + 6, y + 12, percent(value, 1)))
    return _svg(height, name, body)


def spark(values: Sequence[int], expected: float | None, name: Words) -> str:
    """A course as small columns, the last one dark, with a line at what was expected of it."""
    width, height = 130.0, 30.0
    up = Scale(0.0, float(max(1, *values, expected or 0)), height - 2, 2)
    step = width / max(1, len(values))
    body = []
    for place, value in enumerate(values):
        top = up(float(value))
        fill = ACCENT if place == len(values) - 1 else MUTED
        opacity = "1" if place == len(values) - 1 else ".45"
        body.append(
            f'<rect x="{place * step + 1:.1f}" y="{top:.1f}" width="{step - 2:.1f}" height="{height - 1 - top:.1f}" '
            f'fill="{fill}" fill-opacity="{opacity}"/>'
        )
    if expected is not None:
        body.append(_line(0, up(expected), width, up(expected), CLASS_COLOURS["C"], 'stroke-dasharray="3 2"'))
    return _svg(height, name, body, width=width)


def portions(parts: Sequence[tuple[float, str]], name: Words) -> str:
    """Shares of a whole, each in its colour, in one thin bar."""
    width, height = 130.0, 14.0
    across = Scale(0.0, 1.0, 0.0, width)
    body, reached = [f'<rect x="0" y="1" width="{width:.0f}" height="12" rx="2" fill="{RULE}"/>'], 0.0
    for share, colour in parts:
        x, end = across(reached), across(reached + share)
        reached += share
        if end > x:
            body.append(f'<rect x="{x:.1f}" y="1" width="{end - x:.1f}" height="12" fill="{colour}"/>')
    return _svg(height, name, body, width=width)


def paired_bars(rows: Sequence[tuple[Words, float, float]], told: tuple[Words, Words], name: Words) -> str:
    """Two figures a row as bars of one length scale, told apart by colour; ``told`` names the two."""
    height = 52.0 * len(rows) + 40
    most = max((max(left, right) for _, left, right in rows), default=0.0) or 1.0
    across = Scale(0.0, most * 1.1, 120, WIDTH - 70)
    body = [
        _text(120, 14, told[0], css="axis"),
        _line(100, 10, 114, 10, ACCENT, 'stroke-width="8"'),
        _text(320, 14, told[1], css="axis"),
        _line(300, 10, 314, 10, MUTED, 'stroke-width="8"'),
    ]
    for row, (label, *figures) in enumerate(rows):
        y = 30.0 + 52 * row
        body.append(_text(112, y + 20, label, anchor="end", css="axis"))
        for step, (value, colour) in enumerate(zip(figures, (ACCENT, MUTED), strict=True)):
            end, top = across(max(value, 0.0)), y + 18 * step
            length = max(end - across(0.0), 1.0)
            body.append(f'<rect x="120" y="{top:.1f}" width="{length:.1f}" height="14" rx="2" fill="{colour}"/>')
            body.append(_text(end + 6, top + 11, f"{value:.3f}"))
    return _svg(height, name, body)
