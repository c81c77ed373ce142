//! The settings of hosts of commits and work items, made sense of: who is asked, and which token goes where.

use url::Url;

use super::Merged;
use crate::error::Error;
use crate::forge::issues::is_repository;
use crate::forge::{Choice, DIALECTS, Dialect, Forge, Issues};

impl Merged {
    /// Whom to ask for commits, work items and issues.
    pub(super) fn forges(&self) -> Result<Choice, Error> {
        let issues = match self.text("issues").as_deref() {
            None => None,
            Some("auto") => Some(Issues::OfTheCommits),
            Some(name) if is_repository(name) => Some(Issues::In(name.to_owned())),
            Some(_) => return Err(self.wrong("issues", "OWNER/REPO, or auto for the repository of the commits")),
        };
        let mut named: Vec<Forge> = Vec::new();
        let given = self.text("forge").unwrap_or_default();
        for one in given.split([',', ' ']).filter(|one| !one.is_empty()) {
            let (dialect, address) = self.forge(one)?;
            // A token belongs to one host: the first that is named for its kind.
            let first = named.iter().all(|other| other.dialect.name != dialect.name);
            let token = self.forge_token(dialect).filter(|(_, theirs)| first && !theirs).map(|(token, _)| token);
            named.push(Forge { dialect, address, below: false, token });
        }
        let public: Vec<Forge> = DIALECTS
            .iter()
            .flat_map(|dialect| {
                let is_named = named.iter().any(|forge| forge.dialect.name == dialect.name);
                let token = self.forge_token(dialect).filter(|(_, theirs)| *theirs || !is_named);
                let token = token.filter(|_| dialect.one_service).map(|(token, _)| token);
                Forge::public(dialect, token.as_ref()).collect::<Vec<_>>()
            })
            .collect();
        named.extend(public);
        Ok(Choice { off: self.is_on("no-forge"), forges: named, issues })
    }

    fn forge(&self, text: &str) -> Result<(&'static Dialect, Url), Error> {
        let kinds = || DIALECTS.iter().map(|dialect| dialect.name).collect::<Vec<_>>().join(", ");
        let wrong = || self.wrong("forge", &format!("KIND=https://HOST, with a kind of {}", kinds()));
        let (kind, address) = text.split_once('=').ok_or_else(wrong)?;
        let dialect = DIALECTS.iter().find(|dialect| dialect.name == kind.to_ascii_lowercase()).ok_or_else(wrong)?;
        let url = Url::parse(address).ok().filter(|url| {
            let is_bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
            matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare
        });
        Ok((dialect, url.ok_or_else(wrong)?))
    }

    /// The token for hosts of a kind, and whether it comes from a variable that other programs use for the public host.
    fn forge_token(&self, dialect: &Dialect) -> Option<(String, bool)> {
        let name = format!("{}-token", dialect.name);
        let given = self.values.get(name.as_str()).filter(|given| !given.value.is_empty())?;
        let ours = given.from.strip_prefix("variable ").is_none_or(|name| name == dialect.token);
        Some((given.value.clone(), !ours))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::merge;

    fn choice(variables: &[(&str, &str)]) -> Result<super::Choice, String> {
        let env: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        merge(&BTreeMap::new(), &env).unwrap().forges().map_err(|error| error.to_string())
    }

    /// The hosts that have a token, and which.
    fn check(variables: &[(&str, &str)], expected: &[&str]) {
        let choice = choice(variables).unwrap();
        let told = choice.forges.iter().filter_map(|forge| Some((forge.address.host_str()?, forge.token.as_ref()?)));
        let told: Vec<String> = told.map(|(host, token)| format!("{host} {token}")).collect();
        assert_eq!(told, expected, "{variables:?}");
    }

    #[test]
    fn a_token_goes_to_the_named_host_else_to_the_public_one() {
        check(&[], &[]);
        check(&[("FIREFIGHTER_GITLAB_TOKEN", "t")], &["gitlab.com t"]);
        let two = "gitlab=https://git.example.com,gitlab=https://other.example.com";
        check(&[("FIREFIGHTER_GITLAB_TOKEN", "t"), ("FIREFIGHTER_FORGE", two)], &["git.example.com t"]);
        check(&[("FIREFIGHTER_AZURE_DEVOPS_TOKEN", "t")], &["dev.azure.com t", "visualstudio.com t"]);
    }

    #[test]
    fn what_other_programs_call_theirs_goes_to_the_public_host_alone() {
        let own = ("FIREFIGHTER_FORGE", "github=https://git.example.com");
        check(&[("GITHUB_TOKEN", "t"), own], &["github.com t"]);
        check(&[("GITHUB_TOKEN", "t"), ("FIREFIGHTER_GITHUB_TOKEN", "o"), own], &["git.example.com o"]);
    }

    #[test]
    fn a_token_for_a_kind_of_many_owners_needs_a_name() {
        check(&[("FIREFIGHTER_GITEA_TOKEN", "t")], &[]);
        let named = ("FIREFIGHTER_FORGE", "gitea=https://codeberg.org");
        check(&[("FIREFIGHTER_GITEA_TOKEN", "t"), named], &["codeberg.org t"]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let wrong = |name: &str, value: &str, expected: &str| {
            let message = choice(&[(name, value)]).err().unwrap_or_default();
            assert!(message.contains(expected), "{value}: {message}");
        };
        for value in ["git.example.com", "svn=https://git.example.com", "gitlab=git.example.com", "gitea=https://u:p@h"]
        {
            wrong("FIREFIGHTER_FORGE", value, "KIND=https://HOST");
        }
        for value in ["shop", "a/b/c", "../x", "a/b c"] {
            wrong("FIREFIGHTER_ISSUES", value, "OWNER/REPO");
        }
        assert!(choice(&[("FIREFIGHTER_ISSUES", "auto")]).unwrap().issues.is_some());
    }
}
