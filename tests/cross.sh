#!/bin/bash
# The VMM on a host whose processor is no x86: a build for aarch64, run by QEMU's user-mode emulation,
# boots 1K OS and the assembly guests, to the last instruction and byte of RAM as this host's does.
#   tests/cross.sh VMM CROSS_VMM
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
native=${1:-build/vmm}
cross=$scratch/vmm
printf '#!/bin/sh\nexec qemu-aarch64 "%s" "$@"\n' "$(realpath "${2:-build/aarch64-linux-gnu/vmm}")" >"$cross"
chmod +x "$cross"

# same NAME IMAGE INPUT [OPTION...]
same() {
    local name=$1 here there
    shift
    here=$(fingerprint "$native" "$@")
    there=$(fingerprint "$cross" "$@")
    if [[ $here == "$there" ]] && grep -q '"instructions": [1-9]' <<<"$here"; then ok "$name: equal runs"; else
        not_ok "$name" "differs"
        diff <(echo "$here") <(echo "$there") | head -n 12
    fi
}

# The checks of another script, on the cross build in virtual time, but for its totals.
checks_of() {
    local line
    while IFS= read -r line; do
        case $line in
        'ok'*) passed=$((passed + 1)) ;;
        'not ok'*) failed=$((failed + 1)) ;;
        *' passed, '*' failed') continue ;;
        esac
        printf '%s\n' "$line"
    done < <(VMM_OPTIONS="--clock virtual" "$@" 2>&1)
}

check "vmm probe" 0 "$cross" probe
says "the software CPU works" "$out" '^soft: works'
lacks "and is all there is" "$out$err" kvm
check "--cpu kvm" 2 "$cross" run --cpu kvm build/os1k.elf
says "is explained" "$err" '^vmm: --cpu kvm: no such engine; there are auto, soft$'
check "vmm probe kvm" 2 "$cross" probe kvm
says "likewise" "$err" 'no such engine; there are auto, soft$'
check "a crash" 6 "$cross" run --mode pm32 build/guests/divide.bin
says "is explained, too" "$err" 'exception 0, #DE divide error'
check "the host's time" 124 "$cross" run --timeout 300ms build/guests/flood.bin

same "1K OS with commands and crashes" build/os1k.elf \
    'hello\nps\nspin &\ncrash-null\ncrash-stack\ncounter 3 20\nmem\nuptime\nkill 2\nps\nexit 5\n' \
    --disk build/os1k.disk,ro
same "1K OS typed at on the keyboard" build/os1k.elf 'Hello\nuptime\nexit\n' --input keyboard
same "hello" build/guests/hello.bin ''
same "counter" build/guests/counter.bin ''
same "paging" build/guests/paging.elf ''
same "ring3" build/guests/ring3.elf ''
same "the timer" build/guests/timer32.bin '' --mode pm32
same "the real-time clock" build/guests/rtc.bin '' --mode pm32

# flood is above; in virtual time its 300 ms are long.
mapfile -t guests < <(sed -nE 's/^([a-z][a-z0-9_]*) *\|.*/\1/p' tests/guests.list | grep -vx flood)
checks_of tests/guests.sh "$cross" "${guests[@]}"
checks_of tests/conformance.sh "$cross"
finish
