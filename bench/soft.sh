#!/bin/bash
# The software CPU next to QEMU's TCG and to Bochs on this host: how fast it executes the image
# guests/speed.asm, the same file for all three; start-up; what the idle prompt costs. The engines
# take turns; speed is by their CPU time, which other work on the host disturbs least; the figures to
# compare are ratios of medians. A wrong result of the guest is an error.
#   bench/soft.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
. bench/lib.sh
rounds=${1:-3}
image=$bench/guests/speed.elf disk=$bench/guests/speed.img
syscalls=4000000 # CALLS in speed.asm

work=(build/vmm run --cpu soft)
qemu=(qemu-system-i386 -accel tcg -display none -monitor none -no-reboot)

# Debian's Bochs has the debugger, which wants to be told to go on, and no display but rfb that does
# without a terminal; nobody connects to it. Being killed, it leaves a lock on the disk.
cat >"$tmp/bochsrc" <<END
display_library: rfb, options="timeout=0"
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
megs: 64
cpu: ips=200000000
clock: sync=none
ata0-master: type=disk, mode=flat, path=$PWD/$disk
boot: disk
port_e9_hack: enabled=1
speaker: enabled=0
panic: action=fatal
log: $tmp/bochs.log
END
echo continue >"$tmp/continue"

engines=(vmm)
for peer in qemu-system-i386 bochs; do
    if command -v $peer >/dev/null; then
        engines+=("${peer%%-*}")
    else
        progress "$peer is not installed: skipped"
    fi
done

# Virtual time for ours: in real time the guest is held to the clock's 500 MIPS. There the guest's
# input is read first, so it must end.
command_of() {
    case $1 in
    vmm) command=(sh -c 'exec "$@" </dev/null' - "${work[@]}" --clock virtual "$image") ;;
    qemu) command=("${qemu[@]}" -icount "shift=0,sleep=off" -serial none -debugcon stdio -kernel "$image") ;;
    bochs) command=(bochs -unlock -f "$tmp/bochsrc" -rc "$tmp/continue") ;;
    esac
}

# measure ENGINE: runs the image once; appends "NAME MS INSTRUCTIONS" of its parts to a file.
measure() {
    command_of "$1"
    $bench/latency -l "done" "${command[@]}" >"$tmp/lines" 2>"$tmp/errors" </dev/null || cat "$tmp/errors" >&2
    if [ "$(grep -c ' end .* ok ' "$tmp/lines")" != 5 ]; then
        echo "$1 did not do its work:" >&2
        cat "$tmp/lines" >&2
        exit 1
    fi
    awk '$2 == "begin" {t = $1} $2 == "end" {print $3, $1 - t, $5}' "$tmp/lines" |
        while read -r name ms ticks; do
            echo "$name $ms $((16#$ticks / 2))" # of the software CPU's clock, 2 are an instruction
        done >>"$tmp/$1"
}

# time_of NAME ENGINE: its median, in ms
time_of() { awk -v name="$1" '$1 == name {print $2}' "$tmp/$2" | median; }

for ((i = 1; i <= rounds; i++)); do
    for engine in "${engines[@]}"; do
        progress "speed, round $i of $rounds: $engine"
        measure "$engine"
    done
done

head_row "vmm --cpu soft"
for what in integer:'integer loop' matmul:'integer matrix product' calls:'recursive calls' sieve:'byte sieve'; do
    name=${what%%:*}
    count=$(awk -v name="$name" '$1 == name {print $3; exit}' "$tmp/vmm")
    mips() { awk -v n="$count" -v ms="$1" 'BEGIN {printf "%.0f", n / ms / 1e3}'; }
    ours=$(time_of "$name" vmm)
    for peer in "${engines[@]:1}"; do
        theirs=$(time_of "$name" "$peer")
        echo "| ${what#*:}, MIPS | $(mips "$ours") | $(mips "$theirs") ($peer) | $(ratio "$theirs" "$ours") |"
    done
done
ns() { awk -v n=$syscalls -v ms="$1" 'BEGIN {printf "%.0f", ms * 1e6 / n}'; }
ours=$(time_of syscall vmm)
for peer in "${engines[@]:1}"; do
    theirs=$(time_of syscall "$peer")
    echo "| INT 0x80 and IRET from ring 3, ns | $(ns "$ours") | $(ns "$theirs") ($peer) | $(ratio "$theirs" "$ours") times faster |"
done

if [[ " ${engines[*]} " = *" qemu "* ]]; then
    start_up 9 "qemu" "${work[@]}" "$os" -- "${qemu[@]}" -serial stdio -kernel "$os"
fi
for seconds in 5 15; do
    progress "at the prompt, $seconds s"
    "${work[@]}" --timeout $seconds --report "$tmp/$seconds" "$os" </dev/null >/dev/null 2>&1 || true
done
ours=$(percent "$(field host_cpu_s "$tmp/5")" "$(field host_cpu_s "$tmp/15")")
echo "| idle at the prompt, % of a core | $ours | | |"
memory_row "$tmp/15"
progress "snapshots"
read -r restore _ pages copy < <($bench/restore soft $bench/dirty.bin)
echo "| a snapshot of 64 MiB put back, $pages pages dirty, us | $restore | $copy (memcpy of as much) | $(ratio "$restore" "$copy") of the floor |"
