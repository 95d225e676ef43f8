# A keyboard that is switched off: by the controller, which keeps what is typed meanwhile; by the
# keyboard itself, which does not see it. (guests/keyboard_off.asm)
boot build/guests/keyboard_off.elf --memory 4
expect "ends\n"
key c
expect "off\n"
assert keyboard.disabled == 1
type "a"
expect "on\n"
expect /^ae/
expect /^1e/
expect /^9e/
key k
expect "acknowledged\noff\n"
assert keyboard.disabled == 1
expect "on\nacknowledged\n"
type "b"
expect /^30/
key q
exit power-off
