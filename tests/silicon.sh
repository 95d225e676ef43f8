#!/bin/bash
# The software CPU against the processor this runs on (tests/cpu/test_silicon.c), and that test itself: what it
# makes of a processor whose answers are wrong always, wrong once, or wrong once too often.
#   tests/silicon.sh
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
silicon=build/tests/cpu/test_silicon

# falsified NAME STATUS EVERY,TIMES: a short run, with that of its -i.
falsified() { check "$1" "$2" $silicon -i "$3" 20000; }

if $silicon >"$scratch/log"; then
    ok "the software CPU does what this processor does"
    grep '^case .* unsteady' "$scratch/log" | sed 's/^/# /'
    tail -n 2 "$scratch/log" | sed 's/^/# /'
else
    not_ok "the software CPU does what this processor does" "see $silicon"
    sed 's/^/    | /' "$scratch/log"
fi

if [[ $(uname -m) == x86_64 ]]; then
    falsified "a processor that is wrong once and then right is unsteady" 0 5000,1
    says "the case is named, with both answers" "$out" '^case 0 is unsteady: '
    says "and counted" "$out" '^[1-9][0-9]* unsteady cases'
    falsified "so is one that is right the last time that it is asked" 0 5000,15
    falsified "one that is wrong each time is a failure" 1 5000,16
    says "of that case" "$out" '^case 0 differs: '
    lacks "which is not unsteady" "$out" 'is unsteady'
    falsified "and for ever" 1 5000,0
    falsified "too many unsteady cases are a failure" 1 1000,1
fi
finish
