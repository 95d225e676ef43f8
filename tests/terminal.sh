# What the scripts share that look at a terminal, tmux's. Needs tests/lib.sh and $vmm.
terminal=(tmux -L "vmm-test-$$-0" -f /dev/null) sessions=0
end_session() { "${terminal[@]}" kill-server 2>/dev/null; }
trap 'end_session; rm -rf "$scratch"' EXIT
keys() { "${terminal[@]}" send-keys -t 0 "$@"; }
picture() { "${terminal[@]}" capture-pane -t 0 -p; }
# shows NAME PATTERN: soon the screen has such a line. It is in $out.
seen() { out=$(picture) && grep -Eq -- "$1" <<<"$out"; }
shows() {
    soon seen "$2"
    says "$1" "$out" "$2"
}
# on_screen COLUMNSxROWS ARGUMENTS: a vmm on a terminal of that size.
on_screen() {
    end_session
    terminal[2]="vmm-test-$$-$((++sessions))"
    "${terminal[@]}" new-session -d -x "${1%x*}" -y "${1#*x}" \
        "env LC_ALL=C.UTF-8 $vmm run --cpu soft -m 16 ${*:2} 2>$scratch/err; echo status \$?; stty -a | grep -o '.icanon'; cat $scratch/err; sleep 60"
    "${terminal[@]}" set-option -g window-size manual >/dev/null
}
