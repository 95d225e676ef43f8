#!/bin/bash
# The same random programs of ring 0 (tests/random/privileged.asm) on the software CPU and on another
# processor, KVM's: what they print must be equal. Works on the host and inside the KVM lab.
#
#   VMM_OPTIONS="--cpu kvm" tests/random.sh [VMM [PROGRAMS [STEPS [SEED]]]]
#
# PROGRAMS (default 4) of STEPS (default 2000) are tried, numbered from SEED (default 1) on. Where the
# VMM_OPTIONS name the software CPU, there is nothing to compare with: then each must run to its end.
# Of two outputs that differ, those eight steps are shown in full: number, kind, instruction, vector,
# error code, EIP, CS, EFLAGS, ESP, SS, DS, ES, FS, GS, EAX, ECX, EDX, EBX, CR2, what was watched,
# access rights.
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm} programs=${2:-4} steps=${3:-2000} first=${4:-1}
# shellcheck source=tests/lib.sh
. tests/lib.sh

# word NUMBER: as four bytes.
word() {
    printf '%b' "$(printf '\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}

# try NAME OPTIONS SEED FULL_FROM: runs the program; its output is in $scratch/NAME.
try() {
    { head -c -12 build/random/privileged.bin; word "$3"; word "$steps"; word "$4"; } >"$scratch/image"
    # shellcheck disable=SC2086 # options are several words
    timeout -s KILL 120 "$vmm" run --timeout 100s $2 --mode pm32 "$scratch/image" \
        </dev/null >"$scratch/$1" 2>"$scratch/$1.err" || return 1
    [[ $(tail -n 1 "$scratch/$1") == *' failed' ]]
}

for ((seed = first; seed < first + programs; seed++)); do
    name="$steps random steps of ring 0, seed $seed"
    if ! try soft "--cpu soft" "$seed" 0xffffffff; then
        not_ok "$name" "no end on the software CPU: $(head -n 1 "$scratch/soft.err")"
    elif [[ ${VMM_OPTIONS-} == *soft* ]]; then
        ok "$name"
    elif ! try other "${VMM_OPTIONS-}" "$seed" 0xffffffff; then
        not_ok "$name" "no end: $(head -n 1 "$scratch/other.err")"
    elif cmp -s "$scratch/soft" "$scratch/other"; then
        ok "$name: as on the software CPU"
    else
        line=$(cmp "$scratch/soft" "$scratch/other" | sed 's/.*line //')
        not_ok "$name" "differs in steps $((line * 8 - 8)) to $((line * 8 - 1)); <: soft, >: ${VMM_OPTIONS-auto}"
        steps=$((line * 8))
        try soft "--cpu soft" "$seed" $((steps - 8))
        try other "${VMM_OPTIONS-}" "$seed" $((steps - 8))
        diff "$scratch/soft" "$scratch/other" | sed 's/^/    | /'
        steps=${3:-2000}
    fi
done
finish
