//! A question in words into what it asks about: pure, no server. Words come in beside the names that the server knows; which of
//! them are meant goes out, or which were meant and are none.
//!
//! The rule: nothing is guessed. A name that fits none is an error that offers the close ones.

use std::collections::HashMap;

use jiff::Zoned;

use crate::clean::unwanted;

use super::find::{Target, from_address};
use super::wire::Named;

mod missing;
mod names;
mod tokens;
mod when;

pub(super) use missing::close;
pub(super) use when::When;

use tokens::{Token, squash, tokens};

/// The longest question that is read, in characters.
const LONGEST: usize = 4_000;
/// Words of the longest name.
const WIDEST: usize = 12;

/// What kinds of things have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Project,
    Environment,
    Tenant,
    Runbook,
}

impl Kind {
    pub(super) const ALL: [Kind; 4] = [Kind::Project, Kind::Environment, Kind::Tenant, Kind::Runbook];

    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Project => "project",
            Kind::Environment => "environment",
            Kind::Tenant => "tenant",
            Kind::Runbook => "runbook",
        }
    }
}

/// What the server knows by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) projects: Vec<Named>,
    pub(super) environments: Vec<Named>,
    pub(super) tenants: Vec<Named>,
    pub(super) runbooks: Vec<Named>,
}

impl Names {
    pub(super) fn of(&self, kind: Kind) -> &[Named] {
        match kind {
            Kind::Project => &self.projects,
            Kind::Environment => &self.environments,
            Kind::Tenant => &self.tenants,
            Kind::Runbook => &self.runbooks,
        }
    }
}

/// What a question asks about, as far as it says.
#[derive(Debug, Clone, Default)]
pub(super) struct Sought {
    pub(super) project: Option<Named>,
    pub(super) environment: Option<Named>,
    pub(super) tenant: Option<Named>,
    pub(super) runbook: Option<Named>,
    /// The version of a release.
    pub(super) release: Option<String>,
    pub(super) step: Option<String>,
    pub(super) when: Option<When>,
}

impl Sought {
    pub(super) fn of(&self, kind: Kind) -> Option<&Named> {
        match kind {
            Kind::Project => self.project.as_ref(),
            Kind::Environment => self.environment.as_ref(),
            Kind::Tenant => self.tenant.as_ref(),
            Kind::Runbook => self.runbook.as_ref(),
        }
    }

    fn set(&mut self, kind: Kind, name: &Named) {
        let slot = match kind {
            Kind::Project => &mut self.project,
            Kind::Environment => &mut self.environment,
            Kind::Tenant => &mut self.tenant,
            Kind::Runbook => &mut self.runbook,
        };
        *slot = Some(name.clone());
    }
}

/// Why a question can't be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lost {
    /// Something was named that the server does not know.
    Missing {
        /// As what it was named.
        kind: Kind,
        /// The name.
        said: String,
        /// Whether quotes or a word beside it mark it as a name beyond doubt.
        sure: bool,
        /// Names that may have been meant, the closest first.
        close: Vec<String>,
    },
    /// Words that can be read in two ways.
    Unclear(String),
}

/// A question as it may be read: in one line, or why it can't be.
pub fn readable(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if length > LONGEST {
        return Err(format!(
            "the question has {length} characters, and at most {LONGEST} are read: ask in a sentence or two, and give a log with --log FILE"
        ));
    }
    let hidden = |c: &char| unwanted(*c) && !c.is_whitespace();
    if let Some(c) = text.chars().find(hidden) {
        return Err(format!("the question holds the control character U+{:04X}: type it as plain text", u32::from(c)));
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().any(char::is_alphanumeric) {
        Ok(text)
    } else {
        Err("the question is empty: say what you want to know".to_owned())
    }
}

/// What a question holds that needs no server to be understood: the address of a run, or its id.
pub enum Plain {
    /// An address in the portal.
    Address(String),
    /// An id.
    Id(Target),
}

/// The first address or id of a run in `text`.
#[must_use]
pub fn plain(text: &str) -> Option<Plain> {
    tokens(text).iter().find_map(|token| {
        if token.lower.starts_with("https://") || token.lower.starts_with("http://") {
            return from_address(&token.text).is_ok().then(|| Plain::Address(token.text.clone()));
        }
        let id = |prefix: &str| {
            let digits = token.lower.strip_prefix(&prefix.to_ascii_lowercase())?;
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| format!("{prefix}{digits}"))
        };
        id("ServerTasks-")
            .map(Target::Task)
            .or_else(|| id("RunbookRuns-").map(Target::RunbookRun))
            .or_else(|| id("Deployments-").map(Target::Deployment))
            .or_else(|| id("Releases-").map(Target::ReleaseId))
            .map(Plain::Id)
    })
}

/// Whether `text` speaks of runbooks at all.
pub(super) fn speaks_of_runbooks(text: &str) -> bool {
    tokens(text).iter().any(|token| names::label(&token.lower) == Some(Kind::Runbook))
}

/// Whether `text` may name one of `kind`, so that their names are worth asking for.
pub(super) fn may_name(text: &str, kind: Kind) -> bool {
    let tokens = tokens(text);
    match kind {
        Kind::Project | Kind::Environment => true,
        Kind::Runbook => speaks_of_runbooks(text),
        // A tenant stands after "for", or is a third name beside those of a project and an environment.
        Kind::Tenant => {
            let free = vec![false; tokens.len()];
            let says = |token: &Token| {
                !token.quoted && (token.lower == "for" || names::label(&token.lower) == Some(Kind::Tenant))
            };
            let begins = |at: usize| names::run(&tokens, at, &free).is_some_and(|run| run.start == at);
            let quoted = tokens.iter().filter(|token| token.quoted && !is_version(&token.text)).count();
            tokens.iter().any(says) || quoted + (0..tokens.len()).filter(|at| begins(*at)).count() > 2
        }
    }
}

/// The name that `text` gives beyond doubt as that of a project: quoted, and called one.
pub(super) fn surely(text: &str) -> Option<String> {
    let tokens = tokens(text);
    let is_one = |at: &usize| names::labelled(&tokens, *at, 1) == Some(Kind::Project);
    let quoted =
        (0..tokens.len()).filter(|at| tokens.get(*at).is_some_and(|token| token.quoted && !is_version(&token.text)));
    quoted.filter(is_one).find_map(|at| tokens.get(at)).map(|token| token.text.clone())
}

/// The phrases of `text` that look most like names, for a server that knows too many to list; the likeliest first.
pub(super) fn phrases(text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let nothing = vec![false; tokens.len()];
    let plain = |phrase: &str| !is_version(phrase) && phrase.chars().count() <= 100;
    let quoted = tokens.iter().filter(|token| token.quoted).map(|token| token.text.clone());
    let mut runs: Vec<_> = (0..tokens.len()).filter_map(|at| names::run(&tokens, at, &nothing)).collect();
    runs.dedup();
    runs.sort_by_key(|run| std::cmp::Reverse(run.len()));
    let runs = runs.into_iter().map(|run| names::spoken(&tokens, run));
    let bare =
        tokens.iter().filter(|token| !token.quoted && !names::is_common(&token.lower)).map(|token| token.text.clone());
    let mut all: Vec<String> = Vec::new();
    for phrase in quoted.chain(runs).chain(bare).filter(|phrase| plain(phrase)) {
        if !all.contains(&phrase) {
            all.push(phrase);
        }
    }
    all
}

/// What `text` asks about, given the names that the server knows and the asker's time.
pub(super) fn understand(text: &str, known: &Names, now: &Zoned) -> Result<Sought, Lost> {
    let tokens = tokens(text);
    let mut used = vec![false; tokens.len()];
    let mut sought = Sought::default();
    if let Some((when, words)) = when::find(&tokens, now).map_err(Lost::Unclear)? {
        words.into_iter().filter_map(|at| used.get_mut(at).map(|slot| *slot = true)).for_each(drop);
        sought.when = Some(when);
    }
    if let Some((step, at)) = step(&tokens) {
        used.iter_mut().skip(at).take(1).for_each(|slot| *slot = true);
        sought.step = Some(step);
    }
    let release = release(&tokens, &used);
    if let Some((version, at)) = release.as_ref().filter(|(_, at)| is_labelled(&tokens, *at)) {
        used.iter_mut().skip(*at).take(1).for_each(|slot| *slot = true);
        sought.release = Some(version.clone());
    }
    for found in names::find(&tokens, &used, &index(known)) {
        if let Some(name) = known.of(found.kind).get(found.index) {
            sought.set(found.kind, name);
            used.iter_mut().skip(found.start).take(found.len).for_each(|slot| *slot = true);
            if found.kind == Kind::Project && found.bare {
                missing::whole(&tokens, &found, known)?;
            }
        }
    }
    if sought.environment.is_none()
        && let Some((at, name)) = names::short(&tokens, &used, &known.environments)?
    {
        sought.environment = Some(name);
        used.iter_mut().skip(at).take(1).for_each(|slot| *slot = true);
    }
    // A name may hold what looks like a version; what is left of them is one.
    if sought.release.is_none()
        && let Some((version, at)) = self::release(&tokens, &used)
    {
        used.iter_mut().skip(at).take(1).for_each(|slot| *slot = true);
        sought.release = Some(version);
    }
    missing::missing(&tokens, &used, &sought, known).map_or(Ok(sought), Err)
}

/// Every name, by what counts when names are compared.
fn index(known: &Names) -> HashMap<String, Vec<(Kind, usize)>> {
    let mut index: HashMap<String, Vec<(Kind, usize)>> = HashMap::new();
    for kind in Kind::ALL {
        for (at, name) in known.of(kind).iter().enumerate() {
            for key in [&name.name, &name.slug, &name.id] {
                let key = squash(key);
                let rows = index.entry(key.clone()).or_default();
                if !key.is_empty() && !rows.contains(&(kind, at)) {
                    rows.push((kind, at));
                }
            }
        }
    }
    index
}

/// The version of a release that is asked about, and where it stands.
fn release(tokens: &[Token], used: &[bool]) -> Option<(String, usize)> {
    let free = |at: &usize| used.get(*at) == Some(&false);
    let version = |at: usize| {
        let token = tokens.get(at)?;
        let has_digit = token.text.chars().any(|c| c.is_ascii_digit());
        let one_word = !token.text.contains(char::is_whitespace);
        let labelled = has_digit && one_word && is_labelled(tokens, at);
        let fits = labelled || (is_version(&token.text) && !is_of_another(tokens, used, at));
        let text = token.text.strip_prefix(['v', 'V']).filter(|rest| is_version(rest)).unwrap_or(&token.text);
        fits.then(|| (text.to_owned(), at))
    };
    let labelled = (0..tokens.len()).filter(free).filter(|at| is_labelled(tokens, *at)).find_map(version);
    labelled.or_else(|| (0..tokens.len()).filter(free).find_map(version))
}

/// Whether the word before says that this is a release.
fn is_labelled(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    before.is_some_and(|word| {
        !word.quoted && !word.last && matches!(word.lower.as_str(), "release" | "version" | "build")
    })
}

/// Whether a version is that of a tool, a number with a fraction, or a network address, and so not that of a release.
fn is_of_another(tokens: &[Token], used: &[bool], at: usize) -> bool {
    const UNITS: &str = "s ms sec seconds min minutes hour hours days kb mb gb tb times x percent";
    const TOOLS: &str = "python node java dotnet net tls ssl http terraform helm kubernetes ip host address port";
    let is_one_of = |words: &str, word: &str| words.split(' ').any(|one| one == word);
    let Some(token) = tokens.get(at) else { return true };
    let before = at.checked_sub(1);
    if before.is_some_and(|before| used.get(before) == Some(&true)) || token.text.starts_with(['v', 'V']) {
        return false;
    }
    let is_tool = before
        .and_then(|before| tokens.get(before))
        .is_some_and(|word| !word.last && !word.quoted && (word.is_capital() || is_one_of(TOOLS, &word.squash)));
    let is_quantity = tokens.get(at + 1).is_some_and(|word| !token.last && is_one_of(UNITS, &word.lower));
    // With two numbers it is as likely anything else.
    let is_short = token.text.matches('.').count() == 1 && !token.text.contains(['-', '+']) && !token.quoted;
    is_tool || is_quantity || is_short
}

/// `1.2`, `v1.2.3-beta.4`, `0.1.1982+84df60a.2078.1`.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| !part.is_empty() && part.len() <= 12 && part.bytes().all(|byte| byte.is_ascii_digit());
    // 2026-02-10 is a date, and has no dot before its first hyphen.
    numbers.contains('.')
        && numbers.split('.').enumerate().all(|(at, part)| {
            is_number(part) || (at > 1 && part.bytes().all(|b| b.is_ascii_alphanumeric()) && !part.is_empty())
        })
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'_'))
}

/// The step that is asked about, and where its name begins. Only a quoted one, or a number: a bare name has no clear end.
fn step(tokens: &[Token]) -> Option<(String, usize)> {
    let is_label = |token: &Token| !token.quoted && matches!(token.lower.as_str(), "step" | "steps" | "action");
    let at = tokens.iter().position(is_label)?;
    let after = tokens.get(at + 1).filter(|_| !tokens.get(at).is_some_and(|label| label.last));
    let number = |token: &&Token| token.text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(token) = after.filter(|token| token.quoted || number(token)) {
        return Some((token.text.clone(), at + 1));
    }
    let before = at.checked_sub(1)?;
    tokens.get(before).filter(|token| token.quoted).map(|token| (token.text.clone(), before))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Table {
        now: String,
        servers: HashMap<String, Server>,
        question: Vec<Row>,
    }

    #[derive(Deserialize)]
    #[serde(default, deny_unknown_fields)]
    #[derive(Default)]
    struct Server {
        projects: Vec<String>,
        environments: Vec<String>,
        tenants: Vec<String>,
        runbooks: Vec<String>,
    }

    #[derive(Deserialize, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Row {
        ask: String,
        server: String,
        project: Option<String>,
        environment: Option<String>,
        tenant: Option<String>,
        runbook: Option<String>,
        release: Option<String>,
        step: Option<String>,
        when: Option<String>,
        plain: Option<String>,
        /// Kind, name as said, then what is offered.
        missing: Option<Vec<String>>,
        unclear: bool,
    }

    fn named(kind: &str, names: &[String]) -> Vec<Named> {
        let one = |(at, name): (usize, &String)| Named {
            id: format!("{kind}-{}", at + 1),
            name: name.clone(),
            slug: name.to_lowercase().replace([' ', '.'], "-"),
            ..Named::default()
        };
        names.iter().enumerate().map(one).collect()
    }

    fn check(row: &Row, known: &Names, now: &Zoned) {
        let shown = plain(&row.ask).map(|plain| match plain {
            Plain::Address(address) => address,
            Plain::Id(Target::Task(id) | Target::Deployment(id) | Target::RunbookRun(id) | Target::ReleaseId(id)) => id,
            Plain::Id(other) => format!("{other:?}"),
        });
        assert_eq!(shown, row.plain, "{}", row.ask);
        if row.plain.is_some() {
            return;
        }
        let sought = match understand(&row.ask, known, now) {
            Ok(sought) => sought,
            Err(Lost::Missing { kind, said, close, .. }) => {
                let told: Vec<String> = [kind.word().to_owned(), said].into_iter().chain(close).collect();
                assert_eq!(Some(told), row.missing, "{}", row.ask);
                return;
            }
            Err(Lost::Unclear(_)) => return assert!(row.unclear, "{}", row.ask),
        };
        assert!(!row.unclear && row.missing.is_none(), "{}: {sought:?}", row.ask);
        let name = |name: Option<&Named>| name.map(|name| name.name.clone());
        for (kind, expected) in Kind::ALL.into_iter().zip([&row.project, &row.environment, &row.tenant, &row.runbook]) {
            assert_eq!(name(sought.of(kind)), *expected, "{} of {}", kind.word(), row.ask);
        }
        assert_eq!(sought.release, row.release, "release of {}", row.ask);
        assert_eq!(sought.step, row.step, "step of {}", row.ask);
        assert_eq!(sought.when.map(|when| when.said), row.when, "when of {}", row.ask);
    }

    #[test]
    fn every_question_of_the_table_is_understood() {
        let table: Table = toml::from_str(include_str!("../../../../tests/questions.toml")).unwrap();
        let now: Zoned = table.now.parse().unwrap();
        assert!(table.question.len() >= 40);
        for row in &table.question {
            let server = table.servers.get(&row.server).unwrap_or_else(|| panic!("no server {}", row.server));
            let known = Names {
                projects: named("Projects", &server.projects),
                environments: named("Environments", &server.environments),
                tenants: named("Tenants", &server.tenants),
                runbooks: named("Runbooks", &server.runbooks),
            };
            check(row, &known, &now);
        }
    }

    #[test]
    fn what_no_person_asks_is_refused_in_plain_words() {
        assert_eq!(readable(" why \n did it\tfail? "), Ok("why did it fail?".to_owned()));
        assert!(readable(&"why ".repeat(25_000)).unwrap_err().contains("100000 characters, and at most 4000"));
        assert!(readable("why\u{1b}[31m").unwrap_err().contains("U+001B"));
        assert!(readable("why\u{202e}").unwrap_err().contains("U+202E"));
        assert!(readable(" ?! ").unwrap_err().contains("empty"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reading(text in "[a-zA-Z0-9 \"'`“”«»/.:+\\\\éßИ→🔥-]{0,80}") {
            let known = Names {
                projects: named("Projects", &["Shop".to_owned(), "Shop Web".to_owned(), "🔥".to_owned()]),
                environments: named("Environments", &["Live".to_owned(), String::new()]),
                ..Names::default()
            };
            let now: Zoned = "2026-02-11T09:30:00+00:00[UTC]".parse().unwrap();
            for text in [text.clone(), format!("why did {text} fail in {text} on {text}")] {
                let _ = (plain(&text), phrases(&text), surely(&text), readable(&text));
                if let Ok(sought) = understand(&text, &known, &now) {
                    // What is found is a name of the server and never words of the question.
                    assert!(sought.project.is_none_or(|found| known.projects.iter().any(|name| name.id == found.id)));
                }
            }
        }
    }

    #[test]
    fn only_what_may_be_named_is_asked_for() {
        let check = |text: &str, project: Option<&str>, tenant: bool| {
            assert_eq!(surely(text).as_deref(), project, "{text}");
            assert_eq!(may_name(text, Kind::Tenant), tenant, "{text}");
        };
        check("fix release \"1.2\" of the \"Shop\" project to the \"Live\" environment", Some("Shop"), false);
        check("fix \"Shop\" in \"Live\"", None, false);
        check("why did Shop fail in Live for Acme", None, true);
        check("why did Shop of Acme fail in Live", None, true);
    }

    #[test]
    fn the_likeliest_names_come_first() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(phrases(text).get(..expected.len()).unwrap(), expected, "{text}");
        };
        check("fix release \"1.2+3\" of the \"Octopus Copilot Function\" project", &["Octopus Copilot Function"]);
        check("why did Shop Web fail in Production", &["Shop Web", "Production"]);
        check("why did shop fail", &["shop"]);
    }

    #[test]
    fn a_long_question_on_a_large_server_is_read_in_no_time() {
        let names: Vec<String> = (0..5_000).map(|at| format!("Project {at} of many")).collect();
        let known = Names { projects: named("Projects", &names), ..Names::default() };
        let now: Zoned = "2026-02-11T09:30:00+00:00[UTC]".parse().unwrap();
        let text = format!("{} Project 4321 of many", "why oh why did it break and who broke it then ".repeat(80));
        assert_eq!(understand(&text, &known, &now).unwrap().project.unwrap().name, "Project 4321 of many");
        let typo = format!("{} project \"Prject 4321 of many\"", "why oh ".repeat(400));
        let Err(Lost::Missing { close, .. }) = understand(&typo, &known, &now) else { panic!("no such project") };
        assert_eq!(close.first().map(String::as_str), Some("Project 4321 of many"));
    }
}
