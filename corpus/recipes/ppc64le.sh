#!/usr/bin/env bash
# Another target: the C program for powerpc64le by the cross compiler (GNU ld and gold are the cross ones).
. "$(dirname "$0")/../lib.sh"
need /usr/bin/powerpc64le-linux-gnu-gcc /usr/powerpc64le-linux-gnu/lib/libc.a
link_dir ppc64le
export RECORD_LD=/usr/bin/powerpc64le-linux-gnu-ld
cc=powerpc64le-linux-gnu-gcc
flags=(-O2 -ffunction-sections -fdata-sections)
$cc "${flags[@]}" -fno-pie -c "$src/hello.c" -o "$dir/hello.o"
$cc "${flags[@]}" -fPIE -c "$src/hello.c" -o "$dir/hello-pic.o"
record ppc64le-static $cc -static "$dir/hello.o" -lm -pthread
record ppc64le-pie $cc -pie "$dir/hello-pic.o" -lm -pthread
