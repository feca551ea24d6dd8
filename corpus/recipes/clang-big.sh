#!/usr/bin/env bash
# The big one: a clang tool with every LLVM target, over the static archives of llvm-14-dev and libclang-14-dev.
# clang-big: as a tool is linked. clang-big-E: the same with every symbol exported and one group around all libraries.
. "$(dirname "$0")/../lib.sh"
need /usr/bin/llvm-config-14 /usr/lib/llvm-14/lib/libclangTooling.a
link_dir clang-big
root=$(llvm-config-14 --prefix)
flags=(-std=c++17 -fno-rtti -ffunction-sections -fdata-sections -fPIE $(llvm-config-14 --cppflags))
[ "$dir/clang-big.o" -nt "$src/clang-big.cpp" ] || g++ -O1 "${flags[@]}" -c "$src/clang-big.cpp" -o "$dir/clang-big.o"
clang=(-lclangTooling -lclangFrontendTool -lclangCodeGen -lclangARCMigrate -lclangStaticAnalyzerFrontend
    -lclangStaticAnalyzerCheckers -lclangStaticAnalyzerCore -lclangCrossTU -lclangIndex -lclangFrontend
    -lclangDriver -lclangParse -lclangSerialization -lclangSema -lclangAnalysis -lclangASTMatchers
    -lclangRewriteFrontend -lclangRewrite -lclangToolingCore -lclangEdit -lclangAST -lclangFormat
    -lclangToolingInclusions -lclangLex -lclangBasic)
# llvm-config names Polly, which Debian does not ship as an archive.
llvm=($(llvm-config-14 --link-static --libs all | tr " " "\n" | grep -v Polly))
system=($(llvm-config-14 --link-static --system-libs))
record clang-big g++ -pie "$dir/clang-big.o" -L"$root/lib" \
    -Wl,--start-group "${clang[@]}" -Wl,--end-group "${llvm[@]}" "${system[@]}" -pthread
record clang-big-E g++ -pie -rdynamic "$dir/clang-big.o" -L"$root/lib" \
    -Wl,--start-group "${clang[@]}" "${llvm[@]}" -Wl,--end-group "${system[@]}" -pthread
