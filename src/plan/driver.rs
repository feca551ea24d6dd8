//! Compiler drivers: what linker line does this driver line come to?
//!
//! In: a driver's words. Out: the linker's words, program first. The driver is asked (`-###`), in the
//! folder of the link; the last printed command whose program is a linker (or gcc's `collect2`) is
//! the answer. Response files are expanded here, since a driver would hand on temporary ones.
//! Source: gcc `execute` and clang `Command::Print` for the quoting; gcc `collect2.cc` for the words
//! that it keeps to itself.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::program::{First, command, recognize};
use super::{Flavor, response};
use crate::error::{Error, Result};

/// Expands a driver line into the linker line that it would run.
///
/// # Errors
/// The driver cannot be run, refuses the line, or makes no link of it.
pub fn expand(words: &[OsString], directory: &Path) -> Result<Vec<OsString>> {
    let Some((driver, arguments)) = words.split_first() else {
        return Err(Error::new("driver line", "it is empty"));
    };
    let fail = |why: String| Error::new(format!("asking {} for its linker line", driver.display()), why);
    let arguments = response::expand(Flavor::Bfd, arguments, directory)?;
    let output =
        command(driver, directory).arg("-###").args(&arguments).output().map_err(|e| fail(e.to_string()))?;
    // clang goes on behind a missing input, without it; such a line is not what it would link.
    if let Some(said) = complaint(&output.stderr) {
        return Err(fail(said));
    }
    let Some(mut line) = linker_line(&output.stderr) else {
        return Err(fail("it runs no linker for this line".into()));
    };
    if is_collect2(line.first().map(OsString::as_os_str)) {
        let asked = command(driver, directory).args(&arguments).arg("-print-prog-name=ld").output();
        let program = asked.ok().map(|o| trim_line(&o.stdout)).filter(|p| !p.is_empty());
        let program = program.unwrap_or_else(|| b"ld".to_vec());
        let rest = line.split_off(1);
        line = vec![OsString::from_vec(program)];
        line.extend(without_collect2_words(rest));
    }
    Ok(line)
}

/// What the driver complains of, if it does; its own lines do not begin with a blank.
fn complaint(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let said: Vec<&str> = text
        .lines()
        .filter(|l| !l.starts_with([' ', '"']) && (l.contains(": error: ") || l.contains(": fatal error: ")))
        .collect();
    if said.is_empty() { None } else { Some(said.join("; ")) }
}

fn trim_line(text: &[u8]) -> Vec<u8> {
    text.split(|&b| b == b'\n').next().unwrap_or_default().to_vec()
}

fn base(word: &OsStr) -> &[u8] {
    let bytes = word.as_bytes();
    bytes.rsplit(|&b| b == b'/').next().unwrap_or(bytes)
}

fn is_collect2(word: Option<&OsStr>) -> bool {
    word.is_some_and(|w| base(w) == b"collect2")
}

/// collect2 keeps these words to itself.
fn without_collect2_words(words: Vec<OsString>) -> Vec<OsString> {
    let mut out = Vec::with_capacity(words.len());
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let text = word.as_bytes();
        if text == b"-dumpdir" || text == b"-dumpbase" || text == b"-dumpbase-ext" {
            words.next();
        } else if text == b"-o" {
            out.push(word);
            out.extend(words.next());
        } else if !(text.starts_with(b"-fuse-ld=") || text.starts_with(b"-flto") || text == b"-fno-lto") {
            out.push(word);
        }
    }
    out
}

/// The last command of a `-###` text whose program is a linker or collect2.
pub fn linker_line(text: &[u8]) -> Option<Vec<OsString>> {
    printed_commands(text).into_iter().rfind(|words| {
        words.first().is_some_and(|w| {
            is_collect2(Some(w)) || base(w) == b"real-ld" || matches!(recognize(w), First::Linker(_))
        })
    })
}

/// The commands of a `-###` text: lines that begin with a blank; words apart by blanks; double quotes
/// group, and inside them a backslash takes the next byte as it is. A quoted word may hold newlines.
fn printed_commands(text: &[u8]) -> Vec<Vec<OsString>> {
    let mut commands = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(&first) = bytes.peek() {
        if first != b' ' {
            while bytes.next().is_some_and(|b| b != b'\n') {}
            continue;
        }
        let mut words = Vec::new();
        let mut word: Option<Vec<u8>> = None;
        let mut quoted = false;
        while let Some(b) = bytes.next() {
            match b {
                b'"' => {
                    quoted = !quoted;
                    word.get_or_insert_default();
                }
                b'\\' if quoted => word.get_or_insert_default().extend(bytes.next()),
                b'\n' if !quoted => break,
                b' ' if !quoted => words.extend(word.take()),
                b => word.get_or_insert_default().push(b),
            }
        }
        words.extend(word);
        commands.push(words.into_iter().map(OsString::from_vec).collect());
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<String> {
        let words = linker_line(text.as_bytes()).unwrap_or_default();
        words.into_iter().map(|w| w.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn gcc_and_clang_texts() {
        let gcc = "Using built-in specs.\nCOLLECT_GCC=gcc\n \
                   /usr/lib/gcc/x/12/cc1 -quiet a.c \"-o\" /tmp/a.s\n \
                   /usr/lib/gcc/x/12/collect2 -plugin /x/liblto_plugin.so \
                   \"-plugin-opt=-pass-through=-lgcc\" -pie -o \"my \\\"out\\$\" a.o\n\
                   COLLECT_GCC_OPTIONS='-o' 'x'\n";
        assert_eq!(
            line(gcc),
            [
                "/usr/lib/gcc/x/12/collect2",
                "-plugin",
                "/x/liblto_plugin.so",
                "-plugin-opt=-pass-through=-lgcc",
                "-pie",
                "-o",
                "my \"out$",
                "a.o"
            ]
        );
        let clang = "Debian clang version 14\nTarget: x\n \"/usr/bin/clang-14\" \"-cc1\"\n \
                     \"/usr/bin/ld.lld\" \"-pie\" \"\" \"a\\\\b\" \"two\nlines\"\n";
        assert_eq!(line(clang), ["/usr/bin/ld.lld", "-pie", "", "a\\b", "two\nlines"]);
        assert!(line("nothing here").is_empty());
        assert!(line(" \"open").is_empty());
        assert!(line(" \"open\\").is_empty());
    }

    #[test]
    fn collect2_words_stay_behind() {
        let words = ["-fuse-ld=gold", "-flto=auto", "-dumpdir", "x.", "-o", "-flto", "a.o"];
        let got = without_collect2_words(words.iter().map(OsString::from).collect());
        assert_eq!(got, ["-o", "-flto", "a.o"]);
    }

    /// Every driver installed here yields a line of the linker that it really runs.
    #[test]
    fn installed_drivers() {
        let cases: &[(&[&str], &str, &str)] = &[
            (&["gcc"], "ld", "-pie"),
            (&["g++"], "ld", "-lstdc++"),
            (&["gcc", "-static"], "ld", "-static"),
            (&["gcc", "-fuse-ld=gold"], "ld.gold", "-pie"),
            (&["clang"], "ld", "-pie"),
            (&["clang++"], "ld", "-lstdc++"),
            (&["clang-19"], "ld", "-pie"),
            (&["clang++-19"], "ld", "-lstdc++"),
            (&["clang", "-fuse-ld=lld"], "ld.lld", "-pie"),
            (&["clang", "-fuse-ld=mold"], "ld.mold", "-pie"),
            (&["powerpc64le-linux-gnu-gcc"], "ld", "elf64lppc"),
        ];
        let dir = std::env::temp_dir().join(format!("linksweep-driver-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("a b.o"), "").unwrap();
        let mut ran = 0;
        for (driver, program, word) in cases {
            let installed = driver
                .first()
                .is_some_and(|d| command(OsStr::new(d), Path::new("")).arg("--version").output().is_ok());
            if !installed {
                continue;
            }
            let mut words: Vec<OsString> = driver.iter().map(OsString::from).collect();
            words.extend(["a b.o", "-o", "x", "-Wl,--gc-sections"].map(OsString::from));
            match expand(&words, &dir) {
                Ok(line) => {
                    ran += 1;
                    let name = line.first().map(|w| base(w).to_vec()).unwrap_or_default();
                    let name = String::from_utf8_lossy(&name).into_owned();
                    assert!(name == *program || name.ends_with(&format!("-{program}")), "{driver:?}: {name}");
                    for want in [word, "--gc-sections", "a b.o"] {
                        assert!(line.iter().any(|w| w == want), "{driver:?}: {want} in {line:?}");
                    }
                }
                // clang looks at its inputs before it prints.
                Err(error) => panic!("{driver:?}: {error}"),
            }
        }
        // A missing input is the driver's complaint, not a line without it.
        for driver in ["gcc", "clang"] {
            let line = expand(&[driver, "no-such.o"].map(OsString::from), &dir);
            assert!(line.is_err() || line.is_ok_and(|l| l.iter().any(|w| w == "no-such.o")), "{driver}");
            assert!(expand(&[driver, "-c", "x.c"].map(OsString::from), &dir).is_err(), "{driver}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(ran > 0 || !Path::new("/usr/bin/gcc").exists());
    }
}
