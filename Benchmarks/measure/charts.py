"""Charts as SVG, drawn by hand: a curve for each series over a logarithmic axis."""

import math
from html import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 900, 460, 60, 40, 270, 40


def curve(title: str, sizes: list[int], series: dict[str, list[float]]) -> str:
    top = max(max(values) for values in series.values()) * 1.1
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size: int) -> float:
        return LEFT + (math.log10(size) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/><text x="{LEFT}" y="20" font-size="13">{escape(title)}</text>',
    ]
    for step in range(5):
        value = top * step / 4
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.1f}</text>')
    for size in sizes:
        parts.append(f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{size:,}</text>')
    # Names beside the ends of the curves, apart from one another.
    ends = sorted(series, key=lambda name: series[name][-1], reverse=True)
    for index, name in enumerate(ends):
        colour = f"hsl({index * 360 / len(ends):.0f}, 65%, 42%)"
        points = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in zip(sizes, series[name]))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        place = TOP + index * (HEIGHT - TOP - BOTTOM) / len(ends) + 8
        parts.append(f'<text x="{WIDTH - RIGHT + 12}" y="{place:.1f}" fill="{colour}">{escape(name)}: {series[name][-1]:.2f} ms</text>')
    return "\n".join([*parts, "</svg>", ""])
