"""A document as a list of blocks, written as Markdown and as one HTML page. A block is one of

    ("heading", level, text)    ("text", text)              ("list", texts)
    ("table", head, rows)       ("figure", name, caption)

where a text may have `code` in it. A figure is an SVG file; the page has it inside."""

import html
import re

STYLE = """
:root { color-scheme: light dark;
        --ink: #1b1f24; --paper: #ffffff; --soft: #57606a; --line: #d0d7de; --tint: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0d1117; --soft: #9198a1; --line: #3d444d; --tint: #151b23; } }
body { font: 16px/1.6 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 68rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h1 + p { background: var(--tint); border-left: 4px solid #d55e00; padding: .8rem 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1rem 0; font-size: .85rem;
        font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: right; white-space: nowrap; }
th { vertical-align: bottom; background: var(--tint); white-space: normal; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1.5rem 0; } figure svg { width: 100%; height: auto; color: var(--ink); }
figcaption { color: var(--soft); font-size: .9rem; }
code { background: var(--tint); padding: .1em .3em; border-radius: 3px; font-size: .9em; }
"""


def markdown(blocks, plots):
    """`plots` is where the figures are, as seen from the document."""
    return "\n\n".join(MARKDOWN[kind](plots, *rest) for kind, *rest in blocks) + "\n"


def wrapped(text, first="", rest=""):
    """In lines of 110 characters; code is not broken."""
    lines, line = [], first
    for word in re.findall(r"(?:`[^`]*`|\S)+", text):
        if len(line) + len(word) > 110:
            lines.append(line.rstrip())
            line = rest
        line += word + " "
    return "\n".join([*lines, line.rstrip()])


def markdown_table(_, head, rows):
    line = "| " + " | ".join(head) + " |"
    rule = "|" + "---|" + "---:|" * (len(head) - 1)
    return "\n".join([line, rule, *("| " + " | ".join(row) + " |" for row in rows)])


MARKDOWN = {
    "heading": lambda _, level, text: "#" * level + " " + text,
    "text": lambda _, text: wrapped(text),
    "list": lambda _, texts: "\n".join(wrapped(text, "- ", "  ") for text in texts),
    "table": markdown_table,
    "figure": lambda plots, name, caption: f"![{caption}]({plots}/{name}.svg)",
}


def page(blocks, title, figures):
    """`figures` are SVG texts by name."""
    body = "\n".join(HTML[kind](figures, *rest) for kind, *rest in blocks)
    return (f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width">\n'
            f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n{body}\n</html>\n")


def inline(text):
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def cells(tag, texts):
    return "<tr>" + "".join(f"<{tag}>{inline(text)}</{tag}>" for text in texts) + "</tr>"


def html_table(_, head, rows):
    body = "\n".join(cells("td", row) for row in rows)
    return f"<table>\n<thead>{cells('th', head)}</thead>\n<tbody>\n{body}\n</tbody></table>"


def html_figure(figures, name, caption):
    svg = figures[name][figures[name].index("<svg"):]
    return f'<figure id="{name}">\n{svg}<figcaption>{inline(caption)}</figcaption></figure>'


HTML = {
    "heading": lambda _, level, text: f"<h{level}>{inline(text)}</h{level}>",
    "text": lambda _, text: f"<p>{inline(text)}</p>",
    "list": lambda _, texts: "<ul>" + "".join(f"<li>{inline(text)}</li>" for text in texts) + "</ul>",
    "table": html_table,
    "figure": html_figure,
}
