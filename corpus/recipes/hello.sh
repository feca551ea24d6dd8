#!/usr/bin/env bash
# A C program over glibc: static and position independent, each with and without --export-dynamic.
. "$(dirname "$0")/../lib.sh"
link_dir hello
flags=(-O2 -ffunction-sections -fdata-sections)
gcc "${flags[@]}" -fno-pie -c "$src/hello.c" -o "$dir/hello.o"
gcc "${flags[@]}" -fPIE -c "$src/hello.c" -o "$dir/hello-pic.o"
libs=(-lm -pthread)
record hello-static gcc -static "$dir/hello.o" "${libs[@]}"
record hello-static-E gcc -static -Wl,-E "$dir/hello.o" "${libs[@]}"
record hello-static-pie gcc -static-pie "$dir/hello-pic.o" "${libs[@]}"
record hello-pie gcc -pie "$dir/hello-pic.o" "${libs[@]}"
record hello-pie-E gcc -pie -rdynamic "$dir/hello-pic.o" "${libs[@]}"
