#!/bin/bash
# 1K OS boots, is typed at, and lives on when its programs crash.
. "${0%/*}/lib.sh"
disk=$(mktemp)
trap '"${terminal[@]}" kill-server 2>/dev/null || :; rm -f "$disk"' EXIT
cp build/os1k.disk "$disk"

record 100x28 "build/os1k.elf,name=1K-OS,disk=$disk"
sees '^> *$'
pause 1.5
types 'hello'
sees '^Hello world'
pause 1
types 'write note.txt remember me'
sees '^wrote 12 bytes'
pause 1
types 'primes 30'
sees '^10 primes'
pause 1.5
types 'spin &'
sees '^\[3\] spin'
pause 1
for program in crash-null crash-port crash-stack; do
    types $program
    sees "^$program .*killed"
    pause 2
done
types 'ps'
sees 'spin *$'
pause 2
types 'kill 3'
pause 1
types 'cat note.txt'
sees '^remember me'
pause 1
types 'uptime'
sees '^up '
pause 2
types 'shutdown'
sees 'all guests have ended'
pause 0.5
leaves
