#!/bin/sh
# Finds a Rust compiler with a 32-bit `core`, and writes what it found to
# build/rust/env for build.sh to read.
#
#   1. The installed rustc, if it has one of the two targets below.
#   2. The same, after `rustup target add` (tried once; a failure is remembered).
#   3. On Debian and its relatives: packages unpacked below build/rust. Nothing
#      is installed, root is not needed, and the system's apt state is not changed.
#
# A second call finds build/rust/env and returns at once. V=1 shows more.
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$root/build/rust
env=$dir/env
no_rustup=$dir/rustup-failed
hard=i586-unknown-linux-gnu     # rustup's: no SSE in core
soft=i686-unknown-linux-gnu     # Debian's

if [ -f "$env" ]; then
    . "$env"
    [ -x "$RUSTC" ] && [ -x "$CARGO" ] && [ -x "$LLD" ] && exit 0
    rm -f "$env"
fi
mkdir -p "$dir" || exit 1

say() { echo "toolchain: $*" >&2; }

die() {
    say "$1"
    shift
    for line in "$@"; do echo "    $line" >&2; done
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# write_env TARGET RUSTC CARGO LLD LIBRARY_PATH
write_env() {
    cat >"$env.new" <<END
# Written by os1k/toolchain.sh; delete this file to choose again.
TARGET='$1'
RUSTC='$2'
CARGO='$3'
LLD='$4'
RUST_LIBRARY_PATH='$5'
END
    mv "$env.new" "$env"
}

# find_lld SYSROOT: prints a linker: the installed one, rustup's, or the unpacked one.
find_lld() {
    command -v ld.lld && return
    for lld in /usr/lib/llvm-*/bin/ld.lld "$1"/lib/rustlib/*/bin/gcc-ld/ld.lld \
               "$dir"/usr/lib/llvm-*/bin/ld.lld; do
        [ -x "$lld" ] && echo "$lld" && return
    done
    return 1
}

# use_installed TARGET: succeeds if the rustc in PATH has a core for it.
use_installed() {
    libs=$(rustc --print target-libdir --target "$1" 2>/dev/null) || return 1
    ls "$libs"/libcore-*.rlib >/dev/null 2>&1 || return 1
    sysroot=$(rustc --print sysroot)
    lld=$(find_lld "$sysroot") || die "rustc has $1, but there is no linker" \
        "install ld.lld:  sudo apt-get install lld"
    # The real files, not rustup's proxies: a later change of the default
    # toolchain must not take the target away.
    cargo=$sysroot/bin/cargo
    [ -x "$cargo" ] || cargo=$(command -v cargo)
    write_env "$1" "$sysroot/bin/rustc" "$cargo" "$lld" ""
    say "using $("$sysroot/bin/rustc" --version), which has $1"
}

if have rustc && have cargo && rustc --version >/dev/null 2>&1; then
    use_installed $hard && exit 0
    if have rustup; then
        mark=$(rustc --version)
        if [ "$(cat "$no_rustup" 2>/dev/null)" != "$mark" ]; then
            say "adding target $hard with rustup (at most 120 s)"
            timeout 120 rustup target add $hard >"$dir/rustup.log" 2>&1 &&
                use_installed $hard && exit 0
            echo "$mark" >"$no_rustup"
            say "rustup could not: $(sed -n 's/^ *[0-9]*: dns error/no network (dns error)/p; s/^error: //p' \
                "$dir/rustup.log" | tail -n 1)"
        fi
    elif use_installed $soft; then
        exit 0
    fi
fi

by_hand="rustup target add $hard        (rustup: https://rustup.rs; then: rm -rf build/rust)"
have apt-get && have dpkg-deb || die "no Rust compiler with a 32-bit core here; to get one:" "$by_hand"

# From here on: Debian packages.
host=$(dpkg --print-architecture)
say "unpacking Debian's Rust below build/rust (about 60 MB to fetch, nothing is installed)"
mkdir -p "$dir/apt/state/lists/partial" "$dir/apt/cache/archives/partial" "$dir/debs"

# An apt configuration with its own lists. It uses the system's sources and dpkg status,
# with i386 as a further architecture.
cat >"$dir/apt/conf" <<END
APT::Architecture "$host";
#clear APT::Architectures;
APT::Architectures { "$host"; "i386"; };
APT::Sandbox::User "";
Dir::State "$dir/apt/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$dir/apt/cache";
Debug::NoLocking "true";
Acquire::Languages "none";
Acquire::Retries "3";
END
APT_CONFIG=$dir/apt/conf
export APT_CONFIG
log=$dir/apt.log

say "reading package lists"
apt-get -q update >"$log" 2>&1    # a broken third-party source is no reason to stop

# The libraries of rustc and cargo which this system lacks: let apt resolve them.
wanted=$(apt-cache depends rustc cargo libstd-rust-dev 2>>"$log" |
    awk '/^ *Depends: lib/ && $2 !~ /-dev$/ { print $2 }' | sort -u)
[ -n "$wanted" ] || die "apt has no package rustc; the end of its log:" "$(tail -n 3 "$log")" \
    "check the network and /etc/apt/sources.list, or use rustup:" "$by_hand"
have ld.lld || ls /usr/lib/llvm-*/bin/ld.lld >/dev/null 2>&1 || wanted="$wanted lld"
missing=$(apt-get -s --no-upgrade --no-install-recommends install $wanted 2>>"$log" |
    awk -v host=":$host" '/^Inst/ { sub(host "$", "", $2); if ($2 !~ /-dev$|:/) print $2 }')

say "fetching packages"
(cd "$dir/debs" && apt-get -q download rustc cargo libstd-rust-dev:i386 $missing 2>>"$log") |
    sed -n 's/^Get:[0-9]* [^ ]* [^ ]* [^ ]* \([^ ]*\) [^ ]* \([^ ]*\) \(.*\)$/    \1 \2 \3/p' >&2
ls "$dir"/debs/rustc_*.deb "$dir"/debs/cargo_*.deb "$dir"/debs/libstd-rust-dev_*_i386.deb \
    >/dev/null 2>&1 || die "the packages could not be fetched; the end of apt's log:" \
    "$(grep -E '^[EW]:' "$log" | tail -n 3)" \
    "try again:  os1k/toolchain.sh" "or use rustup:  $by_hand"

say "unpacking"
for deb in "$dir"/debs/*.deb; do
    dpkg-deb -x "$deb" "$dir" || die "cannot unpack $deb" "rm -rf build/rust; os1k/toolchain.sh"
done
rm -rf "$dir/debs" "$dir/apt" "$dir/usr/share" "$dir/etc"

libs=$(echo "$dir"/usr/lib/*-linux-gnu | tr ' ' ':')
lld=$(find_lld "$dir/usr") || die "no linker was found" "sudo apt-get install lld"
export LD_LIBRARY_PATH="$libs"
version=$("$dir/usr/bin/rustc" --print cfg --target $soft 2>&1) &&
    version=$("$dir/usr/bin/rustc" --version 2>&1) || die "the unpacked rustc does not run:" "$version" \
    "rm -rf build/rust, and use rustup:  $by_hand"
cversion=$("$dir/usr/bin/cargo" --version 2>&1) || die "the unpacked cargo does not run:" "$cversion" \
    "rm -rf build/rust, and use rustup:  $by_hand"
write_env $soft "$dir/usr/bin/rustc" "$dir/usr/bin/cargo" "$lld" "$libs"
say "using $version with $soft"
