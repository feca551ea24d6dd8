#!/usr/bin/env bash
# Shared libraries: roots are what the library exports, cut by a version script, a dynamic list, or visibility.
. "$(dirname "$0")/../lib.sh"
link_dir shared
flags=(-O2 -fPIC -ffunction-sections -fdata-sections)
g++ -std=c++17 "${flags[@]}" -c "$src/lib.cpp" -o "$dir/lib.o"
g++ -std=c++17 "${flags[@]}" -fvisibility=hidden -fvisibility-inlines-hidden -c "$src/lib.cpp" -o "$dir/lib-hidden.o"
gcc "${flags[@]}" -c "$src/hello.c" -o "$dir/hello.o"
cp "$src/lib.map" "$dir/lib.map"
printf '{ lib_open; lib_read*; };\n' > "$dir/lib.list"
record shared-verscript g++ -shared -Wl,-soname,lib.so.1 -Wl,--version-script="$dir/lib.map" "$dir/lib.o"
record shared-all g++ -shared "$dir/lib-hidden.o" "$dir/hello.o"
record shared-static-runtime g++ -shared -static-libstdc++ -static-libgcc -Wl,--exclude-libs,ALL \
    -Wl,--version-script="$dir/lib.map" "$dir/lib.o"
record shared-dynamic-list g++ -shared -Wl,--dynamic-list="$dir/lib.list" "$dir/lib.o"
record shared-symbolic g++ -shared -Wl,-Bsymbolic -Wl,-z,defs "$dir/lib.o" -lpthread
# A shared library made of whole archives, cut by a version script with wildcards.
if [ -e /usr/lib/llvm-14/lib/libLLVMSupport.a ]; then
    printf '{ global: LLVM*; _ZN4llvm*SourceMgr*; local: *; };\n' > "$dir/llvm.map"
    record shared-llvm g++ -shared -Wl,--version-script="$dir/llvm.map" -L/usr/lib/llvm-14/lib -Wl,--whole-archive -lLLVMSupport \
        -lLLVMBitReader -Wl,--no-whole-archive -lLLVMCore -lLLVMRemarks -lLLVMBitstreamReader -lLLVMBinaryFormat -lLLVMDemangle \
        -lLLVMSupport -lz -ltinfo -lpthread
fi
