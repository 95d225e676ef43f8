"""The little statistics that the report needs: medians with their spread, and ratios of samples that
were taken in turn."""

from collections import namedtuple
from statistics import median

# Median, minimum and maximum of some samples.
Spread = namedtuple("Spread", "median least greatest")


def spread(samples):
    samples = list(samples)
    if not samples:
        raise ValueError("no samples")
    return Spread(median(samples), min(samples), max(samples))


def ratio(samples, base):
    """Of two dictionaries by round: the spread of the ratios of those rounds that both have. What slows
    the whole machine for a while slows both, and falls out."""
    rounds = samples.keys() & base.keys()
    return spread(samples[r] / base[r] for r in rounds)


def repetitions(least, seconds, target):
    """How often to repeat what took so long `least` times, for it to take the target. What took less than a
    clock sees took some."""
    seconds = max(seconds, target / 100)
    return min(max(1, round(least * target / seconds)), 10_000_000)


def figure(value):
    """Three figures of a number, as one reads them: 0.123, 1.23, 45.6, 789, 12,300."""
    value = float(f"{value:.3g}")
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if abs(value) >= 1 else f"{value:.3g}"


def duration(seconds):
    """A time in the unit that suits it."""
    for unit, scale in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{figure(seconds / scale)} {unit}"
    return f"{figure(seconds / 1e-9)} ns"
