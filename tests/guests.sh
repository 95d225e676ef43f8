#!/bin/sh
# Runs the assembly guests of tests/guests.list and compares what they print, to the byte, with
# tests/guests/NAME.out. Works on the host and inside the KVM lab.
#
#   tests/guests.sh [-v] VMM [NAME...]
#
# -v shows all that a guest prints. VMM_OPTIONS are further options for `vmm run`, such as
# "--cpu kvm"; a guest that needs other ones than these gets its own.
set -u

verbose=
if [ "${1-}" = -v ]; then
    verbose=yes
    shift
fi
if [ $# -eq 0 ]; then
    echo "usage: tests/guests.sh [-v] VMM [NAME...]" >&2
    exit 2
fi
case $1 in
/*) vmm=$1 ;;
*) vmm=$PWD/$1 ;;
esac
shift
cd "$(dirname "$0")/.." || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0
failed=0

# The VMM ends a guest that hangs; this ends a VMM that does.
guard=
command -v timeout >/dev/null && guard='timeout -s KILL 60'

# Sets `field` to the text without the blanks around it. (No subshell: in the lab they are slow.)
trim() {
    field=${1#"${1%%[! ]*}"}
    field=${field%"${field##*[! ]}"}
}

indent() {
    sed 's/^/    /'
}

pass() {
    passed=$((passed + 1))
    printf 'ok - %s: %s\n' "$name" "$1"
}

fail() {
    failed=$((failed + 1))
    printf 'not ok - %s: %s\n' "$name" "$1"
}

run_guest() {
    case $options in
    *DISK*)
        tests/disk.sh >"$work/disk"
        options=${options%%DISK*}$work/disk${options#*DISK}
        ;;
    esac
    # shellcheck disable=SC2086 # options and guard are several words
    if [ "$input" = - ]; then
        $guard "$vmm" run --timeout 20s ${VMM_OPTIONS-} $options "$image" </dev/null
    else
        # shellcheck disable=SC2059 # the input is a format: that is how it holds control characters
        printf "$input" | $guard "$vmm" run --timeout 20s ${VMM_OPTIONS-} $options "$image"
    fi >"$work/out" 2>"$work/err"
}

# What a guest that did all it should has shown: its lines, then the VMM's remark, cut to a line.
summary() {
    awk -v remark="vmm: $image: " -v status="$status" '
        FILENAME ~ /err$/ {
            if (index($0, remark) != 1)
                next
            $0 = substr($0, length(remark) + 1)
        }
        {
            sub(/\r$/, "")
            sub(/^ +/, "")
            if ($0 != "")
                text = text (text == "" ? "" : " / ") $0
        }
        END {
            if (text == "")
                text = "status " status
            if (length(text) > 80)
                text = substr(text, 1, 77) "..."
            print text
        }' "$work/out" "$work/err"
}

check_guest() {
    golden=tests/guests/$name.out
    if [ ! -e "$image" ]; then
        fail "$image is not there: make guests builds it"
        return
    fi
    run_guest
    got=$?
    if [ "$got" -ne "$status" ]; then
        fail "status $got instead of $status"
    elif ! cmp -s "$golden" "$work/out"; then
        fail "it printed something else than $golden has"
        diff -u "$golden" "$work/out" | sed 1,2d | head -n 20 | indent
    elif [ "$report" != - ] && ! grep -qF -e "$report" "$work/err"; then
        fail "nothing on standard error says: $report"
    else
        pass "$(summary)"
        [ -n "$verbose" ] && cat "$work/out" "$work/err" | indent
        return
    fi
    head -n 20 "$work/err" | indent
}

# Is the guest to be run, with these names on the command line?
wanted() {
    [ $# -eq 0 ] && return 0
    for chosen; do
        [ "$chosen" = "$name" ] && return 0
    done
    return 1
}

while IFS='|' read -r name image status options input report <&3; do
    trim "$name"
    name=$field
    case $name in
    '' | \#*) continue ;;
    esac
    wanted "$@" || continue
    trim "$image"
    image=build/guests/$field
    trim "$status"
    status=$field
    trim "$options"
    options=$field
    [ "$options" = - ] && options=
    trim "$input"
    input=$field
    trim "$report"
    report=$field
    check_guest
done 3<tests/guests.list

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
