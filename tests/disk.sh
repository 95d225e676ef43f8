#!/bin/sh
# Prints a disk for guests/disk.asm: sixteen sectors, each with a line of text at its beginning.
awk 'BEGIN {
    for (i = 0; i < 16; i++) {
        line = "sector " i
        printf "%s\n%" 510 - length(line) "s\n", line, ""
    }
}'
