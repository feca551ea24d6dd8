//! The shell parts of `ci/`, run by bash with made-up variables and services: what they write, what they ask for,
//! what they refuse.

#![allow(unreachable_pub, dead_code, clippy::unwrap_used)]

#[path = "it/fixture/mod.rs"]
mod fixture;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/scripts").join(name)
}

/// Runs a script with these variables and no others but PATH and HOME.
fn run(dir: &Path, name: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new("bash");
    command.arg(script(name)).current_dir(dir).stdin(Stdio::null()).env_clear();
    for keep in ["PATH", "HOME"] {
        command.envs(std::env::var_os(keep).map(|v| (keep, v)));
    }
    command.envs(variables.iter().copied()).output().unwrap()
}

fn told(run: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr))
}

fn program(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/usr/bin/env bash\n{text}")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn object(lines: &[&str]) -> Vec<u8> {
    fixture::object::object(&[], lines).unwrap().write()
}

/// A link in a repository of its own.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".git")).unwrap();
    std::fs::write(dir.path().join("main.o"), object(&["fn _start: used", "fn used", "fn idle"])).unwrap();
    std::fs::write(dir.path().join("link"), "ld --gc-sections main.o\n").unwrap();
    dir
}

fn report(dir: &Path, more: &[(&str, &str)]) -> Output {
    let mut variables = vec![
        ("LINKSWEEP", env!("CARGO_BIN_EXE_linksweep")),
        ("LINKSWEEP_INPUT", "--linker=bfd@2.40\n--link-file\nlink\n"),
        ("GITHUB_STEP_SUMMARY", "summary.md"),
        ("GITHUB_OUTPUT", "outputs"),
    ];
    variables.extend(more);
    run(dir, "report.sh", &variables)
}

#[test]
fn a_report_in_every_form() {
    let dir = folder();
    let first = report(dir.path(), &[("LINKSWEEP_OUT", "before")]);
    assert_eq!(first.status.code(), Some(0), "{}", told(&first));
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    for name in ["head.lsw", "check.sarif", "junit.xml", "gl-code-quality.json", "check.csv", "metrics.txt"] {
        assert!(dir.path().join("before").join(name).is_file(), "{name}");
    }
    assert!(read("summary.md").contains("## linksweep passed"), "{}", read("summary.md"));
    assert!(!read("summary.md").contains("by symbol"), "no base, no difference");
    assert!(read("outputs").contains("sarif=before/check.sarif\n") && read("outputs").contains("status=0\n"));
    let metrics = read("before/metrics.txt");
    assert!(metrics.starts_with("linksweep_text_bytes ") && metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(metrics.contains("linksweep_findings{level=\"error\"} 0\n"), "{metrics}");
    for line in metrics.lines().filter(|l| !l.starts_with('#')) {
        assert!(line.rsplit(' ').next().unwrap().parse::<u64>().is_ok(), "{line}");
    }

    // A bigger link against it, and a budget for growth.
    std::fs::write(
        dir.path().join("main.o"),
        object(&["fn _start: used idle", "fn used", "fn idle: more", "fn more"]),
    )
    .unwrap();
    std::fs::write(
        dir.path().join("linksweep.toml"),
        "version = 1\n[[budget]]\nname = \"text\"\nmax_growth = 1\n",
    )
    .unwrap();
    let base = [("LINKSWEEP_OUT", "after"), ("LINKSWEEP_BASE", "before/head.lsw")];
    let second = report(dir.path(), &base);
    assert_eq!(second.status.code(), Some(1), "{}", told(&second));
    let comment = read("after/comment.md");
    assert!(comment.contains("## linksweep: +") && comment.contains("## linksweep failed"), "{comment}");
    assert!(comment.contains("budget") && comment.len() < 65_536, "{comment}");
    assert!(told(&second).contains("::error file=linksweep.toml,line=2"), "{}", told(&second));
    let diff: Value = serde_json::from_str(&read("after/diff.json")).unwrap();
    assert!(diff["change"]["text"].as_i64().unwrap() > 0);
    assert!(read("outputs").contains("status=1\n"));

    // A base that is not there is said, and is no failure.
    let gone = report(dir.path(), &[("LINKSWEEP_OUT", "third"), ("LINKSWEEP_BASE", "nowhere.lsw")]);
    assert_eq!(gone.status.code(), Some(0), "{}", told(&gone));
    assert!(told(&gone).contains("nowhere.lsw is not there"));
}

#[test]
fn what_cannot_be_analysed_is_no_pass() {
    let dir = folder();
    let words = [("LINKSWEEP_INPUT", "--link-file\nmissing\n")];
    assert_eq!(report(dir.path(), &words).status.code(), Some(2));
    assert_eq!(report(dir.path(), &[("LINKSWEEP_INPUT", "")]).status.code(), Some(2));
    // Words are words: nothing of them is run.
    let evil = [("LINKSWEEP_INPUT", "--link-file\nlink; touch evil\n$(touch evil)\n")];
    assert_eq!(report(dir.path(), &evil).status.code(), Some(2));
    assert!(!dir.path().join("evil").exists());
}

/// A `gh` that answers from files and writes down what it was asked; a body is copied.
fn gh(dir: &Path) -> String {
    let path = dir.join("gh");
    program(
        &path,
        r#"printf '%s\n' "$*" >>asked
for word in "$@"; do case $word in body=@*) cp "${word#body=@}" body ;; esac; done
case "$*" in
*"/pulls "*) cat pulls 2>/dev/null || true ;;
*--paginate*) cat comments 2>/dev/null || true ;;
*"/runs "*) cat runs 2>/dev/null || true ;;
"run download"*) [ -f artifact ] && mkdir -p "${!#}" && cp artifact "${!#}/head.lsw" ;;
esac
"#,
    );
    path.to_string_lossy().into_owned()
}

fn comment(dir: &Path, gh: &str, more: &[(&str, &str)]) -> Output {
    let mut variables = vec![
        ("LINKSWEEP_GH", gh),
        ("COMMENT_FILE", "comment.md"),
        ("HEAD_SHA", SHA),
        ("HEAD_REPOSITORY", "someone/fork"),
        ("HEAD_BRANCH", "topic"),
        ("GITHUB_REPOSITORY", "owner/name"),
    ];
    variables.extend(more);
    run(dir, "comment.sh", &variables)
}

#[test]
fn one_comment_that_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let gh = gh(dir.path());
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap_or_default();
    std::fs::write(dir.path().join("comment.md"), "text <!-- linksweep:other --> é\n").unwrap();
    // No pull request has the commit.
    let none = comment(dir.path(), &gh, &[]);
    assert_eq!(none.status.code(), Some(0), "{}", told(&none));
    assert!(told(&none).contains("no open pull request") && !read("asked").contains("POST"));
    // The first time.
    std::fs::write(dir.path().join("pulls"), "17\n").unwrap();
    let first = comment(dir.path(), &gh, &[]);
    assert_eq!(first.status.code(), Some(0), "{}", told(&first));
    assert!(read("asked").contains("head=someone:topic"), "{}", read("asked"));
    assert!(read("asked").contains("--method POST repos/owner/name/issues/17/comments"), "{}", read("asked"));
    assert_eq!(read("body"), "<!-- linksweep:default -->\ntext &lt;!-- linksweep:other --> é\n");
    // And again.
    std::fs::write(dir.path().join("comments"), "99\n").unwrap();
    let second = comment(dir.path(), &gh, &[("COMMENT_KEY", "arm64-defconfig")]);
    assert_eq!(second.status.code(), Some(0), "{}", told(&second));
    assert!(
        read("asked").contains("--method PATCH repos/owner/name/issues/comments/99"),
        "{}",
        read("asked")
    );
    assert!(read("body").starts_with("<!-- linksweep:arm64-defconfig -->\n"));
    // What is too long is cut, and stays text.
    std::fs::write(dir.path().join("comment.md"), "é".repeat(50_000)).unwrap();
    assert_eq!(comment(dir.path(), &gh, &[]).status.code(), Some(0));
    assert!(read("body").len() <= 60_100 && read("body").ends_with('é'));
    // Nothing to say is no comment.
    std::fs::write(dir.path().join("comment.md"), "").unwrap();
    std::fs::remove_file(dir.path().join("asked")).unwrap();
    assert_eq!(comment(dir.path(), &gh, &[]).status.code(), Some(0));
    assert_eq!(read("asked"), "");
}

#[test]
fn what_an_untrusted_run_says_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let gh = gh(dir.path());
    std::fs::write(dir.path().join("comment.md"), "text\n").unwrap();
    for (name, value) in [
        ("HEAD_SHA", "main"),
        ("HEAD_SHA", "0123456789abcdef0123456789abcdef01234567\" or true or \""),
        ("HEAD_REPOSITORY", "a/b/../c"),
        ("COMMENT_KEY", "x --> y"),
    ] {
        let refused = comment(dir.path(), &gh, &[(name, value)]);
        assert_eq!(refused.status.code(), Some(2), "{name}={value}: {}", told(&refused));
    }
    assert!(!dir.path().join("asked").exists());
}

#[test]
fn the_base_is_a_good_run_of_the_target_branch() {
    let dir = tempfile::tempdir().unwrap();
    let gh = gh(dir.path());
    let base = |more: &[(&str, &str)]| {
        let _ = std::fs::remove_file(dir.path().join("outputs"));
        let mut variables = vec![
            ("LINKSWEEP_GH", gh.as_str()),
            ("BASE_REF", "main"),
            ("BASE_WORKFLOW", "linksweep.yml"),
            ("BASE_ARTIFACT", "linksweep"),
            ("GITHUB_REPOSITORY", "owner/name"),
            ("GITHUB_OUTPUT", "outputs"),
        ];
        variables.extend(more);
        let run = run(dir.path(), "github-base.sh", &variables);
        assert_eq!(run.status.code(), Some(0), "{}", told(&run));
        std::fs::read_to_string(dir.path().join("outputs")).unwrap()
    };
    assert_eq!(base(&[("BASE_REF", "")]), "base=\n");
    assert_eq!(base(&[]), "base=\n");
    std::fs::write(dir.path().join("runs"), format!("41 {SHA}\n40 {}\n", SHA.replace('0', "f"))).unwrap();
    assert_eq!(base(&[]), "base=\n", "no artifact");
    std::fs::write(dir.path().join("artifact"), "graph").unwrap();
    assert_eq!(base(&[]), "base=linksweep-base/head.lsw\n");
    let asked = std::fs::read_to_string(dir.path().join("asked")).unwrap();
    assert!(asked.contains("run download 41 --repo owner/name --name linksweep"), "{asked}");
}

#[test]
fn the_base_of_a_merge_request() {
    let dir = tempfile::tempdir().unwrap();
    let curl = dir.path().join("curl");
    program(
        &curl,
        "printf '%s\\n' \"$@\" >asked\n[ -f artifact ] || exit 22\ncp artifact linksweep-base/head.lsw\n",
    );
    let curl = curl.to_string_lossy().into_owned();
    let base = |branch: &str| {
        let variables = [
            ("LINKSWEEP_CURL", curl.as_str()),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", branch),
            ("CI_API_V4_URL", "https://gitlab.example/api/v4"),
            ("CI_PROJECT_ID", "7"),
            ("CI_JOB_NAME", "link sweep"),
            ("CI_JOB_TOKEN", "secret"),
        ];
        let run = run(dir.path(), "gitlab-base.sh", &variables);
        assert_eq!(run.status.code(), Some(0), "{}", told(&run));
        assert!(!told(&run).contains("secret"));
        String::from_utf8(run.stdout).unwrap()
    };
    assert_eq!(base(""), "");
    assert_eq!(base("feature/é x"), "");
    std::fs::write(dir.path().join("artifact"), "graph").unwrap();
    assert_eq!(base("feature/é x"), "linksweep-base/head.lsw\n");
    let asked = std::fs::read_to_string(dir.path().join("asked")).unwrap();
    let url = "https://gitlab.example/api/v4/projects/7/jobs/artifacts/feature%2F%C3%A9%20x/raw/linksweep-report/head.lsw?job=link%20sweep";
    assert!(asked.lines().any(|l| l == url), "{asked}");
}

/// No expression of the service stands in a command, and no workflow that can write runs what others wrote.
#[test]
fn workflows_are_safe() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/github");
    let mut files = vec![root.join("action.yml")];
    files.extend(std::fs::read_dir(root.join("examples")).unwrap().map(|e| e.unwrap().path()));
    assert_eq!(files.len(), 4);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|l| l.trim_start().starts_with("run:")) {
            assert!(!line.contains("${{"), "{}: {line}", file.display());
        }
        assert!(!text.contains("pull_request_target"), "{}", file.display());
        if text.contains(": write") {
            assert!(
                text.contains("workflow_run:") && !text.contains("head_sha }}\n          ref"),
                "{}",
                file.display()
            );
            let checkout = text.split("actions/checkout").nth(1).unwrap_or("");
            assert!(!checkout.starts_with("@v4\n        with:\n          ref"), "{}", file.display());
        }
    }
}
