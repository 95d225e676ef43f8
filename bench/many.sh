#!/bin/bash
# Many guests in one process, on the software CPU, next to as many processes of QEMU (TCG) on this host:
# what 1, 2, 4 and 8 guests that compute get done together; how long 100 of 1K OS take until each has
# answered a command; what memory they have then.
#   bench/many.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
. bench/lib.sh
rounds=${1:-2}
crowd=100
pids=()
trap 'kill -KILL "${pids[@]}" 2>/dev/null || true; rm -rf "$tmp"' EXIT

# start ENGINE COUNT IMAGE LINE INPUT: so many guests, which get this command line and this input, and
# print into $tmp/out.*
start() {
    local engine=$1 count=$2 image=$3 line=$4 input=$5 images=()
    rm -f "$tmp"/out.*
    if [ "$engine" = vmm ]; then
        for ((i = 0; i < count; i++)); do images+=("$image,name=g$i"); done
        # In real time a guest is held to the 500 MIPS of its clock.
        build/vmm run --cpu soft --clock virtual --plain -m 16 ${line:+--append "$line"} \
            "${images[@]}" <<<"$input" >"$tmp/out.0" 2>/dev/null &
        pids=($!)
    else
        for ((i = 0; i < count; i++)); do
            qemu-system-i386 -accel tcg -m 16 -display none -monitor none -no-reboot -serial stdio \
                -debugcon "file:$tmp/out.d$i" -kernel "$image" \
                -append "$line" <<<"$input" >"$tmp/out.$i" 2>/dev/null &
            pids+=($!)
        done
    fi
}

# until_said COUNT TEXT: waits for so many lines with it.
until_said() {
    for ((i = 0; i < 6000; i++)); do
        [ "$(cat "$tmp"/out.* 2>/dev/null | grep -c "$2")" -lt "$1" ] || return 0
        sleep 0.02
    done
    echo "only $(cat "$tmp"/out.* | grep -c "$2") of $1 guests say \"$2\"" >&2
    return 1
}

end_all() {
    kill -KILL "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
    pids=()
}

# measure ENGINE COUNT IMAGE LINE INPUT TEXT: the seconds until all have said it. They go on.
measure() {
    local begin=${EPOCHREALTIME/./}
    start "$1" "$2" "$3" "$4" "$5"
    until_said "$2" "$6"
    seconds=$(awk -v us=$((${EPOCHREALTIME/./} - begin)) 'BEGIN {printf "%.2f", us / 1e6}')
}

# cpu COUNT: the processor time of all processes together, in seconds a guest
cpu() {
    for pid in "${pids[@]}"; do cat "/proc/$pid/stat"; done |
        awk -v n="$1" -v hz="$(getconf CLK_TCK)" '{sum += $14 + $15} END {printf "%.2f\n", sum / hz / n}'
}

# memory KIND: of all processes together, Rss or Pss, in KiB a guest
memory() {
    for pid in "${pids[@]}"; do cat "/proc/$pid/smaps_rollup"; done |
        awk -v kind="$1:" -v n=$crowd '$1 == kind {sum += $2} END {printf "%d\n", sum / n}'
}

engines=(vmm qemu)
works qemu-system-i386 -accel tcg -m 16 -display none -monitor none -no-reboot -serial stdio -kernel $os || engines=(vmm)
for ((round = 1; round <= rounds; round++)); do
    for count in 1 2 4 8; do
        for engine in "${engines[@]}"; do
            progress "computing, round $round of $rounds: $engine, $count"
            # The sieve only keeps those busy that have done their product.
            measure "$engine" $count $bench/guests/guest.elf "int64=500 sieve=10000000" "" "begin sieve"
            cpu $count >>"$tmp/$engine.$count.cpu"
            end_all
            echo "$seconds" >>"$tmp/$engine.$count"
        done
    done
    for engine in "${engines[@]}"; do
        progress "$crowd of 1K OS, round $round of $rounds: $engine"
        measure "$engine" $crowd $os "" hello "Hello world from shell!"
        memory Rss >>"$tmp/$engine.rss"
        memory Pss >>"$tmp/$engine.pss"
        end_all
        echo "$seconds" >>"$tmp/$engine.start"
    done
done

# The best of the rounds: the one that other work on the host disturbed least.
of() { sort -g "$tmp/$1.$2" | head -n 1; }
# row WHAT FILE [COMPARISON]
row() {
    local theirs="" against="" # how many times better than the peer's
    if [ ${#engines[@]} = 2 ]; then
        theirs="$(of qemu "$2") (qemu)" against="$(ratio "$(of qemu "$2")" "$(of vmm "$2")")${3:+ times $3}"
    fi
    echo "| $1 | $(of vmm "$2") | $theirs | $against |"
}
# What COUNT guests get done together, in the work of one.
together() { awk -v n="$2" -v one="$(of "$1" 1)" -v all="$(of "$1" "$2")" 'BEGIN {printf "%.2f", n * one / all}'; }

head_row "vmm, one process"
row "one guest that computes, s" 1
for count in 1 2 4 8; do row "processor time of each of $count, s" $count.cpu; done
for count in 2 4 8; do
    theirs=""
    [ ${#engines[@]} = 1 ] || theirs="$(together qemu $count) (qemu)"
    echo "| $count together, in the work of one | $(together vmm $count) | $theirs | |"
done
row "$crowd of 1K OS from exec to an answer of each, s" start faster
row "resident memory a guest, KiB" rss less
row "and with shared pages shared out (PSS), KiB" pss less
