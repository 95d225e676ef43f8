#!/bin/bash
# The screen of a single guest, live in a terminal.   tests/live.sh [VMM]
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=${1:-build/vmm}
. tests/lib.sh
. tests/terminal.sh

on_screen 90x30 build/guests/boot_hello.bin
shows "a boot sector's screen is shown while it runs" '^Type a key:'
keys q
shows "typing goes to its keyboard, and the last screen stays" '^  \| Type a key: q'
shows "it has ended" '^status 0'

on_screen 90x40 build/guests/snake.bin
shows "a game draws its walls" '^(▒){80}$'
keys Left
keys Up
shows "arrows are keys: the snake has gone up, into the wall" 'The end. Press a key'
keys Escape
shows "Escape is one, too" '^status 0'

on_screen 80x24 build/guests/plasma.bin
shows "pixels are shown, two a cell" '^ *(▀){40,}'
moves() { [[ $("${terminal[@]}" capture-pane -t 0 -p -e) != "$colours" ]]; }
colours=$("${terminal[@]}" capture-pane -t 0 -p -e)
soon moves
check "and they move" 0 moves
keys q
shows "a key ends them" '^status 0'

# Beside another guest, in half of the screen, and in one that is smaller than a picture.
on_screen 80x24 build/guests/plasma.bin build/guests/flood.bin
shows "pixels are shown in a pane" '(▀){20,}'
keys C-a x
on_screen 20x8 build/guests/plasma.bin
shows "a small terminal shows all of the picture" '(▀){10,}'
keys C-a v
keys C-a h
shows "Ctrl-A V leaves the picture" 'list these'
keys C-a x

# Four lines less than the screen has: where the cursor is, is seen.
on_screen 60x12 build/guests/boot_hello.bin
shows "a small terminal shows the part with the cursor" '^Type a key:'
keys C-a c
shows "the monitor has the terminal to itself" '^\(vmm\)'
keys 'info kbd' Enter
shows "and answers" 'i8042|keyboard'
keys C-a c
shows "then the screen is back" '^Hello from a boot sector!'
keys C-a v
keys C-a h
shows "Ctrl-A V leaves the screen, for what is printed" 'Ctrl-A V'
keys C-a v
shows "and goes back" '^Hello from a boot sector!'
keys C-a x
shows "Ctrl-A X ends it" '^status 130'

on_screen 90x30 --display serial build/guests/boot_hello.bin
sleep 1 # it would have been shown by now
out=$(picture)
lacks "--display serial shows no screen" "$out" '^Type a key:'
keys q
shows "but at the end" '^  \| Type a key: q'

on_screen 90x30 --display none build/guests/boot_hello.bin
sleep 1 # nothing tells that it waits
keys q
shows "--display none" '^status 0'
lacks "not even then" "$out" 'Type a key'

on_screen 90x40 --display both build/os1k.elf
shows "--display both: a line between the screen and what is printed" '^(─){90}$'
shows "1K OS has its prompt" '^>'
keys 'hello' Enter
soon eval '[[ $(picture | grep -c "^Hello world from shell!") == 2 ]]'
check "what it says is in both" 0 test "$(picture | grep -c '^Hello world from shell!')" = 2
keys C-a x
shows "what was printed stays when the screen has gone" '^Hello world from shell!'
shows "and the status" '^status 130'

on_screen 90x30 build/os1k.elf
shows "who prints is shown as before" '^>'
keys 'exit' Enter
shows "to its end" '^status 0'
finish
