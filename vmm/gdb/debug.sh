#!/bin/bash
# Starts a guest that waits for gdb, and gdb on it. What the guest prints comes between gdb's lines, and
# build/debug/keys takes what is typed at it. `make debug` runs this.
#   vmm/gdb/debug.sh VMM IMAGE PLACE|- [OPTION...]     PLACE: where gdb stops first; -: at the entry
set -u
vmm=$1 image=$2 place=$3
shift 3
folder=build/debug
socket=$folder/gdb keys=$folder/keys
mkdir -p "$folder"
rm -f "$socket" "$keys"
mkfifo "$keys" || exit 2

# Ctrl-C is gdb's, so the guest is in a session of its own. An open end keeps its input from ending.
setsid "$vmm" run --cpu soft --plain --gdb "unix:$socket" --paused "$@" "$image" <>"$keys" &
guest=$!
trap 'kill "$guest" 2>/dev/null; wait "$guest" 2>/dev/null; rm -f "$socket" "$keys"' EXIT
until [[ -S $socket ]]; do
    kill -0 "$guest" 2>/dev/null || { wait "$guest"; exit; }
    sleep 0.05
done

arguments=(-q -x "$(dirname "$vmm")/vmm.gdb" -ex "target remote $socket")
if [[ $(head -c 4 "$image" | tr -d '\177') == ELF ]]; then
    arguments=("$image" "${arguments[@]}")
else
    arguments=(-ex 'set osabi none' -ex 'set architecture i8086' "${arguments[@]}") # it begins in 16-bit code, most likely
    [[ $place != - || $(od -An -tx1 -j510 -N2 "$image") != ' 55 aa' ]] || place='*0x7c00' # where a boot sector begins
fi
[[ $place == - ]] || arguments+=(-ex "tbreak $place" -ex continue)
gdb "${arguments[@]}"
