//! What is known of models: how much they read and write, what they cost, how they want to be asked.
//!
//! [`Facts`] come from `models.toml`, or from a file of the user's own that goes before it. An unknown model is asked too.

use serde::Deserialize;

use crate::tree::{packed, unpack};

/// The built-in table.
const TABLE: &[u8] = packed!("models.toml");
/// Tokens of an answer that is a diagnosis, with room to spare; and of one that is thought about before.
const ANSWER: usize = 4_096;
const REASONED: usize = 16_384;
/// Tokens that each dialect puts around a question.
const AROUND: usize = 64;

/// What is known of one model. What is not known is not assumed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Its name, without a vendor's prefix and a version's date.
    #[serde(default)]
    pub name: String,
    /// The tokens it reads and writes in all.
    #[serde(default)]
    pub context: Option<usize>,
    /// The most tokens it writes.
    #[serde(default)]
    pub answer: Option<usize>,
    /// US dollars for a million tokens of the question.
    #[serde(default)]
    pub input: Option<f64>,
    /// US dollars for a million tokens of the answer.
    #[serde(default)]
    pub output: Option<f64>,
    /// Whether it thinks before it answers: it then takes no temperature, and needs room for its thoughts.
    #[serde(default)]
    pub reasoning: Option<bool>,
    /// How many of its tokens one of ours is, at most.
    #[serde(default)]
    pub factor: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    model: Vec<Facts>,
}

/// A table of models, first match counts.
#[derive(Debug, Clone)]
pub struct Table(Vec<Facts>);

impl Table {
    /// The built-in table, and before it the rows of `own`. An error is a line for the reader.
    pub fn with(own: Option<&str>) -> Result<Self, String> {
        let rows = |text: &str| toml::from_str::<File>(text).map(|file| file.model);
        let mut all = own.map_or(Ok(Vec::new()), rows).map_err(|error| error.to_string().trim().replace('\n', " "))?;
        all.extend(rows(&unpack(TABLE)).map_err(|error| error.to_string())?);
        Ok(Self(all))
    }

    /// What is known of the model of that name: the longest row that names it.
    #[must_use]
    pub fn find(&self, model: &str) -> Facts {
        let exact = self.0.iter().find(|row| row.name == model);
        // The last of equals wins in `max_by_key`, and the user's rows stand first.
        let longest = || self.0.iter().rev().filter(|row| names(&row.name, model)).max_by_key(|row| row.name.len());
        exact.or_else(longest).cloned().unwrap_or_default()
    }
}

/// Whether `row` is `model` but for a vendor's prefix (`us.anthropic.`, `openai/`) and a version (`-20250929-v1:0`).
fn names(row: &str, model: &str) -> bool {
    let Some((before, after)) = model.split_once(row) else { return false };
    let starts = before.is_empty() || before.ends_with(['/', '.']);
    let digits = after.chars().skip(1).take_while(char::is_ascii_digit).count();
    let version = after.starts_with(['-', '@']) && digits >= 4;
    let label = [":", "-v1", "-latest", "-preview"].iter().any(|label| after.starts_with(label));
    starts && !row.is_empty() && (after.is_empty() || version || label)
}

impl Facts {
    /// The most tokens an answer is given; `None` for as many as the server likes.
    #[must_use]
    pub fn answer_tokens(&self) -> Option<usize> {
        let usual = if self.reasoning == Some(true) { REASONED } else { ANSWER };
        match (self.answer, self.context) {
            (None, None) => None,
            // In a small context the question comes first.
            (answer, context) => Some(usual.min(answer.unwrap_or(usual)).min(context.unwrap_or(usual * 4) / 4)),
        }
    }

    /// The most tokens of ours that a question may have beside its answer; `None` where the context is not known.
    #[must_use]
    pub fn question_tokens(&self) -> Option<usize> {
        let room = self.context?.saturating_sub(self.answer_tokens().unwrap_or_default());
        Some(self.uncounted(room))
    }

    /// As many tokens of ours as are at most `theirs` of this model's, with what stands around them.
    #[must_use]
    pub fn uncounted(&self, theirs: usize) -> usize {
        scaled(theirs, 1.0 / self.factor()).saturating_sub(AROUND)
    }

    /// Our count of a question as this model would count it, at most.
    #[must_use]
    pub fn counted(&self, ours: usize) -> usize {
        scaled(ours, self.factor()) + AROUND
    }

    /// What tokens cost; `None` where the price is not known.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody asks with 2^52 tokens")]
    pub fn price(&self, tokens_in: usize, tokens_out: usize) -> Option<f64> {
        Some((tokens_in as f64 * self.input? + tokens_out as f64 * self.output?) / 1e6)
    }

    fn factor(&self) -> f64 {
        // Vocabularies of others differ by a third at most in what was measured.
        self.factor.unwrap_or(1.3).max(0.1)
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of tokens are far below 2^52, and factors are above 0"
)]
fn scaled(tokens: usize, factor: f64) -> usize {
    (tokens as f64 * factor) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model: &str, expected: &str) {
        assert_eq!(Table::with(None).unwrap().find(model).name, expected, "{model}");
    }

    #[test]
    fn a_model_is_known_with_a_vendors_prefix_and_a_version() {
        check("gpt-4o", "gpt-4o");
        check("gpt-4o-2024-08-06", "gpt-4o");
        check("gpt-4o-mini", "gpt-4o-mini");
        check("openai/gpt-5-mini", "gpt-5-mini");
        check("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5");
        check("gpt-5-unheard-of", "");
        check("my-gpt-4o", "");
        check("llama3.1:8b", "");
    }

    #[test]
    fn a_file_of_the_users_own_goes_first() {
        let own =
            "[[model]]\nname = \"gpt-4o\"\ncontext = 8192\n[[model]]\nname = \"house\"\ninput = 1.5\noutput = 2.0\n";
        let table = Table::with(Some(own)).unwrap();
        assert_eq!(table.find("gpt-4o").context, Some(8192));
        assert_eq!(table.find("gpt-4o-2024-08-06").context, Some(8192));
        assert_eq!(table.find("house").price(1_000_000, 500_000), Some(2.5));
        assert!(Table::with(Some("[[model]]\nprice = 1")).unwrap_err().contains("price"));
    }

    #[test]
    fn the_built_in_table_is_whole() {
        for row in Table::with(None).unwrap().0 {
            assert!(row.context.is_some() && row.answer.is_some() && row.reasoning.is_some(), "{}", row.name);
            assert_eq!(row.input.is_some(), row.output.is_some(), "{}", row.name);
        }
    }

    #[test]
    fn a_small_context_keeps_most_of_itself_for_the_question() {
        let small = Facts { context: Some(8_192), factor: Some(1.0), ..Facts::default() };
        assert_eq!(small.answer_tokens(), Some(2_048));
        assert_eq!(small.question_tokens(), Some(8_192 - 2_048 - AROUND));
        for tokens in [100, 4_096, 99_999] {
            assert!(Facts::default().counted(Facts::default().uncounted(tokens)) <= tokens, "{tokens}");
        }
        assert_eq!(Facts::default().answer_tokens(), None);
        assert_eq!(Facts::default().question_tokens(), None);
    }
}
