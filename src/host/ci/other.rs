//! A build server that we do not know: its run can't be asked about, and what we print may be read for commands all the same.

use std::sync::Arc;

use crate::error::Error;
use crate::http::Http;
use crate::model::{Incident, Note, Notice};

use super::{Env, Host, Settings, Standing, Verdict, neutral, variable};

struct Other;

pub(super) fn is_here(env: &Env) -> bool {
    variable(env, "CI").is_some_and(|value| value != "false")
}

pub(super) fn host(_: &Env, _: &Settings, _: &Arc<Http>) -> Box<dyn Host> {
    Box::new(Other)
}

impl Host for Other {
    fn collect(&self, _: &mut Vec<Note>) -> Result<Incident, Error> {
        Err(Error::Nothing(
            "this build server's runs cannot be asked about: name a log with --log FILE, or wrap the command with \
             `firefighter run -- COMMAND`"
                .to_owned(),
        ))
    }

    fn say(&self, _: &[Notice]) -> Option<String> {
        None
    }

    fn printed(&self, text: &str) -> Option<String> {
        Some(neutral::printed(text))
    }

    fn examine(&self) -> Vec<Verdict> {
        vec![Verdict::new(Standing::Off, "build server", "an unknown one: the report is printed")]
    }
}
