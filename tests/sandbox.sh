#!/bin/bash
# The sandbox: what the process can't do once guests run, and that all that options name goes on working.
#   tests/sandbox.sh [VMM]
set -u
cd "$(dirname "$0")/.." || exit 2
vmm=$(realpath "${1:-build/vmm}")
. tests/lib.sh
guests=build/guests
home=$scratch/home

# ---- what is in force ----
check "a run" 0 "$vmm" run --cpu soft --report - $guests/hello.bin
says "reports what holds it" "$out" '^  "sandbox": \{"calls": (true|false), "files": (true|false)\},$'
calls=$(sed -nE 's/.*"calls": (\w+).*/\1/p' <<<"$out")
files=$(sed -nE 's/.*"files": (\w+).*/\1/p' <<<"$out")
check "the help" 0 "$vmm" run --help
says "says so of system calls" "$out" "^The sandbox on this host: system calls are $([[ $calls == true ]] || echo 'not ')restricted"
says "and of files" "$out" "^The sandbox on this host: .*; files are $([[ $files == true ]] || echo 'not ')restricted"
check "a run without" 0 "$vmm" run --cpu soft --no-sandbox --report - $guests/hello.bin
says "says so, too" "$out" '^  "sandbox": \{"calls": false, "files": false\},$'
# Landlock is a system call that every kernel with it has, whatever /sys says of it.
if [[ $files == false ]] && grep -qw landlock /sys/kernel/security/lsm 2>/dev/null; then
    not_ok "Landlock is used where it is" "$out"
fi

# ---- what options name is there all the same ----
mkdir -p "$home/sub" "$scratch/elsewhere"
cp $guests/hello.bin "$home/k.bin"
check "files that options name are written" 124 "$vmm" run --cpu soft --timeout 300ms --save "$home/saved" --report "$home/report" \
    --record "$home/log" --trace-file "$home/trace" --trace irq $guests/timer_keys.elf
for file in saved report log trace; do
    if [[ -s $home/$file ]]; then ok "so is $file"; else not_ok "so is $file" "$(ls -l "$home")"; fi
done
check "gone on from" 124 "$vmm" run --timeout 100ms --restore "$home/saved" --save "$home/saved"
stdout=/dev/stdout # some containers have /dev/fd alone
[[ -e $stdout ]] || stdout=/dev/fd/1
check "a new name for what standard output is" 0 "$vmm" run --cpu soft --report $stdout $guests/hello.bin
says "is written there" "$out" '"end": '
mkfifo "$scratch/pipe"
"$vmm" run --cpu soft "$scratch/pipe" >"$scratch/out" 2>&1 </dev/null &
guest=$!
cat $guests/hello.bin >"$scratch/pipe"
wait $guest
says "an image may come by a named pipe" "$(<"$scratch/out")" 'Hello, KVM!'

# Again and again, as it is built: another file by that name, and files written anew each time.
"$vmm" run --cpu soft -m 16 --restart 20ms --plain "$home/k.bin,report=$home/each,record=$home/each.log" >"$scratch/out" 2>&1 </dev/null &
guest=$!
soon grep -q 'Hello, KVM!' "$scratch/out"
cp $guests/counter.bin "$home/new"
mv "$home/new" "$home/k.bin"
if soon grep -qE '^k.bin: 0123456789' "$scratch/out"; then ok "a guest that starts again is read anew"; else
    not_ok "a guest that starts again is read anew" "$(tail -n 3 "$scratch/out")"; fi
rm "$home/each"
if soon test -s "$home/each"; then ok "and reports anew"; else not_ok "and reports anew" "$(tail -n 3 "$scratch/out")"; fi

# ---- the process that opens files ----
opener=$(pgrep -P $guest)
if [[ $(<"/proc/$opener/comm") == vmm-opener ]]; then ok "one process opens files"; else not_ok "one process opens files" "$opener"; fi
if [[ $(ls "/proc/$opener/fd") == 0 ]]; then ok "which has nothing open"; else not_ok "which has nothing open" "$(ls -l "/proc/$opener/fd")"; fi
kill -INT -- "$opener"
kill -TERM -- "$opener"
sleep 0.1
if kill -0 "$opener"; then ok "and ends by no signal"; else not_ok "and ends by no signal" "it has"; fi
{ kill -KILL $guest; wait $guest; } 2>/dev/null
gone() { ! kill -0 "$opener" 2>/dev/null; }
if soon gone; then ok "but with the other process"; else not_ok "but with the other process" "it stays"; fi

# ---- what breaks out ----
# A library that makes the VMM do what it never does, once guests run; 77: it was refused.
cat >"$scratch/breakout.c" <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    const char *what = getenv("BREAKOUT"), *path = strchr(what, ':') + 1;
    if (strncmp(what, "socket:", 7) == 0)
        socket(AF_INET, SOCK_STREAM, 0);
    else if (strncmp(what, "fork:", 5) == 0)
        fork();
    else if (strncmp(what, "rename:", 7) == 0)
        rename(path, "/tmp/none");
    else if (strncmp(what, "unlink:", 7) == 0)
        unlink(path);
    else if (open(path, strncmp(what, "read:", 5) == 0 ? O_RDONLY : O_WRONLY | O_CREAT, 0600) < 0)
        _exit(77);
    return ppoll(fds, count, NULL, NULL) + 0 * timeout;
}
END
breakout() { timeout 20 env BREAKOUT="$1" LD_PRELOAD="$scratch/breakout.so" "$vmm" run --cpu soft "${@:2}" $guests/hello.bin </dev/null; }
if [[ $(uname -m) != x86_64 ]] || ! gcc -shared -fPIC -o "$scratch/breakout.so" "$scratch/breakout.c"; then
    echo "# no library can be put before this program's"
    finish
    exit
fi
if [[ $calls == true ]]; then
    check "a forbidden system call" 4 breakout socket:
    says "is told of" "$err" '^vmm: the sandbox has stopped system call 41;'
    check "another process" 4 breakout fork:
    says "is one, too" "$err" '^vmm: the sandbox has stopped system call 5[67];'
    check "a file that gets another name" 4 breakout "rename:$home/saved" --save "$home/saved"
    check "and one that is removed" 4 breakout "unlink:$home/saved" --save "$home/saved"
    check "several guests, too, are held" 4 breakout socket: --plain
    check "without the sandbox" 0 breakout socket: --no-sandbox
    says "it is allowed" "$out" 'Hello, KVM!'
else
    echo "# no seccomp here"
fi
if [[ $files == true ]]; then
    echo secret >"$home/sub/secret"
    check "files that no option names can't be read" 77 breakout read:/etc/passwd
    check "but without the sandbox" 0 breakout read:/etc/passwd --no-sandbox
    for option in "--save $home/x" "--snapshot $home/x" "--report $home/x" "--record $home/x" "--trace-file $home/x" \
        "--monitor unix:$home/x" "--cast $home/x" "--module $home/x" "--replay $home/log" "--restore $home/saved"; do
        rm -f "$home/x"
        [[ $option != --module* ]] || echo x >"$home/x"
        for what in "write:$home/new" "write:$home/sub/secret" "read:$home/sub/secret" "write:$scratch/elsewhere/new"; do
            # shellcheck disable=SC2086
            check "${what/$scratch/...}, with ${option%% *}" 77 breakout "$what" $option
        done
    done
    if [[ $(<"$home/sub/secret") == secret && ! -e $home/new ]]; then ok "nothing has changed"; else
        not_ok "nothing has changed" "$(ls -lR "$home")"; fi
else
    echo "# no Landlock here"
fi

finish
