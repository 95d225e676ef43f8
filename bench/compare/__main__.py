"""python3 -m compare, with bench/ on PYTHONPATH, from the repository's top directory:

    results                     the guest's known results, for nasm
    measure [OPTIONS]           measures, and writes a result (JSON)
    against [OPTIONS] OLD [PART...]  another build of the VMM (its binary) next to this one, part by part
    report [OPTIONS] RESULT...  writes the report of the last of these results, and compares all
"""

import argparse
import json
import os
import sys

from . import against, measure, report, workloads


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"  wrote {path}", file=sys.stderr)


def do_measure(options):
    only = options.engines.split(",") if options.engines else None
    result = measure.measure(options.mode, options.place, only, not options.no_lab)
    write(options.output or measure.file_name(result), measure.compact(result))


def do_report(options):
    results = []
    for path in options.results:
        try:
            with open(path, encoding="utf-8") as file:
                results.append(json.load(file))
        except OSError as error:
            sys.exit(f"{path}: {error.strerror}: 'make bench' writes results (with BENCH=quick if that is meant)")
    report.write(results, options.markdown, options.plots, options.page, write)


def main():
    parser = argparse.ArgumentParser(prog="compare", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)

    verb = verbs.add_parser("results")
    verb.set_defaults(do=lambda _: print(workloads.results(), end=""))

    verb = verbs.add_parser("measure")
    verb.add_argument("--mode", choices=measure.MODES, default="full")
    verb.add_argument("--place", choices=("host", "lab"), default="host")
    verb.add_argument("--engines", help="only these, with commas")
    verb.add_argument("--no-lab", action="store_true", help="do without KVM where it does not work")
    verb.add_argument("-o", "--output", help="instead of bench/results/PROCESSOR-DATE.json")
    verb.set_defaults(do=do_measure)

    verb = verbs.add_parser("against", help="another build of the VMM next to this one, on the software CPU")
    verb.add_argument("old", help="its binary")
    verb.add_argument("parts", nargs="*", help="only these of the guest's")
    verb.add_argument("--rounds", type=int, default=15)
    verb.add_argument("--seconds", type=float, default=0.2, help="that a part is to take")
    verb.set_defaults(do=lambda options: against.against(options.old, options.parts, options.rounds,
                                                         options.seconds))

    verb = verbs.add_parser("report")
    verb.add_argument("results", nargs="+")
    verb.add_argument("--markdown", required=True)
    verb.add_argument("--plots", required=True, help="directory for SVG files")
    verb.add_argument("--page", required=True, help="HTML file")
    verb.set_defaults(do=do_report)

    options = parser.parse_args()
    options.do(options)


main()
