# How a recording is made: the VMM runs on a terminal (tmux), where its screen is waited for what a
# person would wait for, and keys come at a person's pace. Pauses are for whoever watches; nothing
# depends on them, and HURRY=1 leaves them out.
#   docs/recordings/NAME.sh VMM CAST
set -eu
cd "$(dirname "$0")/../.."
vmm=$1 cast=$2
terminal=(tmux -L "vmm-recording-$$" -f /dev/null)
trap '"${terminal[@]}" kill-server 2>/dev/null || :' EXIT

# record COLUMNSxROWS ARGUMENTS...: vmm run, on a terminal of that size.
record() {
    echo "  RECORD  $cast"
    rm -f "$cast"
    "${terminal[@]}" new-session -d -x "${1%x*}" -y "${1#*x}" \
        "LC_ALL=C.UTF-8 exec $vmm run --cast $cast ${*:2} 2>&1"
}

# sees PATTERN: goes on when a line of the screen matches.
sees() {
    local i
    for ((i = 0; i < 600; i++)); do
        "${terminal[@]}" capture-pane -t 0 -p | grep -Eq -- "$1" && return
        sleep 0.1
    done
    echo "$0: a minute has gone by, and no line of the screen matches /$1/:" >&2
    "${terminal[@]}" capture-pane -t 0 -p | sed 's/^/    | /' >&2
    exit 1
}

# types TEXT: and the Enter key.
types() {
    local i
    for ((i = 0; i < ${#1}; i++)); do
        "${terminal[@]}" send-keys -t 0 -l -- "${1:i:1}"
        pause 0.07
    done
    pause 0.2
    "${terminal[@]}" send-keys -t 0 Enter
}

# screen KEY: one for the split screen itself.
screen() {
    "${terminal[@]}" send-keys -t 0 C-a "$1"
}

pause() {
    [[ ${HURRY:-} ]] || sleep "$1"
}

# Leaves the screen; the recording is whole when the terminal has gone.
leaves() {
    screen x
    while "${terminal[@]}" has-session 2>/dev/null; do
        sleep 0.1
    done
}
