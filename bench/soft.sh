#!/bin/bash
# The software CPU next to QEMU's TCG on this host: start-up, and what the idle prompt costs. Each
# pair is measured alternately; the figures to compare are ratios.
#   bench/soft.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
rounds=${1:-9}
bench=build/bench os=build/os1k.elf
work=(build/vmm run --cpu soft)
qemu=(qemu-system-i386 -accel tcg -display none -serial stdio -monitor none -no-reboot -kernel "$os")

median() { sort -g | awk '{v[NR] = $1} END {printf "%s", v[int((NR + 1) / 2)]}'; }
column() { awk -v n="$1" '{print $n}' "$2"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.1f", a / b}'; }
field() { sed -nE "s/^ *\"$1\": ([0-9.]+),?\$/\1/p" "$2"; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

echo "| figure | vmm --cpu soft | peer | ratio |"
echo "|---|---|---|---|"
for ((i = 0; i < rounds; i++)); do
    $bench/latency '> ' "${work[@]}" "$os" >>"$tmp/vmm"
    $bench/latency '> ' "${qemu[@]}" >>"$tmp/qemu"
done
for what in 1:'first byte' 2:'1K OS prompt'; do
    ours=$(column "${what%%:*}" "$tmp/vmm" | median) theirs=$(column "${what%%:*}" "$tmp/qemu" | median)
    echo "| exec to ${what#*:}, ms | $ours | $theirs (qemu-system-i386, TCG) | $(ratio "$theirs" "$ours") times faster |"
done
for seconds in 5 15; do
    "${work[@]}" --timeout $seconds --report "$tmp/$seconds" "$os" </dev/null >/dev/null 2>&1 || true
done
awk -v a="$(field host_cpu_s "$tmp/5")" -v b="$(field host_cpu_s "$tmp/15")" \
    'BEGIN {printf "| idle at the prompt, %% of a core | %.2f | | |\n", (b - a) * 10}'
awk -v p="$(field resident_kib "$tmp/15")" -v t="$(field guest_touched_kib "$tmp/15")" \
    'BEGIN {printf "| resident beyond what the guest touched, KiB | %d | | |\n", p - t}'
