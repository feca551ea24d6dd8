//! Finds the file behind `-lX` (temporary minimal form).

use std::path::{Path, PathBuf};

use bstr::BString;

use super::LinkPlan;

/// A library that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The path to open.
    pub path: PathBuf,
    /// The path as linkers print it.
    pub shown: BString,
}

/// Search folders of a plan.
#[derive(Debug, Clone)]
pub struct Search {
    dirs: Vec<PathBuf>,
}

impl Search {
    /// The plan's folders.
    pub fn new(plan: &LinkPlan) -> Self {
        Search { dirs: plan.search_dirs.clone() }
    }

    /// A SEARCH_DIR of a script.
    pub fn add_dir(&mut self, dir: &[u8]) {
        self.dirs.push(PathBuf::from(String::from_utf8_lossy(dir).into_owned()));
    }

    /// `-lNAME`.
    pub fn find(&self, name: &[u8], static_only: bool, exists: &dyn Fn(&Path) -> bool) -> Option<Found> {
        let name = String::from_utf8_lossy(name).into_owned();
        for dir in &self.dirs {
            let mut candidates = Vec::new();
            if let Some(exact) = name.strip_prefix(':') {
                candidates.push(exact.to_string());
            } else {
                if !static_only {
                    candidates.push(format!("lib{name}.so"));
                }
                candidates.push(format!("lib{name}.a"));
            }
            for candidate in candidates {
                let path = dir.join(candidate);
                if exists(&path) {
                    return Some(Found { shown: BString::from(path.as_os_str().as_encoded_bytes()), path });
                }
            }
        }
        None
    }

    /// A plain file name in the search folders.
    pub fn find_plain(&self, name: &[u8], exists: &dyn Fn(&Path) -> bool) -> Option<Found> {
        let name = [b":", name].concat();
        self.find(&name, false, exists)
    }

    /// A script named by INCLUDE.
    pub fn find_script(&self, _name: &[u8]) -> Option<PathBuf> {
        None
    }
}
