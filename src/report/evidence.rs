//! The evidence as every format shows it: excerpts in log order, and how many lines are left out between them.

use crate::model::{Case, Excerpt, ExcerptLine, Numbering};

/// The evidence of a case, ready to be walked.
pub(super) struct Evidence<'a> {
    /// The excerpts.
    pub(super) blocks: Vec<Block<'a>>,
    /// How many lines follow the last one shown.
    pub(super) after: usize,
}

/// An excerpt and what lies before and within it.
pub(super) struct Block<'a> {
    /// How many lines of the log are left out before it.
    pub(super) before: usize,
    /// The excerpt.
    pub(super) excerpt: &'a Excerpt,
    /// Its lines, and the gaps that thinning the log left between them.
    pub(super) rows: Vec<Row<'a>>,
}

/// What stands in one row of an excerpt.
pub(super) enum Row<'a> {
    /// So many lines are left out.
    Gap(usize),
    /// A line.
    Line(&'a ExcerptLine),
}

/// Walks the excerpts of a case.
pub(super) fn of(case: &Case) -> Evidence<'_> {
    let mut last: Option<(Option<&str>, &ExcerptLine)> = None;
    let mut blocks = Vec::new();
    for excerpt in case.excerpts.iter().filter(|excerpt| !excerpt.lines.is_empty()) {
        let step = excerpt.step.as_deref();
        let mut before = 0;
        let mut rows = Vec::new();
        for (index, line) in excerpt.lines.iter().enumerate() {
            let gap = gap(case.numbering, last, (step, line));
            if index == 0 {
                before = gap;
            } else if gap > 0 {
                rows.push(Row::Gap(gap));
            }
            rows.push(Row::Line(line));
            last = Some((step, line));
        }
        blocks.push(Block { before, excerpt, rows });
    }
    let after = last.map_or(0, |(_, line)| match case.numbering {
        Numbering::Log => case.total_lines.saturating_sub(line.number),
        Numbering::Step => case.total_lines.saturating_sub(line.id),
    });
    Evidence { blocks, after }
}

/// How many lines lie between two that are shown.
fn gap(numbering: Numbering, last: Option<(Option<&str>, &ExcerptLine)>, next: (Option<&str>, &ExcerptLine)) -> usize {
    let (step, line) = next;
    let between = |from: usize, to: usize| to.saturating_sub(from).saturating_sub(1);
    match (numbering, last) {
        (Numbering::Log, None) => between(0, line.number),
        (Numbering::Step, None) => between(0, line.id),
        // Numbers of two steps say nothing of each other; the places in the log do.
        (Numbering::Step, Some((last_step, last))) if last_step != step => between(last.id, line.id),
        (_, Some((_, last))) => between(last.number, line.number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Level;

    /// The gaps of excerpts given as (step, lines as (id, number)): before each row, and after the last.
    fn check(numbering: Numbering, total_lines: usize, excerpts: &[(&str, &[(usize, usize)])], expected: &[usize]) {
        let line = |&(id, number): &(usize, usize)| ExcerptLine {
            id,
            number,
            level: Level::Info,
            time: None,
            text: String::new(),
        };
        let excerpts = excerpts
            .iter()
            .map(|(step, lines)| Excerpt {
                step: Some((*step).to_owned()),
                lines: lines.iter().map(line).collect(),
                reason: String::new(),
                repeats: 0,
            })
            .collect();
        let case = Case { excerpts, numbering, total_lines, ..Case::default() };
        let evidence = of(&case);
        let mut gaps = Vec::new();
        for block in evidence.blocks {
            gaps.push(block.before);
            gaps.extend(block.rows.iter().filter_map(|row| if let Row::Gap(gap) = row { Some(*gap) } else { None }));
        }
        gaps.push(evidence.after);
        assert_eq!(gaps, expected);
    }

    #[test]
    fn gaps_are_counted_from_true_numbers() {
        check(Numbering::Log, 100, &[("A", &[(11, 11), (12, 12)]), ("A", &[(20, 50)])], &[10, 37, 50]);
    }

    #[test]
    fn thinned_lines_leave_a_gap_inside_an_excerpt() {
        check(Numbering::Log, 9, &[("A", &[(1, 1), (2, 9)])], &[0, 7, 0]);
    }

    #[test]
    fn numbers_of_two_steps_are_not_compared() {
        check(Numbering::Step, 40, &[("A", &[(10, 5)]), ("A", &[(13, 8)]), ("B", &[(30, 2)])], &[9, 2, 16, 10]);
    }
}
