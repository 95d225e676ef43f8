#!/bin/bash
# The software CPU on this host: start-up next to QEMU's TCG, what the idle prompt costs, and snapshots.
# How fast it executes is the comparison's (`make bench`).
#   bench/soft.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
. bench/lib.sh
rounds=${1:-9}
work=(build/vmm run --cpu soft)
qemu=(qemu-system-i386 -accel tcg -display none -monitor none -no-reboot -serial stdio -kernel "$os")

head_row "vmm --cpu soft"
if works "${qemu[@]}"; then
    start_up "$rounds" qemu "${work[@]}" "$os" -- "${qemu[@]}"
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
