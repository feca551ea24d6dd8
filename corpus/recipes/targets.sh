#!/usr/bin/env bash
# The C and the C++ program, static, for every target with a cross compiler (GNU ld and gold are the cross ones), and a
# shared library of the C program's parts. mips objects need an executable stack in newer lld: the C program is recorded
# with -z execstack too.
. "$(dirname "$0")/../lib.sh"
triples=(aarch64-linux-gnu arm-linux-gnueabihf riscv64-linux-gnu powerpc64le-linux-gnu powerpc64-linux-gnu powerpc-linux-gnu
    s390x-linux-gnu sparc64-linux-gnu mips-linux-gnu mips64-linux-gnuabi64 i686-linux-gnu m68k-linux-gnu alpha-linux-gnu
    hppa-linux-gnu sh4-linux-gnu)
link_dir targets
failed=0
for triple in "${triples[@]}"; do
    cc=$triple-gcc cxx=$triple-g++
    if ! command -v "$cc" "$cxx" > /dev/null; then
        echo "skipped targets/$triple: no $cc and $cxx" >&2
        continue
    fi
    export RECORD_LD=/usr/bin/$triple-ld
    target=${triple%%-*}
    flags=(-O2 -ffunction-sections -fdata-sections)
    $cc "${flags[@]}" -fno-pie -c "$src/hello.c" -o "$dir/$target-c.o"
    $cxx "${flags[@]}" -std=c++17 -fno-pie -c "$src/cxx.cpp" -o "$dir/$target-cxx.o"
    $cc "${flags[@]}" -fPIC -c "$src/hello.c" -o "$dir/$target-pic.o"
    record "$target-c" "$cc" -static -no-pie "$dir/$target-c.o" -lm -pthread || failed=1
    record "$target-cxx" "$cxx" -static -no-pie "$dir/$target-cxx.o" -pthread || failed=1
    record "$target-shared" "$cc" -shared "$dir/$target-pic.o" -lm -pthread || failed=1
    case $target in
        mips*) record "$target-c-execstack" "$cc" -static -no-pie -z execstack "$dir/$target-c.o" -lm -pthread || failed=1 ;;
    esac
done
exit $failed
