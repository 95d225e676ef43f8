# Shift, held and with other keys, from either side; characters as the guest makes them.
boot build/guests/keyboard.bin --mode pm32 --memory 4
expect "ends\n"
down shift
expect "2a shift\n"
key a 1
expect "1e 'A'\n9e 'A' up\n02 '!'\n82 '!' up\n"
up shift
expect "aa shift up\n"
key a
expect "1e 'a'\n"
key shift_r-slash
expect "36 shift\n35 '?'\nb5 '?' up\nb6 shift up\n"
type "Az|9("
expect "'A'"
expect "'z'"
expect "'|'"
expect "'9'"
expect "'('"
key esc
exit 0
