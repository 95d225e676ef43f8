# What the test scripts share: each check prints one line; the script ends with the totals.
passed=0 failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

ok() { passed=$((passed + 1)); echo "ok - $1"; }
not_ok() { failed=$((failed + 1)); echo "not ok - $1: $2"; }

# check NAME STATUS COMMAND...: the command ends with STATUS. Its output is in $out, $err.
check() {
    local name=$1 want=$2 got=0
    shift 2
    "$@" >"$scratch/out" 2>"$scratch/err" || got=$?
    out=$(tr -d '\000\r' <"$scratch/out") err=$(tr -d '\000\r' <"$scratch/err")
    if [[ $got == "$want" ]]; then
        ok "$name"
    else
        not_ok "$name" "status $got, not $want"
        printf '%s\n' "$out" "$err" | tail -n 12 | sed 's/^/    | /'
    fi
}

# says NAME TEXT PATTERN: the text has a line that matches the extended regular expression.
says() {
    if grep -Eq -- "$3" <<<"$2"; then
        ok "$1"
    else
        not_ok "$1" "no line matches /$3/"
        tail -n 12 <<<"$2" | sed 's/^/    | /'
    fi
}

# lacks NAME TEXT PATTERN: it has none.
lacks() {
    if grep -Eq -- "$3" <<<"$2"; then
        not_ok "$1" "a line matches /$3/"
        grep -E -- "$3" <<<"$2" | head -n 5 | sed 's/^/    | /'
    else
        ok "$1"
    fi
}

# fingerprint VMM IMAGE INPUT [OPTION...]: what must be equal in every run in virtual time: the output,
# and of the report what is not the host's.
fingerprint() {
    local vmm=$1 image=$2 input=$3
    shift 3
    # shellcheck disable=SC2059
    printf "$input" | "$vmm" run --cpu soft --clock virtual --timeout 60 --report "$scratch/report" "$@" "$image" \
        >"$scratch/out" 2>/dev/null
    echo "status $?"
    grep -E '"(end|status|guest_s|guest_idle_s|instructions|output_bytes|exits|interrupts|ram_hash)"' "$scratch/report" |
        sed -E 's/"kicked": [0-9]+/"kicked": -/'
    cat "$scratch/out"
}

# soon COMMAND...: tries it until it succeeds; fails after a minute. What a check waits for comes sooner
# or later, as busy as the host is.
soon() {
    local end=$((SECONDS + 60))
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.05
    done
}

finish() {
    echo "$passed passed, $failed failed"
    [[ $failed == 0 ]]
}
