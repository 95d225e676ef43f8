"""complete.py RESULT: whether each engine was either sampled, with all parts that are its own, or skipped with
a reason; and whether nothing that is here was skipped."""

import json
import sys

from compare import engines, measure, workloads

with open(sys.argv[1], encoding="utf-8") as file:
    result = json.load(file)
works, _ = engines.kvm_verdict()
sampled = {engine: parts for _, engine, _, _, parts in result["samples"]}
skipped = {engine: why for _, engine, why in result["skipped"]}
for engine in engines.ENGINES:
    wanted = {part.name for part in workloads.PARTS
              if part.quick and (part.native or engine.name != "native")}
    here = engines.missing(engine, works) is None
    if here and engine.name not in sampled:
        sys.exit(f"{engine.title} is here and was not measured: {skipped.get(engine.name)}")
    if here and sampled[engine.name].keys() != wanted:
        sys.exit(f"{engine.title}: {wanted ^ sampled[engine.name].keys()}")
    if not here and not skipped.get(engine.name):
        sys.exit(f"{engine.title} is not here, and no reason is given")
assert result["schema"] == measure.SCHEMA
