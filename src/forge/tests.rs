//! What an address means in each dialect, whom a link may lead to, and what is kept of what was told.

use super::told::{File, Status, details};
use super::*;

fn forges() -> Vec<Forge> {
    let named = |dialect: &str, address: &str| {
        let dialect = DIALECTS.iter().find(|one| one.name == dialect).unwrap();
        Forge { dialect, address: Url::parse(address).unwrap(), below: false, token: Some("t".to_owned()) }
    };
    let mut all = vec![
        named("gitlab", "https://git.example.com:8443/code/"),
        named("bitbucket", "https://bitbucket.example.com"),
        named("azure-devops", "https://tfs.example.com/tfs"),
        named("gitea", "http://git.example.org"),
    ];
    all.extend(DIALECTS.iter().flat_map(|dialect| Forge::public(dialect, None)));
    all
}

/// The dialect, host and thing that a link leads to.
fn check(link: &str, expected: &str) {
    let forges = forges();
    let found = find(&forges, link).map(|(forge, address, thing)| {
        let what = match thing.what {
            What::Commit(hash) => hash,
            What::Issue(number) => format!("issue {number}"),
            What::Merge(number) => format!("merge {number}"),
            What::File { path, commit } => format!("{path} at {commit}"),
        };
        format!("{} {} {} {what}", forge.dialect.name, address.host_str().unwrap(), thing.project.join(" | "))
    });
    assert_eq!(found.unwrap_or_default(), expected, "{link}");
}

#[test]
fn a_link_to_a_commit_or_work_item_is_read() {
    check("https://github.com/example/shop/commit/84DF60A1", "github github.com example | shop 84df60a1");
    check("https://github.com/example/shop.git/commit/84df60a", "github github.com example | shop 84df60a");
    check("https://github.com/example/shop/pull/7/commits/84df60a", "github github.com example | shop 84df60a");
    check("https://github.com/example/shop/pull/7", "github github.com example | shop merge 7");
    check("https://github.com/example/shop/issues/7#issuecomment-1", "github github.com example | shop issue 7");
    check("https://gitlab.com/a/b/shop/-/commit/84df60a", "gitlab gitlab.com a | b | shop 84df60a");
    check("https://gitlab.com/issues/shop/issues/3", "gitlab gitlab.com issues | shop issue 3");
    check("https://git.example.com:8443/code/a/shop/-/work_items/3", "gitlab git.example.com a | shop issue 3");
    check("https://gitlab.com/a/shop/-/merge_requests/3", "gitlab gitlab.com a | shop merge 3");
    check("https://bitbucket.org/ws/shop/commits/84df60a", "bitbucket bitbucket.org ws | shop 84df60a");
    check("https://bitbucket.org/ws/shop/pull-requests/3/diff", "bitbucket bitbucket.org ws | shop merge 3");
    check(
        "https://bitbucket.example.com/projects/SHOP/repos/web/commits/84df60a",
        "bitbucket bitbucket.example.com projects | SHOP | repos | web 84df60a",
    );
    check(
        "https://bitbucket.example.com/users/anna/repos/web/commits/84df60a",
        "bitbucket bitbucket.example.com projects | ~anna | repos | web 84df60a",
    );
    check(
        "https://dev.azure.com/org/My%20Shop/_git/web/commit/84df60a",
        "azure-devops dev.azure.com org | My Shop | web 84df60a",
    );
    check("https://org.visualstudio.com/Shop/_workitems/edit/42", "azure-devops org.visualstudio.com Shop issue 42");
    check(
        "https://tfs.example.com/tfs/All/Shop/_git/web/pullrequest/3",
        "azure-devops tfs.example.com All | Shop | web merge 3",
    );
    check("https://codeberg.org/anna/shop/commit/84df60a", "gitea codeberg.org anna | shop 84df60a");
    check("http://git.example.org/anna/shop/pulls/3", "gitea git.example.org anna | shop merge 3");
}

#[test]
fn a_link_to_any_other_host_or_with_odd_parts_is_left_alone() {
    for link in [
        "https://github.com.evil.example/a/b/commit/84df60a",
        "https://evil.example/github.com/a/b/commit/84df60a",
        "https://github.com@evil.example/a/b/commit/84df60a",
        "http://github.com/a/b/commit/84df60a",
        "https://github.com:8443/a/b/commit/84df60a",
        "https://git.example.com/code/a/shop/-/commit/84df60a",
        "https://git.example.com:8443/other/a/shop/-/commit/84df60a",
        "https://evil.visualstudio.com.example/Shop/_workitems/edit/42",
        "https://a.b.visualstudio.com/Shop/_workitems/edit/42",
        "https://visualstudio.com/Shop/_workitems/edit/42",
        "https://org.visualstudio.com:444/Shop/_workitems/edit/42",
        "http://127.0.0.1/a/b/commit/84df60a",
        "https://github.com/a/b/commit/main",
        "https://github.com/a/b/commit/84df60",
        "https://github.com/a/b%2F..%2Fc/commit/84df60a",
        "https://github.com/a/..%2f..%2fuser/commit/84df60a",
        "https://github.com/a/b%3Fx/commit/84df60a",
        "https://github.com/a/b/issues/0",
        "https://github.com/a/b/issues/1%2Fcomments",
        "https://github.com/a/b",
        "https://gitlab.com/shop/-/commit/84df60a",
        "https://dev.azure.com/org/a%2Fb/_git/web/commit/84df60a",
        "javascript:x",
        "no address",
    ] {
        check(link, "");
    }
}

#[test]
fn a_token_is_not_sent_where_it_could_be_read_on_the_way() {
    let check = |dialect: &str, address: &str, token: &str, expected: Option<&str>| {
        let dialect = DIALECTS.iter().find(|one| one.name == dialect).unwrap();
        let forge =
            Forge { dialect, address: Url::parse(address).unwrap(), below: false, token: Some(token.to_owned()) };
        assert_eq!(forge.proof().map(|(_, value)| value).as_deref(), expected, "{address}");
    };
    check("github", "https://github.com", "t", Some("Bearer t"));
    check("gitlab", "http://git.example.com", "t", None);
    check("gitlab", "http://127.0.0.1:1", "t", Some("Bearer t"));
    check("gitea", "https://git.example.com", "t", Some("token t"));
    check("gitea", "https://git.example.com", "t\r\nHost: evil", None);
    check("bitbucket", "https://bitbucket.org", "me:t", Some("Basic bWU6dA=="));
    check("bitbucket", "https://bitbucket.org", "t", Some("Bearer t"));
    check("azure-devops", "https://dev.azure.com", "pat", Some("Basic OnBhdA=="));
    check("azure-devops", "https://dev.azure.com", "eyJ0.eyJ1.s", Some("Bearer eyJ0.eyJ1.s"));
}

fn commit(files: Vec<File>) -> Told {
    Told { files, ..Told::commit("Sum up\n\nSo that it fits.", None, None) }
}

fn file(path: &str, hunks: &str) -> File {
    File { path: path.to_owned(), counts: Some((1, 1)), hunks: hunks.to_owned(), ..File::default() }
}

#[test]
fn what_was_told_is_message_files_and_patches() {
    let hunk = "@@ -1 +1 @@\n-a\n+b";
    let mut new = file("src/new.rs", hunk);
    new.status = Status::Added;
    let mut renamed = file("b.rs", "");
    renamed.before = Some("a.rs".to_owned());
    let told = commit(vec![file("yarn.lock", hunk), new, renamed]);
    assert_eq!(
        details("package Shop 1.2", &told, 64 << 10),
        "So that it fits.\n\npackage Shop 1.2\n\nFiles:\nyarn.lock +1 -1\nsrc/new.rs +1 -1 (new)\nb.rs +1 -1 (was a.rs)\n\n\
         --- /dev/null\n+++ b/src/new.rs\n@@ -1 +1 @@\n-a\n+b\n--- a/yarn.lock\n+++ b/yarn.lock\n@@ -1 +1 @@\n-a\n+b"
    );
    assert_eq!(details("So that it fits.", &commit(Vec::new()), 99), "So that it fits.");
    assert_eq!(details("So that", &commit(Vec::new()), 99), "So that it fits.");
    assert_eq!(details("", &Told::default(), 99), "");
}

#[test]
fn a_huge_diff_is_cut_at_a_lines_end_and_counted() {
    let long = format!("@@ -1,9999 +1,9999 @@\n{}", "+été\n".repeat(9_999));
    let told = commit((0..9).map(|number| file(&format!("{number}.rs"), &long)).collect());
    for most in [300, 20_000, 64 << 10] {
        let text = details("", &told, most);
        assert!(text.len() <= most + 80, "{} of {most}", text.len());
        assert!(text.lines().all(|line| !line.starts_with("+é") || line == "+été"), "{most}");
        assert!(text.contains(" not shown …") || text.contains(" more lines …"), "{most}");
    }
    assert!(details("", &told, 64 << 10).contains("more lines …\n--- a/1.rs"), "no file crowds out the others");
    let line = commit(vec![file("x.min.js", &format!("@@ -1 +1 @@\n+{}", "x".repeat(1 << 20)))]);
    assert!(details("", &line, 64 << 10).ends_with("@@ -1 +1 @@\n… 1 more line …"));
}

#[test]
fn the_patch_that_meets_the_evidence_comes_first() {
    let hunk = |text: &str| format!("@@ -1 +1 @@\n-a\n+{text}");
    let told = commit(vec![file("a.cs", &hunk("x")), file("src/Totals.cs", &hunk("y")), file("c.cs", &hunk("rates"))]);
    let text = details("", &told, KEPT);
    let order = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let text = told::with_first(&text, &words);
        let names = text.lines().filter_map(|line| line.strip_prefix("+++ b/")).map(str::to_owned);
        assert!(text.starts_with("So that it fits.\n\nFiles:\na.cs +1 -1\n"), "{text}");
        names.collect::<Vec<_>>()
    };
    assert_eq!(order(&[]), ["a.cs", "src/Totals.cs", "c.cs"]);
    assert_eq!(order(&["Totals.cs:line 42"]), ["src/Totals.cs", "a.cs", "c.cs"]);
    assert_eq!(order(&["Rates", "Totals.cs(4", "c.cs"]), ["c.cs", "src/Totals.cs", "a.cs"]);
    assert_eq!(told::with_first("no diff\n--- a/x", &["x".to_owned()]), "no diff\n--- a/x");
}

#[test]
fn half_a_key_in_a_diff_is_not_shown() {
    let line = format!("+{}\n", "Ab1".repeat(21));
    let text = details("", &commit(vec![file("notes.txt", &format!("@@ -1 +2 @@\n{line}{line}"))]), 64 << 10);
    assert!(text.contains("looks like a key") && !text.contains("Ab1"), "{text}");
}

#[test]
fn what_the_runs_own_host_said_stays_and_gaps_are_filled() {
    let told = Told {
        title: "Sum up".to_owned(),
        who: Some("Anna Example".to_owned()),
        when: "2026-03-12T09:00:00Z".parse().ok(),
        ..Told::default()
    };
    let check = |kind: ChangeKind, title: &str, started: &str, expected: (&str, bool)| {
        let mut change = Change {
            kind,
            title: title.to_owned(),
            before: None,
            after: None,
            details: None,
            step: None,
            who: None,
            when: None,
            url: None,
        };
        apply(&mut change, &told, &Run { started: started.parse().ok(), ..Run::default() }, KEPT);
        assert_eq!((&*change.title, change.when.is_some()), expected);
        assert_eq!(change.who.as_deref(), Some("Anna Example"));
    };
    let after = "2026-03-18T14:00:00Z";
    check(ChangeKind::Commit, "commit 84df60a", after, ("commit 84df60a Sum up", true));
    check(ChangeKind::Commit, "commit 84df60a Fix it", after, ("commit 84df60a Fix it", true));
    check(ChangeKind::Commit, "commit 84df60a", "2026-03-11T14:00:00Z", ("commit 84df60a Sum up", false));
    check(ChangeKind::WorkItem, "42", after, ("42 Sum up", false));
}

#[test]
fn without_a_token_few_are_asked_for_and_the_rest_is_counted() {
    let change = |number: usize| Change {
        kind: ChangeKind::Commit,
        title: String::new(),
        before: None,
        after: None,
        details: None,
        step: None,
        who: None,
        when: None,
        url: Some(format!("https://github.com/example/shop/commit/{number:07}")),
    };
    let changes: Vec<Change> = (0..40).map(change).collect();
    let mut choice = Choice { forges: forges(), ..Choice::default() };
    let count = |choice: &Choice| {
        let (jobs, left) = jobs(&changes, choice);
        (jobs.len(), left)
    };
    assert_eq!(count(&choice), (FEW, 40 - FEW));
    for forge in &mut choice.forges {
        forge.token = Some("t".to_owned());
    }
    assert_eq!(count(&choice), (MANY, 40 - MANY));
    choice.off = true;
    assert_eq!(count(&choice), (0, 0));
}
