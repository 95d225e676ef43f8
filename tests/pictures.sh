#!/bin/bash
# What a guest draws, compared with pictures: guests (tests/pictures/*.asm) draw in each mode what follows
# from addresses alone. tests/pictures/NAME.png was written by `screenshot`, and is what QEMU's screendump has
# of the same guest, but that QEMU doubles dots and lines, and rounds colours otherwise; letters are our own.
#   tests/pictures.sh [VMM]      VMM_OPTIONS, as in the other suites
# UPDATE=1 writes the pictures anew.
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh

# steps IMAGE VERB [DIRECTORY]: a scenario that does that in each of the $modes.
steps() {
    echo "boot build/pictures/$1.img ${VMM_OPTIONS:---cpu soft}"
    for mode in "${modes[@]}"; do
        printf '%s\n' 'expect debugcon "."' 'run 1ms' "$2 ${3:-tests/pictures}/$mode.png" 'key ret'
    done
    echo 'exit 0'
}

# compare IMAGE: the $modes that its guest shows one after the other.
compare() {
    [[ ! ${UPDATE:-} ]] || "$vmm" test <(steps "$1" screenshot)
    for mode in "${modes[@]}"; do
        echo "boot build/pictures/$1.img ${VMM_OPTIONS:---cpu soft}" >"$scratch/$mode.t"
        for before in "${modes[@]}"; do
            echo 'expect debugcon "."' >>"$scratch/$mode.t"
            [[ $before != "$mode" ]] || break
            echo 'key ret' >>"$scratch/$mode.t"
        done
        echo "expect pixels tests/pictures/$mode.png" >>"$scratch/$mode.t"
        check "$mode is as its picture" 0 "$vmm" test "$scratch/$mode.t"
    done
    steps "$1" screenshot "$scratch" >"$scratch/all.t"
    check "one after the other" 0 "$vmm" test "$scratch/all.t"
    for mode in "${modes[@]}"; do
        cmp -s "tests/pictures/$mode.png" "$scratch/$mode.png" || echo "$mode" >>"$scratch/differ"
    done
    check "screenshot writes the same pictures" 1 test -e "$scratch/differ"
}

modes=(13h x 0dh 0dh-moved 0eh 10h 11h 12h 04h 06h 12h-colours text text-50)
compare modes
modes=(vbe-8 vbe-15 vbe-16 vbe-24 vbe-32)
compare vbe

# ---- other pictures ----

sed -i 's|tests/pictures/13h.png|tests/pictures/0dh.png|; 1a timeout 50ms' "$scratch/13h.t"
check "another picture of the same size" 124 "$vmm" test "$scratch/13h.t"
says "is told of" "$out" '[0-9]+ of 64000 pixels are other ones; the first, column [0-9]+ of line [0-9]+, is #[0-9a-f]{6}, and #[0-9a-f]{6} in'
sed -i 's|tests/pictures/0dh.png|tests/pictures/12h.png|' "$scratch/13h.t"
check "a picture of another size" 124 "$vmm" test "$scratch/13h.t"
says "is told of" "$out" 'the screen shows 320 x 200 pixels, the picture has 640 x 480'
sed -i 's|tests/pictures/12h.png|tests/pictures.sh|' "$scratch/13h.t"
check "what is no picture" 2 "$vmm" test "$scratch/13h.t"
says "is refused before anything runs" "$out" "13h.t:4:[0-9]+: can't read the picture tests/pictures.sh"

# ---- snapshots have planes and framebuffers ----

cat >"$scratch/back.t" <<END
boot build/pictures/vbe.img ${VMM_OPTIONS:---cpu soft}
expect debugcon "."
snapshot first
key ret
expect debugcon "."
expect pixels tests/pictures/vbe-15.png
restore first
expect pixels tests/pictures/vbe-8.png
boot build/pictures/modes.img ${VMM_OPTIONS:---cpu soft}
expect debugcon "."
key ret
expect debugcon "."
snapshot planes
key ret
expect debugcon "."
expect pixels tests/pictures/0dh.png
restore planes
expect pixels tests/pictures/x.png
key ret
expect debugcon "."
expect pixels tests/pictures/0dh.png
END
check "a snapshot brings back what is on the screen" 0 "$vmm" test "$scratch/back.t"
# shellcheck disable=SC2086
check "so does its file: it is saved" 124 "$vmm" run ${VMM_OPTIONS:---cpu soft} --timeout 2 --save "$scratch/saved" \
    build/pictures/vbe.img
# shellcheck disable=SC2086
"$vmm" run ${VMM_OPTIONS:---cpu soft} --restore "$scratch/saved" --paused --monitor "unix:$scratch/restored" \
    --screenshot "$scratch/restored.png" >/dev/null 2>&1 &
soon test -S "$scratch/restored"
printf '%s\n' "screenshot $scratch/restored.png" quit | timeout 20 socat -t 5 - "UNIX-CONNECT:$scratch/restored" >/dev/null
wait
check "and restored" 0 cmp tests/pictures/vbe-8.png "$scratch/restored.png"

# ---- the monitor ----

# shellcheck disable=SC2086
"$vmm" run ${VMM_OPTIONS:---cpu soft} --monitor "unix:$scratch/socket" --screenshot "$scratch/allowed.png" \
    build/pictures/modes.img >"$scratch/run" 2>&1 &
soon test -S "$scratch/socket"
soon grep -qs '\.' "$scratch/run"
ask() { printf '%s\n' "$@" | timeout 20 socat -t 5 - "UNIX-CONNECT:$scratch/socket"; }
out=$(ask 'screen' "screenshot $scratch/other.png" "screenshot $scratch/allowed.png" 'quit')
wait
says "the monitor's screen says that it is pixels" "$out" 'the screen shows pixels, not text'
says "its screenshot writes no file that no option names" "$out" 'the sandbox allows only files that --screenshot names'
says "and one that is named" "$out" '320 x 200 pixels are in .*allowed.png'
check "which is the picture" 0 cmp tests/pictures/13h.png "$scratch/allowed.png"
finish
