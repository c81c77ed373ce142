//! What the last good run's log already said.

use std::collections::HashSet;

use super::score;
use super::template::template;
use crate::model::Log;

/// The templates of a good run's lines.
pub(super) struct Seen {
    templates: HashSet<u64>,
    /// Whether dull lines of the good run were left out as it was read.
    thinned: bool,
}

impl Seen {
    pub(super) fn of(log: &Log) -> Self {
        let templates = (0..log.lines.len()).map(|index| template(score::body(log.line(index)))).collect();
        Self { templates, thinned: log.omitted > 0 }
    }

    /// Whether the good run said it too; `None` where nobody can tell: a dull line, of a log of which dull lines were left out.
    pub(super) fn says(&self, template: u64, strong: bool) -> Option<bool> {
        let said = self.templates.contains(&template);
        (said || strong || !self.thinned).then_some(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean::LogBuilder;
    use crate::model::Level;

    #[test]
    fn only_what_was_never_said_is_new() {
        let mut builder = LogBuilder::default();
        builder.line(1, None, Level::Info, None, "2026-02-10T03:11:44Z error: 3 widgets are bent");
        let mut log = builder.finish();
        let known = template("error: 17 widgets are bent");
        let seen = Seen::of(&log);
        assert_eq!(seen.says(known, true), Some(true));
        assert_eq!(seen.says(template("all is well"), false), Some(false));
        log.omitted = 1;
        let seen = Seen::of(&log);
        assert_eq!(seen.says(template("all is well"), false), None);
        assert_eq!(seen.says(template("error: no"), true), Some(false));
    }
}
