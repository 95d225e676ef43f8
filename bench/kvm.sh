#!/bin/bash
# The KVM engine, measured: start-up next to QEMU, a port exit next to the bare KVM loop, what the
# idle prompt costs. Runs where KVM works: on the host, or inside the lab (`make bench`). The
# figures to compare are ratios; each pair is measured alternately.
#   bench/kvm.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
rounds=${1:-9}
vmm=build/vmm bench=build/bench os=build/os1k.elf
prompt='> '

median() { sort -g | awk '{v[NR] = $1} END {printf "%s", v[int((NR + 1) / 2)]}'; }
column() { awk -v n="$1" '{print $n}' "$2"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
field() { sed -nE "s/^ *\"$1\": ([0-9.]+),?\$/\1/p" "$2"; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
work=(build/vmm run --cpu kvm)

echo "| figure | vmm | peer | ratio |"
echo "|---|---|---|---|"

qemu=(qemu-system-i386 -accel kvm -display none -serial stdio -monitor none -no-reboot -kernel "$os")
if command -v qemu-system-i386 >/dev/null; then
    for ((i = 0; i < rounds; i++)); do
        $bench/latency "$prompt" "${work[@]}" "$os" >>"$tmp/vmm"
        $bench/latency "$prompt" "${qemu[@]}" >>"$tmp/qemu"
    done
    for what in 1:'first byte' 2:'1K OS prompt'; do
        ours=$(column "${what%%:*}" "$tmp/vmm" | median) theirs=$(column "${what%%:*}" "$tmp/qemu" | median)
        echo "| exec to ${what#*:}, ms | $ours | $theirs (qemu-system-i386) | $(ratio "$theirs" "$ours") times faster |"
    done
fi

for ((i = 0; i < rounds; i++)); do
    $bench/kvm_floor $bench/port_storm.bin >>"$tmp/floor"
    "${work[@]}" --report "$tmp/report" $bench/port_storm.bin
    awk -v s="$(field guest_s "$tmp/report")" 'BEGIN {printf "%.1f\n", s * 1e9 / 200001}' >>"$tmp/port"
done
ours=$(median <"$tmp/port") theirs=$(median <"$tmp/floor")
echo "| a port exit, ns | $ours | $theirs (bare KVM_RUN loop) | $(ratio "$ours" "$theirs") of the floor |"

# Ten seconds at the prompt: what the process uses beyond its start, in percent of a core. Each is the
# difference of two runs.
vmm_cpu() {
    "${work[@]}" --timeout "$1" --report "$tmp/idle" "$os" </dev/null >/dev/null 2>&1 || true
    field host_cpu_s "$tmp/idle"
}
qemu_cpu() {
    local TIMEFORMAT='%U %S'
    { time timeout "$1" "${qemu[@]}" </dev/null >/dev/null 2>&1; } 2>&1 | awk '{print $1 + $2}'
}
percent() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", (b - a) * 10}'; }
ours=$(percent "$(vmm_cpu 5)" "$(vmm_cpu 15)")
if command -v qemu-system-i386 >/dev/null; then
    theirs=$(percent "$(qemu_cpu 5)" "$(qemu_cpu 15)")
    echo "| idle at the prompt, % of a core | $ours | $theirs (qemu-system-i386) | $(ratio "$ours" "$theirs") |"
else
    echo "| idle at the prompt, % of a core | $ours | | |"
fi
awk -v p="$(field resident_kib "$tmp/idle")" -v t="$(field guest_touched_kib "$tmp/idle")" \
    'BEGIN {printf "| resident beyond what the guest touched, KiB | %d | | |\n", p - t}'
