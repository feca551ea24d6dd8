//! `why`: the chain that keeps something, or the reason why nothing does.

use super::Answer;
use super::args::WhyArgs;
use crate::error::{Error, Result};

pub(super) fn run(args: WhyArgs) -> Result<Answer> {
    let _ = (args.exact, args.chains, args.dead);
    Err(Error::new(format!("why {}", args.pattern), "not available yet"))
}
