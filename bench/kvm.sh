#!/bin/bash
# The KVM engine, measured: start-up next to QEMU, a port exit next to the bare KVM loop, what the
# idle prompt costs. Runs where KVM works: on the host, or inside the lab (`make bench-kvm`). The
# figures to compare are ratios; each pair is measured alternately.
#   bench/kvm.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/.."
. bench/lib.sh
rounds=${1:-9}
work=(build/vmm run --cpu kvm)
qemu=(qemu-system-i386 -accel kvm -display none -serial stdio -monitor none -no-reboot -kernel "$os")

head_row vmm
has_qemu=
if works "${qemu[@]}"; then
    has_qemu=y
    start_up "$rounds" qemu-system-i386 "${work[@]}" "$os" -- "${qemu[@]}"
fi

for ((i = 1; i <= rounds; i++)); do
    progress "port exits, round $i of $rounds"
    $bench/kvm_floor $bench/port_storm.bin >>"$tmp/floor"
    "${work[@]}" --report "$tmp/report" $bench/port_storm.bin
    awk -v s="$(field guest_s "$tmp/report")" 'BEGIN {printf "%.1f\n", s * 1e9 / 20001}' >>"$tmp/port"
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
progress "ten idle seconds"
ours=$(percent "$(vmm_cpu 5)" "$(vmm_cpu 15)")
if [ "$has_qemu" ]; then
    theirs=$(percent "$(qemu_cpu 5)" "$(qemu_cpu 15)")
    echo "| idle at the prompt, % of a core | $ours | $theirs (qemu-system-i386) | $(ratio "$ours" "$theirs") |"
else
    echo "| idle at the prompt, % of a core | $ours | | |"
fi
memory_row "$tmp/idle"
