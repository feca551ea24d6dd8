//! `.TARGET.cmd` files: the command that kbuild saved for a target, taken apart.
//!
//! In: the file's bytes. Out: the target, its command as the shell got it, the files it depends on,
//! symbol versions. `cmd_` (kernels up to 6.2) and `savedcmd_` lines are the same; make's escapes
//! (`$$`, `$(pound)`, `\#`) are undone (KL 7.2). Nothing is run, no variable is expanded.

use bstr::{BString, ByteSlice};

/// A saved command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CmdFile {
    /// The target as make names it.
    pub target: BString,
    /// The command as the shell got it; empty if none was saved.
    pub command: Vec<u8>,
    /// `source_`: the file that was compiled.
    pub source: Option<BString>,
    /// `deps_`: other files that the target was made from.
    pub dependencies: Vec<BString>,
    /// `#SYMVER NAME 0xCRC` lines: versions of exported symbols (kernels since 5.19).
    pub versions: Vec<(BString, u32)>,
}

/// Reads a `.cmd` file. Lines of other kinds are passed over.
pub fn parse(text: &[u8]) -> CmdFile {
    let mut file = CmdFile::default();
    for line in logical_lines(text) {
        if let Some(rest) = line.strip_prefix(b"#SYMVER ") {
            let mut words = rest.split_str(" ").filter(|w| !w.is_empty());
            if let (Some(name), Some(crc)) = (words.next(), words.next().and_then(hexadecimal)) {
                file.versions.push((name.into(), crc));
            }
            continue;
        }
        let Some((name, value)) = assignment(&line) else { continue };
        if let Some(target) = name.strip_prefix(b"savedcmd_").or_else(|| name.strip_prefix(b"cmd_")) {
            file.target = target.into();
            file.command = unescape(value);
        } else if name.starts_with(b"source_") {
            file.source = Some(value.trim().into());
        } else if name.starts_with(b"deps_") {
            let words = value.split(|b| b.is_ascii_whitespace()).filter(|w| !w.is_empty());
            // $(wildcard include/config/X) only watches a configuration option.
            file.dependencies
                .extend(words.filter(|w| !w.starts_with(b"$(") && !w.ends_with(b")")).map(BString::from));
        }
    }
    file
}

/// A hexadecimal number with `0x`.
fn hexadecimal(text: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(text).ok()?.trim();
    u32::from_str_radix(digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))?, 16).ok()
}

/// Lines with those that a backslash continues joined.
fn logical_lines(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut continued = false;
    for line in text.split(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (body, more) = match line.strip_suffix(b"\\") {
            Some(body) => (body, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| continued) {
            Some(last) => {
                last.push(b' ');
                last.extend_from_slice(body);
            }
            None => lines.push(body.to_vec()),
        }
        continued = more;
    }
    lines
}

fn assignment(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.find(b":=")?;
    Some((line.get(..at)?.trim(), line.get(at + 2..)?.trim_start()))
}

fn unescape(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&first, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"$$") {
            out.push(b'$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b"$(pound)").or_else(|| rest.strip_prefix(b"\\#")) {
            out.push(b'#');
            rest = after;
        } else {
            out.push(first);
            rest = tail;
        }
    }
    out
}

/// A word of a shell command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellWord {
    /// Its text without quotes; `$(...)` and backquotes stay as they are.
    pub text: BString,
    /// A quote stands in it.
    pub quoted: bool,
}

/// The simple commands of a shell text, in order, without redirections; `;`, `&&`, `||`, `|`, `&`,
/// parentheses and line ends stand between commands.
pub fn commands(text: &[u8]) -> Vec<Vec<ShellWord>> {
    let mut out: Vec<Vec<ShellWord>> = Vec::new();
    let mut command: Vec<ShellWord> = Vec::new();
    let mut word: Option<ShellWord> = None;
    // The next word is a redirection's file.
    let mut redirected = false;
    let mut bytes = text.iter().copied().peekable();
    let end_word = |word: &mut Option<ShellWord>, command: &mut Vec<ShellWord>, redirected: &mut bool| {
        if let Some(done) = word.take()
            && !std::mem::take(redirected)
        {
            command.push(done);
        }
    };
    fn open(word: &mut Option<ShellWord>) -> &mut ShellWord {
        word.get_or_insert_with(|| ShellWord { text: BString::default(), quoted: false })
    }
    while let Some(b) = bytes.next() {
        match b {
            b' ' | b'\t' | b'\r' => end_word(&mut word, &mut command, &mut redirected),
            b';' | b'&' | b'|' | b'(' | b')' | b'\n' => {
                end_word(&mut word, &mut command, &mut redirected);
                redirected = false;
                if !command.is_empty() {
                    out.push(std::mem::take(&mut command));
                }
            }
            b'<' | b'>' => {
                // `2>`: the number belongs to the redirection.
                if word.as_ref().is_some_and(|w| !w.quoted && w.text.iter().all(u8::is_ascii_digit)) {
                    word = None;
                }
                end_word(&mut word, &mut command, &mut redirected);
                while bytes.next_if(|b| matches!(b, b'<' | b'>' | b'&')).is_some() {}
                redirected = true;
            }
            b'#' if word.is_none() => while bytes.next_if(|&b| b != b'\n').is_some() {},
            b'\\' => match bytes.next() {
                Some(b'\n') => {}
                next => open(&mut word).text.push(next.unwrap_or(b'\\')),
            },
            b'\'' => {
                let word = open(&mut word);
                word.quoted = true;
                word.text.extend(bytes.by_ref().take_while(|&b| b != b'\''));
            }
            b'"' => {
                let word = open(&mut word);
                word.quoted = true;
                while let Some(b) = bytes.next().filter(|&b| b != b'"') {
                    match b {
                        b'\\' => match bytes.next() {
                            Some(b'\n') | None => {}
                            Some(b @ (b'"' | b'\\' | b'$' | b'`')) => word.text.push(b),
                            Some(b) => word.text.extend([b'\\', b]),
                        },
                        b => word.text.push(b),
                    }
                }
            }
            b'`' => {
                let word = open(&mut word);
                word.text.push(b'`');
                word.text.extend(bytes.by_ref().take_while(|&b| b != b'`'));
                word.text.push(b'`');
            }
            b'$' if bytes.next_if_eq(&b'(').is_some() => {
                let word = open(&mut word);
                word.text.extend(b"$(");
                let mut depth = 1usize;
                for b in bytes.by_ref() {
                    depth = match b {
                        b'(' => depth + 1,
                        b')' => depth - 1,
                        _ => depth,
                    };
                    word.text.push(b);
                    if depth == 0 {
                        break;
                    }
                }
            }
            b => open(&mut word).text.push(b),
        }
    }
    end_word(&mut word, &mut command, &mut redirected);
    if !command.is_empty() {
        out.push(command);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        commands(text.as_bytes())
            .into_iter()
            .map(|c| c.into_iter().map(|w| w.text.to_string()).collect())
            .collect()
    }

    #[test]
    fn saved_commands() {
        let text = b"savedcmd_vmlinux.a := rm -f vmlinux.a;  ar cDPrST vmlinux.a ./built-in.a lib/lib.a; \
            ar mPiT $$(ar t vmlinux.a | sed -n 1p) vmlinux.a\n";
        let file = parse(text);
        assert_eq!(file.target, "vmlinux.a");
        let got = words(&String::from_utf8_lossy(&file.command));
        assert_eq!(got[1], ["ar", "cDPrST", "vmlinux.a", "./built-in.a", "lib/lib.a"]);
        assert_eq!(got[2], ["ar", "mPiT", "$(ar t vmlinux.a | sed -n 1p)", "vmlinux.a"]);

        let text =
            b"cmd_a/b.o := gcc -D'X=\"a\\#b\"' -DY=$(pound) -c -o a/b.o a/b.c\n\nsource_a/b.o := a/b.c\n\n\
            deps_a/b.o := \\\n    $(wildcard include/config/X) \\\n  include/x.h \\\n\na/b.o: $(deps_a/b.o)\n\
            #SYMVER foo 0x1234abcd\n#SYMVER bad\n";
        let file = parse(text);
        assert_eq!(file.target, "a/b.o");
        assert_eq!(file.source.unwrap(), "a/b.c");
        assert_eq!(file.dependencies, ["include/x.h"]);
        assert_eq!(file.versions, [(BString::from("foo"), 0x1234_abcd)]);
        assert_eq!(words(&String::from_utf8_lossy(&file.command))[0][1], "-DX=\"a#b\"");
        assert_eq!(words(&String::from_utf8_lossy(&file.command))[0][2], "-DY=#");
    }

    #[test]
    fn shell_words() {
        let got = commands(br#"scripts/link-vmlinux.sh "ld" "-EL -m x" ""; true 2>/dev/null >x | cat"#);
        assert_eq!(got.len(), 3);
        assert_eq!(
            got[0].iter().map(|w| (w.text.to_string(), w.quoted)).collect::<Vec<_>>(),
            [
                ("scripts/link-vmlinux.sh".into(), false),
                ("ld".into(), true),
                ("-EL -m x".into(), true),
                (String::new(), true)
            ]
        );
        assert_eq!(words("true 2>/dev/null >x | cat <y z"), [vec!["true"], vec!["cat", "z"]]);
        assert_eq!(words("a && b || (c) # d"), [vec!["a"], vec!["b"], vec!["c"]]);
    }

    #[test]
    fn hostile() {
        for text in ["'", "\"\\", "$(", "`", "\\", "$((((", ">", "cmd_ :=", "cmd_x", ":=", "2>", "\0"] {
            commands(text.as_bytes());
            parse(text.as_bytes());
        }
        let deep = "$(".repeat(200_000);
        commands(deep.as_bytes());
        parse(format!("cmd_x := {deep}").as_bytes());
    }
}
