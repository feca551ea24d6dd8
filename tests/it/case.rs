//! A `.case` file: inputs as text, link command lines, and what the links are meant to show.
//!
//! In: the text. Out: [`Case`], and [`Case::materialise`] writes the inputs into a folder.
//! The same text gives the same files. Format: `tests/cases/README.md`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object as _, ObjectSymbol as _};

use linksweep::plan::{self, LinkPlan, Overrides, ProfileSpec};

use crate::fixture::archive::{Index, Member, archive, member_header};
use crate::fixture::{Result, dso, object as objects};
use crate::linkers::{ALL, LinkerId};

/// One input file, still as text.
struct Input {
    kind: String,
    path: String,
    words: Vec<String>,
    lines: Vec<String>,
}

/// What a link is meant to show for some linkers; checked against the recorded answer.
#[derive(Debug, Clone)]
pub enum Claim {
    /// The section (`NAME` or `NAME@FILE`) is in the removal list.
    Drops(String),
    /// The section is not in the removal list.
    Keeps(String),
    /// The link succeeds.
    Ok,
    /// The link fails.
    Fails,
    /// The member is named in the extraction record.
    Extracts(String),
    /// The member is not named there.
    Leaves(String),
}

/// One link command of a case.
#[derive(Debug, Clone)]
pub struct Link {
    /// Name, empty for the only link.
    pub name: String,
    /// Words of the command line, without the program.
    pub words: Vec<String>,
    /// For which linkers.
    pub linkers: Vec<LinkerId>,
    /// The extraction record is compared too.
    pub extract: bool,
    /// Linkers whose exit status is no part of the rule (they fail later, in relocation or layout).
    pub exit_free: Vec<LinkerId>,
    /// What it shows.
    pub claims: Vec<(Vec<LinkerId>, Claim)>,
}

/// A parsed case.
pub struct Case {
    /// Path under `tests/cases`, without extension.
    pub name: String,
    /// The first comment line: rule and summary.
    pub header: String,
    /// The `.expect` file beside the case.
    pub expect: PathBuf,
    /// Target prefix of the GNU linkers (`mips-linux-gnu-`), or empty.
    pub prefix: String,
    /// The links.
    pub links: Vec<Link>,
    inputs: Vec<Input>,
}

fn linker_list(text: &str) -> Result<Vec<LinkerId>> {
    let mut out = Vec::new();
    for word in text.split(',') {
        match word {
            "all" => out.extend(ALL),
            "lld" => out.extend([LinkerId::Lld14, LinkerId::Lld19, LinkerId::LldRustc]),
            "lld-new" => out.extend([LinkerId::Lld19, LinkerId::LldRustc]),
            w => {
                out.push(*ALL.iter().find(|l| l.name() == w).ok_or_else(|| format!("unknown linker `{w}`"))?)
            }
        }
    }
    Ok(out)
}

/// Splits like a shell: blanks, single and double quotes.
fn shell_words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => out.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    out
}

fn claim(line: &str, link: &mut Link) -> Result<()> {
    let mut words = line.split_whitespace();
    let verb = words.next().ok_or("empty claim")?;
    let linkers = linker_list(words.next().ok_or("claim without linkers")?)?;
    let names: Vec<&str> = words.collect();
    let mut add = |c: Claim| link.claims.push((linkers.clone(), c));
    match verb {
        "ok" => add(Claim::Ok),
        "fails" => add(Claim::Fails),
        "exit-free" => link.exit_free.extend(linkers),
        "drops" => names.iter().for_each(|n| add(Claim::Drops(n.to_string()))),
        "keeps" => names.iter().for_each(|n| add(Claim::Keeps(n.to_string()))),
        "extracts" => names.iter().for_each(|n| add(Claim::Extracts(n.to_string()))),
        "leaves" => names.iter().for_each(|n| add(Claim::Leaves(n.to_string()))),
        other => return Err(format!("unknown claim `{other}`")),
    }
    Ok(())
}

impl Case {
    /// The plan of a link's words in `dir`, by the rules of `linker` (as in `--linker`); `program` is the first word.
    pub fn plan(
        link: &Link,
        dir: &Path,
        linker: &str,
        program: &str,
        assume_gc: bool,
    ) -> std::result::Result<LinkPlan, String> {
        let overrides = Overrides {
            linker: Some(ProfileSpec::parse(linker).map_err(|e| e.to_string())?),
            directory: dir.to_path_buf(),
            assume_gc,
            ..Overrides::default()
        };
        let line: Vec<OsString> =
            std::iter::once(OsString::from(program)).chain(link.words.iter().map(OsString::from)).collect();
        plan::parse_command(&line, &overrides).map_err(|e| e.to_string())
    }

    /// Parses the text of a case.
    pub fn parse(name: &str, text: &str, expect: PathBuf) -> Result<Case> {
        let header = text.lines().next().unwrap_or("").trim_start_matches('#').trim().to_string();
        let mut case = Case {
            name: name.to_string(),
            header,
            expect,
            prefix: String::new(),
            links: Vec::new(),
            inputs: Vec::new(),
        };
        let mut default = ALL.to_vec();
        let mut in_link = false;
        let mut has_archive = false;
        for line in text.lines().skip(1) {
            if let Some(head) = line.strip_prefix("-- ") {
                let words = shell_words(head);
                let (kind, rest) = words.split_first().ok_or("empty block header")?;
                in_link = kind == "link";
                match kind.as_str() {
                    "linkers" => default = linker_list(&rest.join(","))?,
                    "target" => case.prefix = rest.first().cloned().unwrap_or_default(),
                    "link" => {
                        let mut link = Link {
                            name: String::new(),
                            words: Vec::new(),
                            linkers: default.clone(),
                            extract: has_archive && !rest.iter().any(|w| w == "noextract"),
                            exit_free: Vec::new(),
                            claims: Vec::new(),
                        };
                        let mut named = Vec::new();
                        for w in rest {
                            if let Some(n) = w.strip_prefix("name=") {
                                link.name = n.to_string();
                            } else if w == "extract" {
                                link.extract = true;
                            } else if w != "noextract" {
                                named.extend(linker_list(w)?);
                            }
                        }
                        if !named.is_empty() {
                            link.linkers = named;
                        }
                        case.links.push(link);
                    }
                    "object" | "dso" | "archive" | "asm" | "file" => {
                        has_archive |= kind == "archive";
                        let (path, words) = rest.split_first().ok_or("path missing")?;
                        case.inputs.push(Input {
                            kind: kind.clone(),
                            path: path.clone(),
                            words: words.to_vec(),
                            lines: Vec::new(),
                        });
                    }
                    other => return Err(format!("unknown block `{other}`")),
                }
            } else if in_link {
                let link = case.links.last_mut().ok_or("no link")?;
                let line = line.trim();
                if let Some(c) = line.strip_prefix("! ") {
                    claim(c, link).map_err(|e| format!("`{line}`: {e}"))?;
                } else if !line.starts_with('#') {
                    link.words.extend(shell_words(line));
                }
            } else if let Some(input) = case.inputs.last_mut() {
                input.lines.push(line.to_string());
            }
        }
        if case.links.is_empty() {
            return Err("no link".into());
        }
        Ok(case)
    }

    /// Writes all inputs below `dir`.
    pub fn materialise(&self, dir: &Path) -> Result<()> {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for input in &self.inputs {
            let bytes = self.build(input, &files, dir).map_err(|e| format!("{}: {e}", input.path))?;
            let path = dir.join(&input.path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|e| e.to_string())?;
            }
            fs::write(&path, &bytes).map_err(|e| e.to_string())?;
            files.insert(input.path.clone(), bytes);
        }
        Ok(())
    }

    fn build(&self, input: &Input, files: &BTreeMap<String, Vec<u8>>, dir: &Path) -> Result<Vec<u8>> {
        let words: Vec<&str> = input.words.iter().map(String::as_str).collect();
        let lines: Vec<&str> = input.lines.iter().map(String::as_str).collect();
        match input.kind.as_str() {
            "object" => Ok(objects::object(&words, &lines)?.write()),
            "dso" => dso::dso(&words, &lines),
            "archive" => build_archive(&input.path, &words, &lines, files),
            "asm" => assemble(&lines, dir),
            _ => {
                let mut text = lines.join("\n");
                text.push('\n');
                Ok(text.into_bytes())
            }
        }
    }
}

fn index_symbols(bytes: &[u8]) -> Vec<String> {
    match object::File::parse(bytes) {
        Ok(file) => file
            .symbols()
            .filter(|s| s.is_global() && !s.is_undefined())
            .filter_map(|s| s.name().ok().map(str::to_string))
            .collect(),
        Err(_) => Vec::new(),
    }
}

/// Resolves `.` and `..` in a relative path, so that it can be looked up among the inputs.
fn clean(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                out.pop();
            }
            p => out.push(p),
        }
    }
    out.join("/")
}

fn build_archive(
    path: &str,
    words: &[&str],
    lines: &[&str],
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<u8>> {
    let thin = words.contains(&"thin");
    let folder = match path.rsplit_once('/') {
        Some((d, _)) => format!("{d}/"),
        None => String::new(),
    };
    let mut index = if words.contains(&"noindex") {
        Index::None
    } else if words.contains(&"sym64") {
        Index::Sym64
    } else {
        Index::Gnu
    };
    let get = |p: &str| files.get(&clean(p)).cloned().ok_or_else(|| format!("no input `{p}` so far"));
    let mut members = Vec::new();
    let mut explicit: Option<Vec<(String, usize)>> = None;
    for line in lines {
        let w: Vec<&str> = line.split_whitespace().collect();
        match w.as_slice() {
            [] => {}
            [c, ..] if c.starts_with('#') => {}
            ["index"] => explicit = Some(Vec::new()),
            ["index", name, ordinal] => {
                let n = ordinal.parse().map_err(|_| format!("bad ordinal `{ordinal}`"))?;
                explicit.get_or_insert_default().push((name.to_string(), n));
            }
            ["nested", inner, member] => {
                let outer = get(&format!("{folder}{inner}"))?;
                let origin = member_header(&outer, member).ok_or("no such member in the inner archive")?;
                let data = get(&format!("{folder}{member}"))?;
                let symbols = index_symbols(&data);
                members.push(Member { name: inner.to_string(), data, symbols, origin: Some(origin) });
            }
            names => {
                for n in names {
                    let (name, source) = n.split_once('=').unwrap_or((n, n));
                    let data = get(&format!("{}{source}", if thin { folder.as_str() } else { "" }))
                        .or_else(|_| get(source))?;
                    let symbols = index_symbols(&data);
                    members.push(Member { name: name.to_string(), data, symbols, origin: None });
                }
            }
        }
    }
    if members.is_empty() && !words.contains(&"sym64") && explicit.is_none() {
        index = Index::None;
    }
    Ok(archive(thin, index, explicit.as_deref(), &members))
}

/// Assembles with the C compiler; only for what the object description cannot say.
fn assemble(lines: &[&str], dir: &Path) -> Result<Vec<u8>> {
    let (source, out) = (dir.join("asm-input.s"), dir.join("asm-output.o"));
    fs::write(&source, lines.join("\n") + "\n").map_err(|e| e.to_string())?;
    let status = Command::new("cc").arg("-c").arg(&source).arg("-o").arg(&out).status();
    let ok = status.map_err(|e| format!("cc: {e}"))?.success();
    let bytes = fs::read(&out).map_err(|e| e.to_string());
    let _ = fs::remove_file(&source);
    let _ = fs::remove_file(&out);
    if ok { bytes } else { Err("cc failed".into()) }
}
