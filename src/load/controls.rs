//! Texts that control symbols, compiled: version scripts, dynamic lists, `--defsym` expressions.

use bstr::BString;

use crate::error::{Error, Result};
use crate::plan::LinkPlan;
use crate::script::expr::Expr;
use crate::script::version::{DynamicList, VersionScript};
use crate::script::versionmatch::VersionMatcher;
use crate::script::{self, CommandKind, Dialect};

use super::ScriptFile;

/// The compiled texts of a link.
#[derive(Default)]
pub struct Controls {
    /// `--version-script` files and VERSION commands of scripts, in order; `None` if there are none.
    pub versions: Option<VersionMatcher>,
    /// The tags of their nodes, in the order of `Class::node`; empty for an anonymous node.
    pub version_tags: Vec<BString>,
    /// `--dynamic-list` files; `None` if there are none.
    pub dynamic_list: Option<VersionMatcher>,
    /// `--export-dynamic-symbol-list` files; `None` if there are none.
    pub export_list: Option<VersionMatcher>,
    /// Expressions of `LinkPlan::defsyms`, same order.
    pub defsyms: Vec<Expr>,
}

/// Compiles them.
///
/// # Errors
/// A syntax error in one of the texts.
pub(super) fn compile(plan: &LinkPlan, scripts: &[ScriptFile], dialect: Dialect) -> Result<Controls> {
    let mut version_scripts: Vec<VersionScript> = Vec::new();
    for file in &plan.version_scripts {
        version_scripts.push(script::parse_version_script(&file.path, file.text.clone(), dialect)?);
    }
    // gold refuses VERSION in a script among the inputs.
    let counts = |s: &&ScriptFile| dialect != Dialect::Gold || !s.as_input;
    let in_scripts =
        scripts.iter().filter(counts).flat_map(|s| &s.script.commands).filter_map(|c| match &c.kind {
            CommandKind::Version(version) => Some(version.as_ref()),
            _ => None,
        });
    let all: Vec<&VersionScript> = version_scripts.iter().chain(in_scripts).collect();
    let tags = all.iter().flat_map(|s| &s.nodes);
    let version_tags = tags.map(|n| n.tag.as_ref().map(|t| t.text.clone()).unwrap_or_default()).collect();
    let versions = if all.is_empty() { None } else { Some(VersionMatcher::new(dialect, &all)?) };
    let lists = |files: &[crate::plan::TextFile]| -> Result<Option<VersionMatcher>> {
        let lists: Vec<DynamicList> = files
            .iter()
            .map(|f| script::parse_dynamic_list(&f.path, f.text.clone(), dialect))
            .collect::<Result<_>>()?;
        let borrowed: Vec<&DynamicList> = lists.iter().collect();
        if borrowed.is_empty() { Ok(None) } else { VersionMatcher::for_list(&borrowed, dialect).map(Some) }
    };
    if dialect == Dialect::Bfd {
        // ld reads a name such as `add` as a hexadecimal number with base suffix (ldlex.l).
        let number = |d: &&crate::plan::Defsym| {
            script::parse_expression(&d.name, dialect).is_ok_and(|e| e.symbols_referenced().next().is_none())
        };
        if let Some(defsym) = plan.defsyms.iter().find(number) {
            return Err(Error::new(
                format!("--defsym {}", defsym.name),
                "syntax error: the name reads as a number",
            ));
        }
    }
    let defsyms = plan
        .defsyms
        .iter()
        .map(|d| {
            script::parse_expression(&d.expression, dialect)
                .map_err(|e| e.within(format!("--defsym {}", d.name)))
        })
        .collect::<Result<_>>()?;
    Ok(Controls {
        versions,
        version_tags,
        dynamic_list: lists(&plan.dynamic_lists)?,
        export_list: lists(&plan.export_dynamic_symbol_lists)?,
        defsyms,
    })
}
