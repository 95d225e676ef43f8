#!/bin/bash
# What targets need of the system: .ci/need with an apt-get that only notes how it was called, and that `make test`
# asks for all at once, before anything else.
#   tests/need.sh
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/lib.sh
mkdir "$scratch"/{bin,apt,sudo}
for tool in sh bash mktemp rm tail touch cat; do ln -s "$(command -v $tool)" "$scratch/bin/"; done
# shellcheck disable=SC2016
{
    printf '#!/bin/sh\necho "$UID_IS"\n' >"$scratch/bin/id"
    printf '#!/bin/sh\nexec env "$@"\n' >"$scratch/sudo/sudo"
}
ln -s "$(command -v env)" "$scratch/sudo/"
# It fails for the step that FAILS names, and does not know packages that begin with "no".
cat >"$scratch/apt/apt-get" <<'END'
#!/bin/sh
echo "$*" >>"$CALLS"
if [ "$1" = "${FAILS:-}" ]; then echo "E: $1 is broken" >&2; exit 100; fi
[ "$1" = install ] || exit 0
for package; do case $package in no*) echo "E: Unable to locate package $package"; exit 100 ;; esac; done
END
chmod +x "$scratch"/*/{id,sudo,apt-get} 2>/dev/null
export CALLS=$scratch/calls

# need NAME STATUS WHERE ARGUMENT...: calls .ci/need where only these of apt and sudo are; what apt-get was told is
# in $calls.
need() {
    local name=$1 status=$2 path=$scratch/bin dir
    for dir in $3; do path=$scratch/$dir:$path; done
    shift 3
    : >"$CALLS"
    check "$name" "$status" env PATH="$path" UID_IS="${user:-0}" .ci/need "the test" "$@"
    calls=$(cat "$CALLS")
}
install='install -y --no-install-recommends'

need "nothing is missing" 0 "apt" sh:dash /etc/passwd:base-passwd
lacks "apt-get is not called" "$calls" .
need "two packages are missing" 0 "apt" a-tool:a sh:dash /no/file:b other-tool:a
says "both are installed at once, each named once" "$calls" "^$install a b\$"
says "and it is said what for" "$err" '^the test needs packages that are not installed: a b$'
FAILS=update need "'apt-get update' fails" 0 "apt" a-tool:a
says "that is a warning" "$err" "warning: 'apt-get update' failed"
says "with the reason" "$err" 'E: update is broken'
says "and the package is installed" "$calls" "^$install a\$"
FAILS=install need "'apt-get install' fails" 1 "apt" a-tool:a
says "the reason is shown" "$err" 'E: install is broken'
says "and what to do" "$err" "'apt-get $install a' failed; see above, then run make again"
need "an optional package is missing, too" 0 "apt" a-tool:a --optional b-tool:b c-tool:a
says "it is installed in the same step" "$calls" "^$install a b\$"
need "an optional package that there is not" 0 "apt" a-tool:a --optional b-tool:no-b
says "does not keep the others from being installed" "$calls" "^$install a\$"
says "and is named" "$err" 'optional, and left out: no-b$'
need "alone, it is no failure either" 0 "apt" --optional b-tool:no-b
need "a package that there is not" 1 "apt" a-tool:no-a --optional b-tool:b
user=1000
need "a user who has sudo" 0 "apt sudo" a-tool:a
says "uses it" "$err" '^  sudo apt-get install'
need "a user who has none" 1 "apt" a-tool:a
says "is told the command" "$err" "please run, as root: apt-get $install a\$"
need "unless it is optional" 0 "apt" --optional a-tool:a
need "a system without apt-get" 1 "" a-tool:a b-tool:b
says "is told the packages" "$err" 'please install what Debian calls a b, then'

# What make test does, a command a line.
steps=$(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -n test 2>/dev/null | sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}')
first=$(head -n 1 <<<"$steps")
says "make test begins by asking for packages" "$first" '^\.ci/need "make test" .* nasm:nasm .* --optional '
later=$(tail -n +2 <<<"$steps" | grep -F .ci/need | grep -oE '[^ "]+:[^ "]+' | sort -u | while read -r pair; do
    [[ " $first " == *" $pair "* ]] || echo "$pair"
done)
lacks "later it asks for nothing more" "$later" .
finish
