#!/usr/bin/env bash
# Links nobody tuned for: other static libraries of the distribution, another LLVM, C++ as a static PIE,
# a library that is a program's whole archive, code without function sections.
. "$(dirname "$0")/../lib.sh"
lib=/usr/lib/x86_64-linux-gnu
link_dir extras

# Tcl's interpreter, static: no -ffunction-sections in the library.
if [ -e $lib/libtcl8.6.a ]; then
    printf '#include <tcl.h>\nint main(int c, char **v) { Tcl_FindExecutable(v[0]); Tcl_Interp *t = Tcl_CreateInterp(); return Tcl_Init(t) + (c > 1 ? Tcl_EvalFile(t, v[1]) : 0); }\n' > tcl.c
    gcc -O2 -I/usr/include/tcl8.6 -c tcl.c
    record tcl-static gcc -static "$dir/tcl.o" -ltcl8.6 -lz -lm -ldl -pthread
    record tcl-whole gcc -pie -rdynamic "$dir/tcl.o" -Wl,--whole-archive $lib/libtcl8.6.a -Wl,--no-whole-archive -lz -lm -ldl -pthread
fi

# Several smaller C libraries at once, all of their archives offered, few members needed.
if [ -e $lib/libpng16.a ] && [ -e $lib/libfreetype.a ] && [ -e $lib/libexpat.a ]; then
    printf '#include <png.h>\n#include <expat.h>\n#include <ft2build.h>\n#include FT_FREETYPE_H\nint main(void) { FT_Library l; XML_Parser p = XML_ParserCreate(0); return FT_Init_FreeType(&l) + XML_Parse(p, "", 0, 1) + (png_create_read_struct(PNG_LIBPNG_VER_STRING, 0, 0, 0) != 0); }\n' > images.c
    gcc -O2 -I/usr/include/freetype2 -c images.c
    record images-static gcc -static "$dir/images.o" -lfreetype -lpng16 -lexpat -lbrotlidec -lbrotlicommon -lz -lm
    record images-group gcc -pie "$dir/images.o" -Wl,--start-group -l:libfreetype.a -l:libpng16.a -l:libexpat.a -l:libbrotlidec.a -l:libbrotlicommon.a -l:libz.a -Wl,--end-group -lm
fi

# libcurl's archive with its dependencies from wherever they are.
if [ -e $lib/libcurl.a ] && [ -e $lib/libssl.a ]; then
    printf '#include <curl/curl.h>\nint main(int c, char **v) { CURL *h = curl_easy_init(); curl_easy_setopt(h, CURLOPT_URL, v[c - 1]); return curl_easy_perform(h); }\n' > curl.c
    gcc -O2 -ffunction-sections -c curl.c
    record curl gcc -pie "$dir/curl.o" -l:libcurl.a -l:libssl.a -l:libcrypto.a -Wl,--unresolved-symbols=ignore-all -lz -ldl -pthread
fi

# The linker's own kind of program: an LLVM 19 code generator.
if [ -e /usr/lib/llvm-19/lib/libLLVMX86CodeGen.a ]; then
    cat > codegen.cpp <<'END'
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/raw_ostream.h"
int main(int argc, char **argv)
{
	llvm::InitializeNativeTarget();
	llvm::InitializeNativeTargetAsmPrinter();
	llvm::LLVMContext context;
	llvm::SMDiagnostic error;
	auto module = llvm::parseIRFile(argv[argc - 1], error, context);
	for (const auto &target : llvm::TargetRegistry::targets())
		llvm::outs() << target.getName() << '\n';
	return module == nullptr;
}
END
    clang++-19 -std=c++17 -O2 -ffunction-sections -fPIE $(llvm-config-19 --cppflags) -c codegen.cpp
    record llvm19 clang++-19 -pie "$dir/codegen.o" -L/usr/lib/llvm-19/lib \
        $(llvm-config-19 --link-static --libs native irreader) $(llvm-config-19 --link-static --system-libs | sed "s,-lzstd,-l:libzstd.so.1,")
fi

# C++: static PIE, unoptimised with full debug information, without sections per function, all of libstdc++.
g++ -std=c++17 -O0 -g3 -fPIE -c "$src/cxx.cpp" -o cxx-plain.o
clang++-19 -std=c++17 -Os -fPIE -ffunction-sections -fno-unique-section-names -c "$src/cxx.cpp" -o cxx-same-names.o
record cxx-static-pie g++ -static-pie "$dir/cxx-plain.o" -pthread
record cxx-whole-runtime g++ -pie "$dir/cxx-plain.o" -Wl,--whole-archive -l:libstdc++.a -Wl,--no-whole-archive -pthread
record cxx-same-names clang++-19 -static "$dir/cxx-same-names.o" -pthread
record cxx-no-pic g++ -no-pie -Wl,--build-id=none -Wl,--hash-style=both -Wl,-z,now "$dir/cxx-plain.o" -pthread
# A partial link of the C++ object with the whole runtime's on-demand members, from its main.
record cxx-partial g++ -r -Wl,-e,main -Wl,-u,main "$dir/cxx-plain.o" -l:libstdc++.a
