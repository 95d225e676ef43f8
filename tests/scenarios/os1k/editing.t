# Every character of the keyboard at 1K OS, and the keys that edit a line: most have the prefix E0.
boot build/os1k.elf --memory 8
never /PANIC|panic/
expect "> "
type "abcdefghijklmnopqrstuvwxyz0123456789"
expect "abcdefghijklmnopqrstuvwxyz0123456789"
key ctrl-u
type "`-=[]\\;',./ "
expect "`-=[]\\;',./ "
key ctrl-u
type "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
expect "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
key ctrl-u
type "~!@#$%^&*()_+{}|:\"<>?"
expect "~!@#$%^&*()_+{}|:\"<>?"
key ctrl-u

# Either shift; caps lock, which is for letters only.
down shift
key a b
up shift
down shift_r
key a 1
up shift_r
key a caps_lock b 1 shift-c caps_lock d
expect "ABA!aB1cd"
key ctrl-u

# Arrows; the line before.
type "hllo"
key left left left
type "e\n"
expect "Hello world from shell!\n> "
type "elloo"
key left left left left left
type "h"
key right right right right right
key backspace
type "\n"
expect "Hello world from shell!\n> "
key up
type "\n"
expect "Hello world from shell!\n> "
assert irq[1].taken > 100
type "exit\n"
exit 0
