#!/bin/bash
# Writes into docs/when-it-dies.md what stands between its comments <!-- death NAME --> and <!-- end -->: the
# kernel tests/deaths/NAME.asm, and what the VMM says of it.
#   docs/when-it-dies.sh [VMM]        writes the page; tests/docs.sh compares it with what is written then
#   docs/when-it-dies.sh -n [VMM]     only prints it
set -eu
cd "$(dirname "$0")/.."
only_print=
if [[ ${1:-} == -n ]]; then only_print=yes && shift; fi
vmm=${1:-build/vmm}
page=docs/when-it-dies.md

# with KEY: the value of such a line at the top of $source.
with() { sed -n "/^;/!q; s/^; $1: *//p" "$source"; }

# death NAME: the kernel without what tests/deaths.sh wants to know of it, and what comes of it. The registers
# are left out.
death() {
    local source=tests/deaths/$1.asm image=build/deaths/$1.elf options
    [[ $(with image) != flat ]] || image=build/deaths/$1.bin
    if [[ ! -e $source || ! -e $image ]]; then
        echo "$source is not there, or not built: make when-it-dies builds them all" >&2
        exit 2
    fi
    options=$(with run)
    [[ $(with status) != 124 ]] || options="--timeout 1${options:+ $options}"
    echo '```nasm'
    awk '/^; [a-z]+: / {next} /^%include "kit.inc"/ {next} {print}' "$source"
    echo '```'
    echo '```'
    echo "\$ vmm run ${options:+$options }${image##*/}"
    # shellcheck disable=SC2086
    { cd "${image%/*}" && "$vmm" run --cpu soft --clock virtual $options "${image##*/}" </dev/null 2>&1; } |
        tr -d '\000\r' | awk '/^  (eax|esi|eip|cr0|es) / {if (!cut) print "  ..."; cut = 1; next} {print}'
    echo '```'
}

case $vmm in
/*) ;;
*) vmm=$PWD/$vmm ;;
esac
written=$(while IFS= read -r line; do
    case $line in
    '<!-- death '*)
        echo "$line"
        name=${line#<!-- death }
        death "${name% -->}"
        while [[ $line != '<!-- end -->' ]]; do IFS= read -r line; done
        ;;
    esac
    printf '%s\n' "$line"
done <$page)
if [[ $only_print ]]; then
    printf '%s\n' "$written"
else
    printf '%s\n' "$written" >$page
fi
