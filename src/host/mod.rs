//! Where a failing run is: what failed there, and how to speak back.
//!
//! Settings come in, an [`Incident`] goes out, and notices go back in the host's own dialect.
//! The rule: only a host's folder knows the host's names. The minimal example is [`local`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::error::Error;
use crate::http::Http;
use crate::model::{Incident, Note, Notice};

pub mod ci;
mod hop;
pub mod local;
pub mod marker;
mod neutral;
pub mod octopus;

/// The environment the program was started in, read once.
pub type Env = BTreeMap<String, String>;

/// What to look at and with which rights.
#[derive(Clone, Default)]
pub struct Access {
    /// A command that we ran, and what it printed: looked at before all else.
    pub captured: Option<Captured>,
    /// A log to read instead of asking a host; `-` for the standard input.
    pub log: Option<String>,
    /// The log of a good run to compare that one with.
    pub baseline: Option<String>,
    /// The Octopus Server and the run on it.
    pub octopus: octopus::Access,
    /// The build server that we run on.
    pub ci: ci::Settings,
}

/// What a command did that we ran ourselves. It can be collected once, for it may be large.
#[derive(Clone)]
pub struct Captured(Arc<Mutex<Option<Incident>>>);

impl Captured {
    /// Keeps what is known of the command.
    #[must_use]
    pub fn new(incident: Incident) -> Self {
        Self(Arc::new(Mutex::new(Some(incident))))
    }

    fn take(&self) -> Option<Incident> {
        self.0.lock().ok()?.take()
    }
}

/// A place where runs fail.
pub trait Host: Send + Sync {
    /// Everything there is to know of the failing run. What can't be had costs a note.
    fn collect(&self, notes: &mut Vec<Note>) -> Result<Incident, Error>;

    /// `notices` in the host's dialect, ready to be written to the standard output; `None` where a person sits in front.
    fn say(&self, notices: &[Notice]) -> Option<String>;

    /// A report of any format in which nothing is a command to the host; `None` where it takes only notices.
    fn printed(&self, _: &str) -> Option<String> {
        None
    }

    /// What of `notices` the host reads from files: their paths, and what is added at their ends.
    fn files(&self, _: &[Notice]) -> Vec<(PathBuf, String)> {
        Vec::new()
    }

    /// What of `notices` the host reads from files in the report's folder: their names there, and what they hold.
    fn kept(&self, _: &[Notice]) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Tells `notices` by the host's API, where the user wants that. What could not be told costs a note.
    fn post(&self, _: &[Notice], _: &mut Vec<Note>) {}

    /// What another run of the same release has kept under `name`: that run's id, and the text. `None` where nobody has, or can
    /// tell.
    fn beside(&self, _: &str) -> Option<(String, String)> {
        None
    }

    /// How many runs of the same project are under way now, ours among them, as far as the host tells.
    fn under_way(&self) -> usize {
        0
    }

    /// What works and what does not, for a person who sets us up.
    fn examine(&self) -> Vec<Verdict>;
}

/// One line of an examination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How it stands.
    pub standing: Standing,
    /// What was looked at.
    pub what: String,
    /// What was found, and what to do or what it costs.
    pub text: String,
}

impl Verdict {
    /// A verdict on `what`.
    pub fn new(standing: Standing, what: &str, text: impl Into<String>) -> Self {
        Self { standing, what: what.to_owned(), text: text.into() }
    }
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// As it should.
    Good,
    /// It works with less.
    Poor,
    /// It does not work.
    Bad,
    /// It was not set up, and need not be.
    Off,
}

/// `text` as it may be printed where we run: nothing in it is a command to a host that reads our output.
#[must_use]
pub fn harmless(text: &str, env: &Env, ci: &ci::Settings) -> String {
    neutral::for_host(text, octopus::is_here(env) || ci::is_here(env, ci))
}

/// The host to ask, from what the user named and where we run.
pub fn detect(env: &Env, access: &Access, http: &Arc<Http>) -> Result<Box<dyn Host>, Error> {
    let inside = octopus::is_here(env);
    let around = if inside { octopus::detect(env, access, http) } else { ci::detect(env, access, http) };
    // Some builds log in to an Octopus Server, which alone does not mean that they ask about a run of it.
    let asks_octopus = !inside && (around.is_none() || access.octopus.target.is_some());
    let octopus = || octopus::detect(env, access, http).filter(|_| asks_octopus);
    let source = local::detect(env, access, http).or_else(octopus);
    // A log that a person names is all that is asked about.
    let source =
        source.map(|source| if access.captured.is_some() { hop::onward(source, access, http) } else { source });
    match (source, around) {
        (Some(source), Some(voice)) => Ok(Box::new(ci::Elsewhere { source, voice })),
        (Some(host), None) => Ok(host),
        (None, Some(host)) => Ok(hop::onward(host, access, http)),
        (None, None) => Err(Error::Nothing(
            "nothing to diagnose was named and no deployment system is around: \
             name a log with --log FILE, or an Octopus run with --task, --deployment or its address in the portal"
                .to_owned(),
        )),
    }
}
