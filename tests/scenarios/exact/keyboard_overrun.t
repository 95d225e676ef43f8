# More codes than the keyboard holds, while nobody reads: one in port 0x60, sixteen behind it, and for
# all the rest the overrun code. Then reading goes on, and new keys come through.
boot build/guests/keyboard.bin --mode pm32 --memory 4
until 10 insn
assert if == 0
scancode 0x11 0x12 0x13 0x14 0x15 0x16 0x17 0x18 0x19 0x1a 0x1b 0x1c 0x1d 0x1e 0x1f 0x20 0x21
assert keyboard.full == 1
assert keyboard.buffered == 16
scancode 0x22 0x23
assert keyboard.buffered == 17
expect "ends\n"
expect /^11/
expect /^20/
expect /^21/
expect /^ff/
never /^22/
assert keyboard.buffered == 0
run 1ms
key a
expect /^1e/
key q
exit power-off
