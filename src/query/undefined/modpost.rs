//! What modpost says, in the words of the kernel's age (KL 7.1).

use crate::query::kernel::facts::KernelVersion;

/// The kernel whose words are used where no version is known.
const USUAL: KernelVersion = KernelVersion(6, 12);

/// The wording of one kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording(KernelVersion);

impl Wording {
    /// Of a kernel, or of 6.12 if its version is not known.
    pub fn of(version: Option<KernelVersion>) -> Wording {
        Wording(version.unwrap_or(USUAL))
    }

    fn prefix(self, level: &str) -> String {
        if self.0 >= KernelVersion(5, 6) { format!("{level}: modpost: ") } else { format!("{level}: ") }
    }

    /// An unresolved symbol; `module` is the path without `.ko`.
    pub fn undefined(self, module: &str, name: &str) -> String {
        let prefix = self.prefix("ERROR");
        if self.0 >= KernelVersion(7, 0) {
            format!("{prefix}{module}.ko: symbol '{name}' undefined!")
        } else {
            format!("{prefix}\"{name}\" [{module}.ko] undefined!")
        }
    }

    /// A namespace that is not imported.
    pub fn namespace(self, module: &str, name: &str, namespace: &str) -> String {
        let module = base(module);
        let prefix = self.prefix("ERROR");
        format!(
            "{prefix}module {module} uses symbol {name} from namespace {namespace}, but does not import it."
        )
    }

    /// A GPL-only symbol in a module that is not open to it.
    pub fn gpl_only(self, module: &str, name: &str) -> String {
        let level = if self.0 >= KernelVersion(5, 11) { "ERROR" } else { "FATAL" };
        let prefix = self.prefix(level);
        format!("{prefix}GPL-incompatible module {}.ko uses GPL-only symbol '{name}'", base(module))
    }

    /// A module without licence.
    pub fn no_licence(self, module: &str) -> String {
        let level = if self.0 >= KernelVersion(5, 11) { "ERROR" } else { "WARNING" };
        format!("{}missing MODULE_LICENSE() in {module}.o", self.prefix(level))
    }

    /// An export without checksum.
    pub fn no_crc(self, name: &str) -> String {
        let words = if self.0 >= KernelVersion(5, 19) {
            "version generation failed, symbol will not be versioned."
        } else {
            "version generation failed, symbol will not be versioned"
        };
        format!("{}EXPORT symbol \"{name}\" [vmlinux] {words}", self.prefix("WARNING"))
    }
}

fn base(module: &str) -> &str {
    module.rsplit('/').next().unwrap_or(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_by_version() {
        let says = |major, minor| Wording::of(Some(KernelVersion(major, minor))).undefined("lib/m", "foo");
        assert_eq!(says(4, 9), "ERROR: \"foo\" [lib/m.ko] undefined!");
        assert_eq!(says(6, 1), "ERROR: modpost: \"foo\" [lib/m.ko] undefined!");
        assert_eq!(says(7, 1), "ERROR: modpost: lib/m.ko: symbol 'foo' undefined!");
        assert_eq!(Wording::of(None).no_licence("a/b"), "ERROR: modpost: missing MODULE_LICENSE() in a/b.o");
        let old = Wording::of(Some(KernelVersion(5, 4)));
        assert_eq!(old.no_licence("a/b"), "WARNING: missing MODULE_LICENSE() in a/b.o");
        let namespace = Wording::of(None).namespace("a/b", "foo", "USB");
        assert!(namespace.ends_with("module b uses symbol foo from namespace USB, but does not import it."));
    }
}
