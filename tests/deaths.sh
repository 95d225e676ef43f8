#!/bin/bash
# What the VMM says of a guest that died of one mistake. Each is a file of tests/deaths/, built into
# build/deaths/ by `make`; the comment lines at its top say how it is run and what must be said:
#
#   ; status: N      what the run ends with (6, if nothing is said: the guest's own mistake)
#   ; image: flat    a flat image; else an ELF by linker/guest.ld with lines
#   ; run: OPTIONS   of `vmm run`, after `--timeout 1`
#   ; type: TEXT     what is typed, as printf has it; then the input ends
#   ; says: REGEX    a line of what is said matches; PLACE stands for "at eip 0x... (die (NAME.asm:N))"
#   ; lacks: REGEX   none does
#   ; needs: cpu soft   these lines hold on the software CPU alone; the file is passed over on KVM
#   ; needs: cpu kvm    or the other way round
#
#   tests/deaths.sh [VMM [NAME...]]      VMM_OPTIONS, as in the other suites: "--cpu kvm"
#
# DEATHS_EACH=N: each N-th of those that could be on any engine, where they take long.
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
names=("${@:2}")
. tests/lib.sh

if [[ ${#names[@]} == 0 ]]; then
    for source in tests/deaths/*.asm; do
        name=${source##*/}
        names+=("${name%.asm}")
    done
fi

# with KEY: the values of such lines at the top of $source.
with() { sed -n "/^;/!q; s/^; $1: *//p" "$source"; }

# The place, with its symbol and line.
place() { echo "at eip 0x[0-9a-f]+ \\(die(\\+0x[0-9a-f]+)? \\($name\\.asm:[0-9]+\\)\\)"; }

death() {
    local source=tests/deaths/$1.asm name=$1 image=build/deaths/$1.elf status text pattern
    [[ $(with image) != flat ]] || image=build/deaths/$name.bin
    status=$(with status)
    # In the lab on Intel nothing ends a guest that goes round with interrupts off, and a second opinion gets no
    # further than 17 ms, before the timer's first interrupt (tests/lab/README.md, "Intel").
    [[ ${LAB:-} != intel || ($status != 124 && $1 != irq_empty_gate) ]] || return 0
    text=$(with type)
    # shellcheck disable=SC2046,SC2059,SC2086
    check "$name: ends with status ${status:-6}" "${status:-6}" \
        "$vmm" run ${VMM_OPTIONS:---cpu soft} --timeout 1 $(with run) "$image" < <(printf "$text")
    while IFS= read -r pattern; do
        says "$name: /$pattern/" "$err" "${pattern//PLACE/$(place)}"
    done < <(with says)
    while IFS= read -r pattern; do
        lacks "$name: not /$pattern/" "$err" "$pattern"
    done < <(with lacks)
}

number=0
for name in "${names[@]}"; do
    source=tests/deaths/$name.asm
    engine=soft
    [[ ${VMM_OPTIONS:-} != *kvm* ]] || engine=kvm
    needed=$(with needs)
    if [[ ! $needed ]]; then
        ((number++ % ${DEATHS_EACH:-1} == 0)) || continue
    elif [[ $needed != "cpu $engine" ]]; then
        continue
    fi
    death "$name"
done
finish
