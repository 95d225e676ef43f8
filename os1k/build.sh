#!/bin/sh
# Builds 1K OS: the user programs into build/os1k/user/, then the kernel, which contains
# the shell, into build/os1k.elf. What is up to date is not built again.
# V=1 shows the commands.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/build/os1k
"$root/os1k/toolchain.sh"
. "$root/build/rust/env"

if [ "${V:-0}" = 1 ]; then
    set -x
    verbose=-v
else
    verbose=-q
fi

# Linked at fixed addresses by ld.lld, without the C library; with frame pointers for
# backtraces; without paths of this machine in the result.
flags="-C linker=$LLD -C linker-flavor=ld.lld -C relocation-model=static"
flags="$flags -C force-frame-pointers=yes --remap-path-prefix=$root/os1k=os1k"

# crate PACKAGE LINKER_SCRIPT [FLAGS]: one cargo run. The two sets of flags have separate
# target folders; in one folder, each build would discard the results of the other.
crate() {
    (
        cd "$root/os1k"
        unset CARGO_ENCODED_RUSTFLAGS
        export RUSTC RUSTC_WRAPPER= RUSTFLAGS="$flags -C link-arg=-T$root/linker/$2 ${3:-}"
        [ -z "$RUST_LIBRARY_PATH" ] || export LD_LIBRARY_PATH="$RUST_LIBRARY_PATH"
        "$CARGO" build $verbose --offline --release --package "$1" --target "$TARGET" \
            --target-dir "$out/$1.cargo"
    )
}

# install_file FROM TO: if both are equal, TO keeps its modification time.
install_file() {
    cmp -s "$1" "$2" && return
    echo "  RUST    ${2#"$root"/}"
    cp "$1" "$2"
}

mkdir -p "$out/user"
crate user user.ld "-C link-arg=--strip-debug"
for source in "$root"/os1k/user/src/bin/*.rs; do
    name=$(basename "$source" .rs)
    install_file "$out/user.cargo/$TARGET/release/$name" "$out/user/$name"
done

export OS1K_PROGRAMS="$out/user"
crate kernel kernel.ld
install_file "$out/kernel.cargo/$TARGET/release/kernel" "$root/build/os1k.elf"
