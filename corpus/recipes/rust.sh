#!/usr/bin/env bash
# Links that rustc makes: a program with crates (release and debug profile) and a C shared library.
# `-Clinker-features=-lld` sends the link through `cc` to the recorded `ld`; objects and rlibs are copied beside the link file.
. "$(dirname "$0")/../lib.sh"
link_dir rust
export RUSTFLAGS=-Clinker-features=-lld
# rust_link NAME CRATE CARGO_ARGS...: one recorded link, in a target folder of its own that keeps the objects.
rust_link() {
    local name=$1 crate=$2
    shift 2
    rm -rf "$dir/$name.link" "$dir/target-$name"
    # Arguments after `--` reach the final crate alone: build scripts of dependencies are not recorded.
    cargo rustc -q -j2 --locked --manifest-path "$src/$crate/Cargo.toml" --target-dir "$dir/target-$name" "$@" -- \
        -C linker="$dir/record-cc" -C save-temps
    mv "$dir/recording.link" "$dir/$name.link"
    echo "made $dir/$name.link ($(wc -l < "$dir/$name.link") words)"
}
cat > "$dir/record-cc" <<END
#!/bin/sh
RECORD_TO='$dir/recording.link' COMPILER_PATH='$corpus/shim' exec cc "\$@"
END
chmod +x "$dir/record-cc"
rust_link rust-bin rust-bin --release
rust_link rust-bin-debug rust-bin
rust_link rust-cdylib rust-cdylib --release
