"""page.py PAGE: opens the page in Chromium without a display, and looks at each figure as it was laid out: that it
has a size, and as many shapes of data as a plot has."""

import pathlib
import re
import subprocess
import sys

MEASURE = """<script>
addEventListener("load", () => document.querySelectorAll("figure").forEach(figure => {
    const svg = figure.querySelector("svg"), box = svg.getBoundingClientRect();
    const shapes = svg.querySelectorAll('g[id^="gnuplot_plot_"] :is(path, polygon, use, circle, rect)');
    const drawn = [...shapes].filter(shape => {
        const box = shape.getBoundingClientRect();
        return box.width > 0 || box.height > 0;
    });
    figure.append(`[${figure.id} ${Math.round(box.width)}x${Math.round(box.height)} ${drawn.length}]`);
}));
</script>"""

page = pathlib.Path(sys.argv[1])
measured = page.with_suffix(".measured.html")
measured.write_text(page.read_text(encoding="utf-8").replace("</html>", MEASURE + "</html>"), encoding="utf-8")
dom = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
                      measured.resolve().as_uri()], capture_output=True, text=True, check=True, timeout=60).stdout
figures = re.findall(r"\[([a-z0-9-]+) (\d+)x(\d+) (\d+)\]", dom)
print(figures)
names = {name for name, *_ in figures}
if not {"slowdown", "matrix-integer", "matrix-x87", "events"} <= names:
    sys.exit(f"not all figures are there: {names}")
for name, width, height, shapes in figures:
    if int(width) < 400 or int(height) < 200 or int(shapes) < 10:
        sys.exit(f"{name} is {width} x {height} with {shapes} shapes")
if "<table>" not in dom or "KVM figures" not in dom:
    sys.exit("the page lacks its first line or its tables")
