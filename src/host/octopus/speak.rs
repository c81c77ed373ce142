//! How we speak to Octopus.
use crate::model::Notice;
/// stub
#[must_use]
pub fn neutral(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}
/// stub
#[must_use]
pub fn say(notices: &[Notice]) -> String {
    format!("{notices:?}")
}
