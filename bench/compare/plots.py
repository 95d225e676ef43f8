"""The report's plots, by gnuplot: SVG whose ink is the reader's, on light paper and on dark. Each
function gives a script, or None where there is nothing to show."""

import re
import subprocess

from . import engines, model, workloads
from .analysis import EVENTS

COLORS = {
    "native": "#808890", "vmm-kvm": "#0072b2", "qemu-kvm": "#56b4e9", "vmm-soft": "#d55e00",
    "qemu-tcg": "#009e73", "qemu-icount": "#8fbf3f", "qemu-one-insn": "#cc79a7", "bochs": "#e0a000",
}
GRID = "#8c959f"

# The computations of the first plot and the first table.
HEADLINE = ("int64", "int256", "x87_64", "x87_256", "integer", "sieve", "calls", "movsb", "bytes")

SETTINGS = f"""set terminal svg size 860,{{height}} dynamic font "sans-serif,13"
set encoding utf8
set border 3
set tics nomirror
set grid ytics lc rgb "{GRID}" lw 0.4
set key outside top center horizontal
set style fill solid 0.9 noborder
"""

STYLE = ("<style>svg{color:#24292f}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>")


def draw(script, name, height=460):
    """The SVG that gnuplot makes of a script."""
    svg = subprocess.run(["gnuplot"], input=SETTINGS.format(height=height) + script, text=True,
                         capture_output=True, check=True).stdout
    svg = re.sub(r""" color=(["'])black\1""", "", svg)
    svg = re.sub(r"""(fill|stroke)=(["'])black\2""", r"\1='currentColor'", svg)
    svg = svg.replace("<title>Gnuplot</title>", f"<title>{name}</title>")
    return svg.replace("<g id=\"gnuplot_canvas\">", STYLE + '\n<g id="gnuplot_canvas">', 1)


def block(name, rows):
    lines = "\n".join(" ".join(quoted(cell) for cell in row) for row in rows)
    return f"${name} << EOD\n{lines}\nEOD\n"


def quoted(cell):
    if isinstance(cell, str):
        return '"' + cell.replace('"', "").replace("`", "") + '"'
    return "NaN" if cell is None else f"{cell:.6g}"


def title(result, place, engine):
    lab = " (lab)" if place == "lab" and "host" in result.places else ""
    return engine.title + lab


def columns(result):
    """(place, engine) of each engine once, where its figures are best taken: the host; KVM's where
    KVM works."""
    kvm = result.kvm_place
    found = [("host", engine) for engine in result.engines("host")]
    if kvm == "lab":
        found += [("lab", engine) for engine in result.engines("lab") if engine.kvm]
    order = list(engines.BY_NAME)
    return sorted(found, key=lambda each: order.index(each[1].name))


def bars(series, labels, ylabel, grouped_by_gap=1):
    """A clustered bar chart on a logarithmic axis: series are (title, color, values, least, greatest)."""
    script = block("labels", [(label,) for label in labels])
    width = 1 / (len(series) + grouped_by_gap)
    plots = []
    for number, (name, color, spreads) in enumerate(series):
        offset = (number - (len(series) - 1) / 2) * width
        rows = [(i + offset, s.median, s.least, s.greatest)
                for i, s in enumerate(spreads) if s and s.median > 0]
        if rows:
            script += block(f"bar{number}", rows)
            plots += [f'$bar{number} using 1:2:({width * 0.92:.4f}) with boxes lc rgb "{color}" title "{name}"',
                      f'$bar{number} using 1:2:3:4 with yerrorbars pt 0 lw 1 lc rgb "{GRID}" notitle']
    if not plots:
        return None
    tics = ", ".join(f'"{label.replace("`", "")}" {i}' for i, label in enumerate(labels))
    return script + f"""set logscale y
set ylabel "{ylabel}"
set xrange [-0.6:{len(labels) - 0.4:.2f}]
set xtics ({tics}) rotate by -20 scale 0
plot {", ".join(plots)}
"""


def slowdown(result):
    parts = [part for part in HEADLINE if result.times("host", "vmm-soft", part)
             or result.times("host", "native", part)]
    series = [(title(result, place, engine), COLORS[engine.name],
               [result.ratio(place, engine.name, part) for part in parts])
              for place, engine in columns(result) if engine.name != "native"]
    return bars(series, [workloads.BY_NAME[part].title for part in parts],
                "times the native process's time")


def sizes(kind):
    def script(result):
        text, plots = "", []
        for number, (place, engine) in enumerate(columns(result)):
            rows = []
            for size in workloads.SIZES:
                time = result.time(place, engine.name, f"{kind}{size}")
                if time:
                    rows.append((size, *(value / size**3 * 1e9 for value in time)))
            if rows and place == "host":
                text += block(f"size{number}", rows)
                plots.append(f'$size{number} using 1:2 with linespoints pt 7 ps 0.5 lw 2 lc rgb '
                             f'"{COLORS[engine.name]}" title "{title(result, place, engine)}"')
        return plots and text + f"""set logscale xy
set xlabel "rows and columns of the matrices"
set ylabel "ns for a multiplication and an addition"
set xtics ({", ".join(map(str, workloads.SIZES))})
set xrange [8:300]
plot {", ".join(plots)}
"""
    return script


def events(result):
    series = []
    for place, engine in columns(result):
        if engine.name != "native":
            costs = [result.event_cost(place, engine.name, event) for event in EVENTS]
            costs = [cost and type(cost)(*(value * 1e9 for value in cost)) for cost in costs]
            costs = [cost if cost and cost.least > 0 else None for cost in costs]
            series.append((title(result, place, engine), COLORS[engine.name], costs))
    return bars(series, [event.title for event in EVENTS], "ns of the host's CPU time")


def predictions(result):
    if not result.kvm_place:
        return None
    _, found = model.of_result(result, result.kvm_place)
    if not found:
        return None
    rows = [(each.predicted, each.measured, each.part) for each in found]
    top = max(max(each.predicted, each.measured) for each in found) * 2
    return block("model", rows) + f"""set logscale xy
set xlabel "slow-down by the model"
set ylabel "slow-down measured"
set xrange [0.5:{top:.3g}]
set yrange [0.5:{top:.3g}]
set key off
plot x with lines dt 2 lc rgb "{GRID}", $model using 1:2 with points pt 7 ps 0.8 lc rgb "{COLORS["vmm-kvm"]}", \\
     $model using 1:2:3 with labels offset character 0.6,-0.9 left font "sans-serif,11"
"""


PLOTS = {
    "slowdown": slowdown,
    "matrix-integer": sizes("int"),
    "matrix-x87": sizes("x87_"),
    "events": events,
    "model": predictions,
}


def all_of(result):
    """SVG texts by name."""
    scripts = {name: script(result) for name, script in PLOTS.items()}
    return {name: draw(script, name) for name, script in scripts.items() if script}
