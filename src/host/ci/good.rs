//! The last good run of a build server, asked for beside the logs of the failed one, and what came since.

use std::thread;

use crate::model::{Baseline, Change, Incident, Note};

use super::api::Trouble;
use super::note;

/// What is known of the last good run.
pub(super) struct Good {
    pub(super) baseline: Baseline,
    pub(super) changes: Vec<Change>,
    pub(super) notes: Vec<Note>,
}

/// Adds to `incident` what is known of the last good run; what could not be had costs a note that calls it `what`.
pub(super) fn compare(incident: &mut Incident, good: Result<Option<Good>, Trouble>, what: &str, notes: &mut Vec<Note>) {
    match good {
        Ok(Some(good)) => {
            incident.changes = good.changes;
            incident.baseline = Some(good.baseline);
            notes.extend(good.notes);
        }
        Ok(None) => {}
        Err(trouble) => notes.push(note(format!("{what}: {trouble}"))),
    }
}

/// Asks for what `log` brings of each of `jobs` and for what `good` brings, all side by side.
pub(super) fn side_by_side<J: Sync, L: Send, G: Send>(
    jobs: &[J],
    log: impl Fn(&J) -> Result<L, Trouble> + Sync,
    good: impl FnOnce() -> Result<Option<G>, Trouble> + Send,
) -> (Vec<Result<L, Trouble>>, Result<Option<G>, Trouble>) {
    thread::scope(|scope| {
        let (good, log) = (scope.spawn(good), &log);
        let logs: Vec<_> = jobs.iter().map(|job| scope.spawn(move || log(job))).collect();
        let logs = logs.into_iter().map(|log| log.join().unwrap_or(Err(Trouble::Enough))).collect();
        (logs, good.join().unwrap_or(Ok(None)))
    })
}

/// Whether `hash` is one, and no name such as `HEAD`.
pub(super) fn is_hash(hash: &str) -> bool {
    hash.len() >= 7 && hash.chars().all(|c| c.is_ascii_hexdigit())
}

/// Where a repository is looked at, from the address it is cloned from: `git@host:owner/repo.git`, or with a scheme.
pub(super) fn page(clone: &str) -> Option<String> {
    let (host, path) = match clone.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?,
        None => clone.split_once(':')?,
    };
    let host = host.rsplit('@').next()?.split(':').next()?;
    let path = path.trim_matches('/').trim_end_matches(".git");
    (!host.is_empty() && path.contains('/')).then(|| format!("https://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_a_page() {
        let check = |clone: &str, expected: Option<&str>| assert_eq!(page(clone).as_deref(), expected, "{clone}");
        check("git@github.com:acme/shop.git", Some("https://github.com/acme/shop"));
        check("https://me:secret@github.com/acme/shop.git", Some("https://github.com/acme/shop"));
        check("ssh://git@git.example.com:2222/acme/shop", Some("https://git.example.com/acme/shop"));
        check("/srv/git/shop.git", None);
        check("shop", None);
    }
}
