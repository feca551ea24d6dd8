#!/usr/bin/env bash
# Options that steer extraction and roots: groups, --as-needed, --wrap, -u, --defsym, start/stop tables.
. "$(dirname "$0")/../lib.sh"
link_dir options
flags=(-O2 -ffunction-sections -fdata-sections -fcommon -fPIC)
for part in main a b c d; do
    gcc "${flags[@]}" -c "$src/part-$part.c" -o "$dir/part-$part.o"
    gcc "${flags[@]}" -O0 -g -c "$src/part-$part.c" -o "$dir/debug-$part.o"
done
rm -f "$dir"/*.a
ar rcs "$dir/liba.a" part-a.o part-c.o
ar rcs "$dir/libb.a" part-b.o
ar rcs "$dir/libd.a" part-d.o
ar rcsT "$dir/libthin.a" part-a.o part-b.o part-c.o part-d.o
ar rcs "$dir/libdebug.a" debug-a.o debug-b.o debug-c.o debug-d.o
alias=(-Wl,--defsym=aliased=alpha)
record options gcc -pie "$dir/part-main.o" -L"$dir" -Wl,--start-group -la -lb -Wl,--end-group -ld \
    -Wl,--as-needed -lm -lz -Wl,--no-as-needed -Wl,--wrap=malloc -Wl,-u,forced "${alias[@]}"
record options-static gcc -static "$dir/part-main.o" -L"$dir" -Wl,--start-group -la -lb -Wl,--end-group -ld -Wl,--wrap=malloc "${alias[@]}"
record thin gcc -pie "$dir/part-main.o" -L"$dir" -lthin -Wl,--wrap=malloc "${alias[@]}"
record whole gcc -pie "$dir/part-main.o" -L"$dir" -Wl,--whole-archive -lthin -Wl,--no-whole-archive -Wl,--wrap=malloc "${alias[@]}"
record whole-libz gcc -pie "$dir/part-main.o" -L"$dir" -lthin -Wl,--whole-archive /usr/lib/x86_64-linux-gnu/libz.a -Wl,--no-whole-archive -Wl,--wrap=malloc "${alias[@]}"
record debug gcc -pie "$dir/debug-main.o" -L"$dir" -ldebug -Wl,--wrap=malloc "${alias[@]}"
record debug-gz gcc -pie -Wl,--compress-debug-sections=zlib "$dir/debug-main.o" -L"$dir" -ldebug -Wl,--wrap=malloc "${alias[@]}"
record strip gcc -pie -s -Wl,-O2 "$dir/debug-main.o" -L"$dir" -ldebug -Wl,--wrap=malloc "${alias[@]}"
record strip-debug gcc -pie -Wl,-S "$dir/debug-main.o" -L"$dir" -ldebug -Wl,--wrap=malloc "${alias[@]}"
record start-stop-gc gcc -pie -Wl,-z,start-stop-gc "$dir/part-main.o" -L"$dir" -lthin -Wl,--wrap=malloc "${alias[@]}"
record nostart-stop-gc gcc -pie -Wl,-z,nostart-stop-gc "$dir/part-main.o" -L"$dir" -lthin -Wl,--wrap=malloc "${alias[@]}"
record shared gcc -shared -Wl,--no-undefined-version "$dir/part-main.o" -L"$dir" -lthin -Wl,--wrap=malloc "${alias[@]}"
record export-symbol gcc -pie -Wl,--export-dynamic-symbol=alpha_unused "$dir/part-main.o" -L"$dir" -lthin -Wl,--wrap=malloc "${alias[@]}"
record emit-relocs gcc -no-pie -Wl,--emit-relocs "$dir/part-main.o" -L"$dir" -lthin -Wl,--wrap=malloc "${alias[@]}"
record partial gcc -r -Wl,-u,main -Wl,-e,main "$dir/part-main.o" -L"$dir" -lthin
record entry gcc -nostdlib -nostartfiles -static -Wl,-e,beta -Wl,-u,alpha_unused -L"$dir" -Wl,--start-group -la -lb -Wl,--end-group
# Scripts given with -T, where every rule comes from KEEP: a plain one, and GNU ld's own (gold cannot read that; mold reads none).
cp "$src/plain.ld" "$dir/plain.ld"
ld --verbose | sed '1,/^=====/d;/^=====/,$d' > "$dir/default.ld"
for script in plain default; do
    record "script-$script" gcc -no-pie -Wl,-T,"$dir/$script.ld" "$dir/part-main.o" -L"$dir" -lthin -Wl,--wrap=malloc "${alias[@]}"
done
# An implicit script as a library; an archive named before its user (GNU ld and gold leave a symbol undefined).
printf 'INPUT("%s")\nGROUP("%s" "%s")\n' "$dir/part-d.o" "$dir/liba.a" "$dir/libb.a" > "$dir/libscripted.so"
record implicit-script gcc -pie "$dir/part-main.o" -L"$dir" -lscripted -Wl,--wrap=malloc "${alias[@]}"
record order gcc -pie -L"$dir" -Wl,-u,gamma_ -la "$dir/part-main.o" -lb -Wl,--unresolved-symbols=ignore-all -Wl,--wrap=malloc -Wl,--defsym=aliased=main
