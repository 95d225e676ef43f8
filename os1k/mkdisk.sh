#!/bin/sh
# Makes a disk for 1K OS: the files of os1k/disk and, in bin/, the user programs, as a tar
# archive with free space after it. The same files always make the same disk, byte for byte.
#   os1k/mkdisk.sh DISK
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
tree=$root/build/os1k/disk
rm -rf "$tree"
mkdir -p "$tree"
cp -R "$root/os1k/disk/." "$tree"
cp -R "$root/build/os1k/user" "$tree/bin"
cd "$tree"
find . -type f | sed 's/^\.\///' | LC_ALL=C sort |
    tar --format=ustar --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        -cf "$tree.tar" -T -
truncate -s 2M "$tree.tar"
cd "$root"
mv "$tree.tar" "$1"
