#!/bin/bash
# Virtual time: the same image and the same input give the same run, to the last instruction and the
# last byte of RAM, a hundred times over, and in every build of the VMM.
#   tests/repeat.sh VMM [OTHER_BUILD...]
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
runs=100

# same NAME IMAGE INPUT [OPTION...]
same() {
    local name=$1 first again different=0
    shift
    first=$(fingerprint "$vmm" "$@")
    if ! grep -q '"instructions": [1-9]' <<<"$first"; then
        not_ok "$name" "it did not run: $first"
        return
    fi
    for ((i = 1; i < runs; i++)); do
        again=$(fingerprint "$vmm" "$@")
        [[ $again == "$first" ]] || different=$((different + 1))
    done
    if [[ $different == 0 ]]; then ok "$name: $runs equal runs"; else
        not_ok "$name" "$different of $runs runs differ"
        diff <(echo "$first") <(fingerprint "$vmm" "$@") | head -n 6
    fi
    for other in "${others[@]}"; do
        again=$(fingerprint "$other" "$@")
        if [[ $again == "$first" ]]; then ok "$name: equal in $other"; else
            not_ok "$name: $other" "differs"
            diff <(echo "$first") <(echo "$again") | head -n 6
        fi
    done
}

vmm=${1:-build/vmm}
shift
others=("$@")
same "1K OS with commands and crashes" build/os1k.elf \
    'hello\nps\nspin &\ncrash-null\ncrash-stack\ncounter 3 20\nmem\nuptime\nkill 2\nps\nexit 5\n' \
    --disk build/os1k.disk,ro
same "1K OS typed at on the keyboard" build/os1k.elf 'Hello\nuptime\nexit\n' --input keyboard
same "the timer" build/guests/timer32.bin '' --mode pm32
tests/disk.sh >"$scratch/disk"
same "a disk" build/guests/disk.elf '' --disk "$scratch/disk"
same "the real-time clock" build/guests/rtc.bin '' --mode pm32
finish
