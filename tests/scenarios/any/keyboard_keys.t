# Every key of the 101-key keyboard (and the newer three), down and up: its code of set 1, with the
# prefix E0 where it has one. The guest prints the codes (guests/keyboard.asm); q and Escape end it.
boot build/guests/keyboard.bin --mode pm32 --memory 4
expect "ends\n"

key 1
expect /^02/
expect /^82.* up$/
key 2
expect /^03/
expect /^83.* up$/
key 3
expect /^04/
expect /^84.* up$/
key 4
expect /^05/
expect /^85.* up$/
key 5
expect /^06/
expect /^86.* up$/
key 6
expect /^07/
expect /^87.* up$/
key 7
expect /^08/
expect /^88.* up$/
key 8
expect /^09/
expect /^89.* up$/
key 9
expect /^0a/
expect /^8a.* up$/
key 0
expect /^0b/
expect /^8b.* up$/
key minus
expect /^0c/
expect /^8c.* up$/
key equal
expect /^0d/
expect /^8d.* up$/
key backspace
expect /^0e/
expect /^8e.* up$/
key tab
expect /^0f/
expect /^8f.* up$/
key w
expect /^11/
expect /^91.* up$/
key e
expect /^12/
expect /^92.* up$/
key r
expect /^13/
expect /^93.* up$/
key t
expect /^14/
expect /^94.* up$/
key y
expect /^15/
expect /^95.* up$/
key u
expect /^16/
expect /^96.* up$/
key i
expect /^17/
expect /^97.* up$/
key o
expect /^18/
expect /^98.* up$/
key p
expect /^19/
expect /^99.* up$/
key bracket_left
expect /^1a/
expect /^9a.* up$/
key bracket_right
expect /^1b/
expect /^9b.* up$/
key ret
expect /^1c/
expect /^9c.* up$/
key ctrl
expect /^1d/
expect /^9d.* up$/
key a
expect /^1e/
expect /^9e.* up$/
key s
expect /^1f/
expect /^9f.* up$/
key d
expect /^20/
expect /^a0.* up$/
key f
expect /^21/
expect /^a1.* up$/
key g
expect /^22/
expect /^a2.* up$/
key h
expect /^23/
expect /^a3.* up$/
key j
expect /^24/
expect /^a4.* up$/
key k
expect /^25/
expect /^a5.* up$/
key l
expect /^26/
expect /^a6.* up$/
key semicolon
expect /^27/
expect /^a7.* up$/
key apostrophe
expect /^28/
expect /^a8.* up$/
key grave_accent
expect /^29/
expect /^a9.* up$/
key shift
expect /^2a/
expect /^aa.* up$/
key backslash
expect /^2b/
expect /^ab.* up$/
key z
expect /^2c/
expect /^ac.* up$/
key x
expect /^2d/
expect /^ad.* up$/
key c
expect /^2e/
expect /^ae.* up$/
key v
expect /^2f/
expect /^af.* up$/
key b
expect /^30/
expect /^b0.* up$/
key n
expect /^31/
expect /^b1.* up$/
key m
expect /^32/
expect /^b2.* up$/
key comma
expect /^33/
expect /^b3.* up$/
key dot
expect /^34/
expect /^b4.* up$/
key slash
expect /^35/
expect /^b5.* up$/
key shift_r
expect /^36/
expect /^b6.* up$/
key kp_multiply
expect /^37/
expect /^b7.* up$/
key alt
expect /^38/
expect /^b8.* up$/
key spc
expect /^39/
expect /^b9.* up$/
key caps_lock
expect /^3a/
expect /^ba.* up$/
key f1
expect /^3b/
expect /^bb.* up$/
key f2
expect /^3c/
expect /^bc.* up$/
key f3
expect /^3d/
expect /^bd.* up$/
key f4
expect /^3e/
expect /^be.* up$/
key f5
expect /^3f/
expect /^bf.* up$/
key f6
expect /^40/
expect /^c0.* up$/
key f7
expect /^41/
expect /^c1.* up$/
key f8
expect /^42/
expect /^c2.* up$/
key f9
expect /^43/
expect /^c3.* up$/
key f10
expect /^44/
expect /^c4.* up$/
key num_lock
expect /^45/
expect /^c5.* up$/
key scroll_lock
expect /^46/
expect /^c6.* up$/
key kp_7
expect /^47/
expect /^c7.* up$/
key kp_8
expect /^48/
expect /^c8.* up$/
key kp_9
expect /^49/
expect /^c9.* up$/
key kp_subtract
expect /^4a/
expect /^ca.* up$/
key kp_4
expect /^4b/
expect /^cb.* up$/
key kp_5
expect /^4c/
expect /^cc.* up$/
key kp_6
expect /^4d/
expect /^cd.* up$/
key kp_add
expect /^4e/
expect /^ce.* up$/
key kp_1
expect /^4f/
expect /^cf.* up$/
key kp_2
expect /^50/
expect /^d0.* up$/
key kp_3
expect /^51/
expect /^d1.* up$/
key kp_0
expect /^52/
expect /^d2.* up$/
key kp_decimal
expect /^53/
expect /^d3.* up$/
key less
expect /^56/
expect /^d6.* up$/
key f11
expect /^57/
expect /^d7.* up$/
key f12
expect /^58/
expect /^d8.* up$/

# With a prefix.
key kp_enter
expect "e0\n1c"
expect "e0\n9c"
key ctrl_r
expect "e0\n1d"
expect "e0\n9d"
key kp_divide
expect "e0\n35"
expect "e0\nb5"
key alt_r
expect "e0\n38"
expect "e0\nb8"
key home
expect "e0\n47"
expect "e0\nc7"
key up
expect "e0\n48"
expect "e0\nc8"
key pgup
expect "e0\n49"
expect "e0\nc9"
key left
expect "e0\n4b"
expect "e0\ncb"
key right
expect "e0\n4d"
expect "e0\ncd"
key end
expect "e0\n4f"
expect "e0\ncf"
key down
expect "e0\n50"
expect "e0\nd0"
key pgdn
expect "e0\n51"
expect "e0\nd1"
key insert
expect "e0\n52"
expect "e0\nd2"
key delete
expect "e0\n53"
expect "e0\nd3"
key meta_l
expect "e0\n5b"
expect "e0\ndb"
key meta_r
expect "e0\n5c"
expect "e0\ndc"
key menu
expect "e0\n5d"
expect "e0\ndd"

# Sequences of their own: print screen shifts, pause has no code for coming up.
down print
expect "e0\n2a shift\ne0\n37\n"
up print
expect "e0\nb7 up\ne0\naa shift up\n"
key pause
expect "1d ctrl"
expect "45"
expect "9d ctrl up"
expect "c5 up"

# The two that end it.
key q
expect "10 'q'"
exit power-off
boot build/guests/keyboard.bin --mode pm32 --memory 4
expect "ends\n"
key esc
expect "01 escape"
exit power-off
