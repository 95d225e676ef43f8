# The line buffer of 1K OS, from the keyboard: capitals, corrections, a key held, Ctrl-U, Ctrl-C.
boot build/os1k.elf --memory 8
never /PANIC|panic/
expect "> "
snapshot prompt
type "hexx\b\bllo\n"
expect "Hello world from shell!\n> "
snapshot hello
type "Foo"
key ctrl-u
type "frob\n"
expect "unknown command: frob\n> "
type "half"
key ctrl-c
expect "half^C\n> "
expect screen "> half^C"
snapshot end
type "exit\n"
exit 0
