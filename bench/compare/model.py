"""What a guest's exits tell of its speed on KVM: it takes as long as the native process, and for each
exit what an exit of its kind costs,

    t = t_native + sum over reasons of exits x cost.

An interrupt counts as one of them, with the signal of the timer behind it. The costs are from storms,
which do little else; what they say of other parts is then compared with what those took."""

from collections import namedtuple

from .analysis import NATIVE_OF

# The storm from which a reason's cost comes. What else it does is taken off by the costs before it.
STORMS = (
    ("port", ("port",)),
    ("mmio", ("mmio",)),
    ("injected", ("tick10000", "tick100")),
    ("halted", ("halt",)),
    ("window", ("window",)),
)

# Of a part: exits a second of native time, slow-downs, and the error of the prediction.
Prediction = namedtuple("Prediction", "part rate predicted measured error")


def seconds_of(exits, costs):
    return sum(number * costs.get(reason, 0) for reason, number in exits.items())


def costs(times, exits):
    """Seconds of an exit, by reason. `times` are seconds of a repetition by part; off those of a storm
    goes what the guest takes for its computation without."""
    known = {}
    for reason, storms in STORMS:
        part = next((storm for storm in storms if storm in times and storm in exits), None)
        number = exits[part].get(reason, 0) if part else 0
        if number:
            rest = times[part] - times.get(NATIVE_OF.get(part), 0) - seconds_of(exits[part], known)
            known[reason] = max(0, rest / number)
    return known


def predictions(times, native, measured, exits):
    """For each part which no cost came from and which has a native time; `measured` are slow-downs."""
    known = costs(times, exits)
    used = {next((storm for storm in storms if storm in times), None) for _, storms in STORMS}
    found = []
    for part, per_repetition in exits.items():
        alone = native.get(NATIVE_OF.get(part, part))
        if part in used or part not in measured or not alone:
            continue
        predicted = 1 + seconds_of(per_repetition, known) / alone
        rate = sum(per_repetition.get(reason, 0) for reason in known) / alone
        found.append(Prediction(part, rate, predicted, measured[part], predicted / measured[part] - 1))
    return found


def of_result(result, place):
    """(costs, predictions) of the VMM on KVM."""
    times, native = ({part: result.time(place, engine, part).median
                      for where, engine_of, part in result.measured()
                      if (where, engine_of) == (place, engine)}
                     for engine in ("vmm-kvm", "native"))
    measured = {part: ratio.median for part in times if (ratio := result.ratio(place, "vmm-kvm", part))}
    exits = result.exits(place)
    return costs(times, exits), predictions(times, native, measured, exits)
