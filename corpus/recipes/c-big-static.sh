#!/usr/bin/env bash
# C over openssl, libxml2 with ICU and xz, sqlite3 and zlib, all static; then against a static library set but a shared C library.
. "$(dirname "$0")/../lib.sh"
lib=/usr/lib/x86_64-linux-gnu
need $lib/libssl.a $lib/libxml2.a $lib/libicui18n.a $lib/libsqlite3.a $lib/liblzma.a $lib/libz.a
link_dir c-big-static
gcc -O2 -ffunction-sections -fdata-sections -fPIE -I/usr/include/libxml2 -c "$src/big-static.c" -o "$dir/big-static.o"
libs=(-lssl -lcrypto -lxml2 -licui18n -licuuc -licudata -lsqlite3 -llzma -lz)
record c-big-static g++ -static "$dir/big-static.o" "${libs[@]}" -lm -ldl -pthread
record c-big-static-group g++ -static "$dir/big-static.o" -Wl,--start-group -lz "${libs[@]}" -lsqlite3 -Wl,--end-group -lm -ldl -pthread
record c-big-pie g++ -pie "$dir/big-static.o" -Wl,-Bstatic "${libs[@]}" -Wl,-Bdynamic -lm -ldl -pthread
record c-big-pie-E g++ -pie -rdynamic "$dir/big-static.o" -Wl,-Bstatic "${libs[@]}" -Wl,-Bdynamic -lm -ldl -pthread
