#!/bin/bash
# What `make demo` shows: guests side by side; the focus moved to one that is typed at, shown alone, and
# has a program that crashes; another one paused, and all the others running on.
. "${0%/*}/lib.sh"

record 110x32 --guests guests/demo.list
sees '│> *$'
pause 3
screen 5
pause 0.5
types 'hello'
sees 'Hello world'
pause 1
screen z
sees '^ 5 1K OS'
pause 0.5
types 'crash-null'
sees '^crash-null .*killed'
pause 1
types 'ps'
sees '^PID'
pause 1.5
screen z
pause 1
screen 1
screen p
sees '1 multiplication . paused'
pause 2
screen p
screen 5
pause 0.5
types 'echo still here'
sees '│still here'
pause 2
leaves
