"""complete.py RESULT: whether each engine was either sampled, with all parts that are its own, or skipped with
a reason; and whether nothing of ours that is here was skipped. A peer that is here and failed is printed; but
one must have worked."""

import json
import sys

from compare import engines, measure, workloads


def problem(result, here):
    """What is wrong with a result of the engines of which those whose names are `here` could be had; None
    if nothing is."""
    sampled = {engine: parts for _, engine, _, _, parts in result["samples"]}
    skipped = {engine: why for _, engine, why in result["skipped"]}
    for engine in engines.ENGINES:
        wanted = {part.name for part in workloads.PARTS
                  if part.quick and (part.native or engine.name != "native")}
        if engine.name in sampled:
            if sampled[engine.name].keys() != wanted:
                return f"{engine.title}: {wanted ^ sampled[engine.name].keys()}"
        elif not skipped.get(engine.name):
            return f"{engine.title} was not measured, and no reason is given"
        elif engine.name in here and not engines.is_peer(engine):
            return f"{engine.title} is here and was not measured: {skipped[engine.name]}"
    peers = {engine.name for engine in engines.ENGINES if engines.is_peer(engine)}
    if peers & here and not peers & sampled.keys():
        return "no peer could be measured"
    return None


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    works, _ = engines.kvm_verdict()
    for _, name, why in result["skipped"]:
        print(f"{engines.BY_NAME[name].title} skipped: {why}")
    assert result["schema"] == measure.SCHEMA
    sys.exit(problem(result, {engine.name for engine in engines.ENGINES if engines.missing(engine, works) is None}))


if __name__ == "__main__":
    main()
