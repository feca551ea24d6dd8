#!/usr/bin/env bash
# A C++ program over libstdc++ by g++ and clang++: static and position independent, with debug information, unoptimised.
. "$(dirname "$0")/../lib.sh"
link_dir cxx
for compiler in g++ clang++; do
    cc=${compiler%++}
    [ "$cc" = g ] && cc=gcc
    flags=(-std=c++17 -O2 -ffunction-sections -fdata-sections)
    "$compiler" "${flags[@]}" -fno-pie -c "$src/cxx.cpp" -o "$dir/cxx-$cc.o"
    "$compiler" "${flags[@]}" -fPIE -c "$src/cxx.cpp" -o "$dir/cxx-$cc-pic.o"
    "$compiler" "${flags[@]}" -O0 -g -fPIE -c "$src/cxx.cpp" -o "$dir/cxx-$cc-debug.o"
    record "cxx-static-$cc" "$compiler" -static "$dir/cxx-$cc.o" -pthread
    record "cxx-pie-$cc" "$compiler" -pie "$dir/cxx-$cc-pic.o" -pthread
    record "cxx-pie-E-$cc" "$compiler" -pie -rdynamic -static-libstdc++ -static-libgcc "$dir/cxx-$cc-pic.o" -pthread
    record "cxx-debug-$cc" "$compiler" -pie "$dir/cxx-$cc-debug.o" -pthread
done
