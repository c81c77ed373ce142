//! What TeamCity's REST API answers: the fields we ask for. Missing ones and nulls are survived.
//!
//! Source: the public reference of the REST API, `Build`, `Change`, `ProblemOccurrence` and `TestOccurrence`.

use jiff::Timestamp;
use serde::Deserialize;

/// The fields of a build that we ask for.
pub(super) const BUILD: &str = "id,number,status,statusText,webUrl,branchName,defaultBranch,startDate,finishDate,\
                                buildType(id,name,projectName),revisions(revision(version)),\
                                problemOccurrences(problemOccurrence(type,details))";
/// The same of its commits.
pub(super) const CHANGES: &str =
    "id,changes(change(id,version,username,date,comment,webUrl,files(file(file,relative-file))))";

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Build {
    pub(super) id: u64,
    pub(super) number: Option<String>,
    pub(super) status: Option<String>,
    pub(super) status_text: Option<String>,
    pub(super) web_url: Option<String>,
    pub(super) branch_name: Option<String>,
    pub(super) default_branch: Option<bool>,
    pub(super) start_date: Option<String>,
    pub(super) finish_date: Option<String>,
    pub(super) build_type: Option<BuildType>,
    pub(super) revisions: Option<Revisions>,
    pub(super) problem_occurrences: Option<Problems>,
    pub(super) changes: Option<Changes>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Builds {
    pub(super) build: Option<Vec<Build>>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BuildType {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) project_name: Option<String>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Revisions {
    pub(super) revision: Option<Vec<Revision>>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Revision {
    pub(super) version: Option<String>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Problems {
    pub(super) problem_occurrence: Option<Vec<Problem>>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    pub(super) details: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Tests {
    pub(super) test_occurrence: Option<Vec<Test>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Test {
    pub(super) name: Option<String>,
    pub(super) details: Option<String>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Changes {
    pub(super) change: Option<Vec<Change>>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) id: u64,
    pub(super) version: Option<String>,
    pub(super) username: Option<String>,
    pub(super) date: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) web_url: Option<String>,
    pub(super) files: Option<Files>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct Files {
    pub(super) file: Option<Vec<File>>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct File {
    pub(super) file: Option<String>,
    #[serde(rename = "relative-file")]
    pub(super) relative: Option<String>,
}

impl Build {
    pub(super) fn commit(&self) -> Option<String> {
        self.revisions.as_ref()?.revision.as_ref()?.first()?.version.clone()
    }

    /// What the server says that went wrong.
    pub(super) fn problems(&self) -> impl Iterator<Item = &str> {
        let problems = self.problem_occurrences.iter().flat_map(|all| all.problem_occurrence.iter().flatten());
        problems.filter_map(|problem| problem.details.as_deref()).filter(|details| !details.trim().is_empty())
    }
}

/// A time as this API writes it: `20260210T031144+0000`.
pub(super) fn time(text: Option<&str>) -> Option<Timestamp> {
    Timestamp::strptime("%Y%m%dT%H%M%S%z", text?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_zone() {
        assert_eq!(time(Some("20240905T151059+0200")), "2024-09-05T13:10:59Z".parse().ok());
        assert_eq!(time(Some("yesterday")), None);
    }
}
