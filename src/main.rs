//! The `linksweep` program: a thin shell over the library.

fn main() -> std::process::ExitCode {
    linksweep::cli::main(std::env::args_os().skip(1).collect())
}
