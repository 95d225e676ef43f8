"""The report's plots, by gnuplot: SVG whose ink is the reader's, on light paper and on dark. Each
function gives a script, or None where there is nothing to show."""

import re
import subprocess
import textwrap

from . import engines, model, workloads
from .analysis import EVENTS, NATIVE_OF

COLORS = {
    "native": "#808890", "vmm-kvm": "#0072b2", "qemu-kvm": "#56b4e9", "vmm-soft": "#d55e00",
    "qemu-tcg": "#009e73", "qemu-icount": "#8fbf3f", "qemu-one-insn": "#cc79a7", "bochs": "#e0a000",
}
GRID = "#8c959f"

# The computations of the first plot and the first table.
HEADLINE = ("int64", "int256", "x87_64", "x87_256", "integer", "sieve", "calls", "movsb", "bytes")

# The letters are large, for a plot is on a slide, too, which is read from the last row.
SETTINGS = f"""set terminal svg size 860,{{height}} dynamic font "sans-serif,16"
set encoding utf8
set border 3
set tics nomirror
set grid ytics lc rgb "{GRID}" lw 0.4
set key outside top left horizontal Left reverse samplen 1 font "sans-serif,15"
set bmargin 4
set rmargin 1
set style fill solid 0.9 noborder
"""

STYLE = ("<style>svg{color:#24292f}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>")


def draw(script, name, height=390):
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


def bars(series, labels, axis):
    """A clustered bar chart on a logarithmic axis, with lines from the minimum to the maximum. A series
    is (title, color, spreads or None, one a label)."""
    script, plots = "", []
    shown = [i for i in range(len(labels)) if any(spreads[i] for _, _, spreads in series)]
    labels = [labels[i] for i in shown]
    series = [(name, color, [spreads[i] for i in shown]) for name, color, spreads in series]
    width = 1 / (len(series) + 1)
    for number, (name, color, spreads) in enumerate(series):
        offset = (number - (len(series) - 1) / 2) * width
        rows = [(i + offset, s.median, s.least, s.greatest) for i, s in enumerate(spreads) if s]
        if rows:
            script += block(f"bar{number}", rows)
            plots.append(f'$bar{number} using 1:2:({width * 0.92:.4f}) with boxes lc rgb "{color}" '
                         f'title "{name}"')
            plots.append(f'$bar{number} using 1:3:(0):($4-$3) with vectors nohead lw 1.5 '
                         f'lc rgb "{GRID}" notitle')
    tics = ", ".join(f'"{label_lines(label)}" {i}' for i, label in enumerate(labels))
    return plots and script + f"""set logscale y
{axis}
set xrange [-0.6:{len(labels) - 0.4:.2f}]
set xtics ({tics}) scale 0 font "sans-serif,14"
plot {", ".join(plots)}
"""


def label_lines(label):
    return "\\n".join(line for piece in label.replace("`", "").split(", ")
                     for line in textwrap.wrap(piece, 10))


def slowdown(result):
    parts = [part for part in HEADLINE if result.times("host", "vmm-soft", part)
             or result.times("host", "native", part)]
    series = [(title(result, place, engine), COLORS[engine.name],
               [result.ratio(place, engine.name, part) for part in parts])
              for place, engine in columns(result) if engine.name != "native"]
    return bars(series, [workloads.BY_NAME[part].title for part in parts],
                'set ylabel "times as long as natively"\nset yrange [0.5:*]')


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
set ylabel "ns a multiply-add"
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
            series.append((title(result, place, engine), COLORS[engine.name],
                           [cost if cost and cost.least > 0 else None for cost in costs]))
    return bars(series, [event.title for event in EVENTS],
                'set ylabel "CPU time of the host"\nset format y "%.0s %cs"')


def predictions(result):
    if not result.kvm_place:
        return None
    _, found = model.of_result(result, result.kvm_place)
    if not found:
        return None
    top = max(max(each.predicted, each.measured) for each in found) * 2
    script = block("model", [(each.predicted, each.measured) for each in found])
    plots = [f'x with lines dt 2 lc rgb "{GRID}"',
             f'$model using 1:2 with points pt 7 ps 0.8 lc rgb "{COLORS["vmm-kvm"]}"']
    # A name is on the side of its point where there is room.
    for side, offset, is_there in (("left", "0.8,-0.6", lambda x: x < top**0.5),
                                   ("right", "-0.8,0.6", lambda x: x >= top**0.5)):
        rows = [(each.predicted, each.measured, workloads.BY_NAME[each.part].title.rpartition(", ")[2])
                for each in found if each.part in NATIVE_OF and is_there(each.predicted)]
        if rows:  # gnuplot crashes on labels that are not there
            script += block(side, rows)
            plots.append(f'${side} using 1:2:3 with labels offset character {offset} {side} '
                         f'font "sans-serif,14" noenhanced')
    return script + f"""set logscale xy
set xlabel "slow-down by the model"
set ylabel "slow-down measured"
set xrange [0.5:{top:.3g}]
set yrange [0.5:{top:.3g}]
set key off
plot {", ".join(plots)}
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
