//! The names in a text: hosts, paths, variables, packages, ports, versions; whole ones and the parts that stand for them.

use std::collections::HashSet;
use std::sync::LazyLock;

/// A longer run of such characters is data and no name.
const LONGEST: usize = 300;
/// A name of more parts is only read whole and part by part.
const MOST_PARTS: usize = 8;

/// Words of the field that stand in logs and changes of any sort and tell none from another, in order.
#[rustfmt::skip]
const COMMON: &str = "
    able access accessible account accounts action actions added after allowed already alter amd64 and another api app
    application applications arm64 attempt available because been before being bin branch build calls cannot
    certificate change changed changes check code com command commit completed configuration connect connection
    container containers could create created creating debug default delete deleted denied deploy deployed deploying
    deployment detail details dev directory dll does drop during enabled environment error errors etc exception exe
    execution exist exists exit exited expected expired fail failed failing fails failure false fatal file files
    finished folder for forbidden found from get grant hand have health home host hosts http https image images info
    information input insert into invalid items just key keys latest length lib line lines local log machine machines
    main make master md5 merge message minutes missing more name named names net none null number object octopus only
    operation opt org other output package packages password path permission permissions please port ports prd problem
    process production project providers push reason refused release remote remove removed request requested required
    resource resourcegroups response result retries retry return returned root run running script scripts seconds
    secret secrets select sensitive server service services set setting settings sha1 sha256 sha512 should shown some
    source sql src staging start started starting state status step steps string subscriptions succeeded success
    successfully summary system table target targets temp than that the their them then there this time timed timeout
    tmp token tokens true trying txt type types unable unexpected unhandled unknown update updated upgrade upgraded
    url used user users using usr value values var variable variables verbose version versions warn warning were when
    where which while will with within work worker workers would write www x64 xml yml your zip
";

static COMMON_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| COMMON.split_whitespace().collect());

/// Files that lie in every project of their sort.
#[rustfmt::skip]
const EVERYWHERE: &[&str] = &[
    "package.json", "package-lock.json", "composer.json", "requirements.txt", "pom.xml", "main.tf", "values.yaml",
    "chart.yaml", "web.config", "appsettings.json", "index.html", "setup.py", "pyproject.toml", "build.gradle",
    "docker-compose.yml", "deploy.sh", "deploy.ps1", "script.ps1", "script.sh",
];
/// A form that is a name by itself.
const NAME: f64 = 1.0;
/// The first or last parts of such a one.
const PART: f64 = 0.85;
/// What longer names have in common, such as a domain.
const JOINT: f64 = 0.84;
/// What the hosts of an organization share.
const DOMAIN: f64 = 0.45;
/// How domains end.
const DOMAINS: &[&str] =
    &["com", "net", "org", "io", "dev", "app", "cloud", "local", "lan", "corp", "internal", "example", "test"];
/// An ordinary word, which may be a name.
const WORD: f64 = 0.35;
/// A word in capitals.
const SHOUTED: f64 = 0.55;
/// A name too short to be one by itself.
const SHORT: f64 = 0.2;
/// A number with its unit, such as `10m`.
const AMOUNT: f64 = 0.15;

/// Whether a form is that of a name which stands only as a part of longer ones.
pub(super) fn is_joint(form: f64) -> bool {
    [JOINT, DOMAIN].iter().any(|joint| (form - joint).abs() < f64::EPSILON)
}

/// How two spellings of one name are told to be the same: `Api:Url`, `API_URL` and `api__url` are one.
pub(super) fn key(word: &str) -> String {
    if word.chars().any(char::is_alphabetic) {
        let mut key: String = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        // One and many are one name.
        if key.len() > 4 && key.ends_with('s') && !["ss", "us", "is"].iter().any(|end| key.ends_with(end)) {
            key.pop();
        }
        key
    } else {
        word.to_owned()
    }
}

/// Whether `line` holds `words`, not as a part of others. Both in lower case.
pub(super) fn says(line: &str, words: &str) -> bool {
    let goes_on = |one: Option<char>, other: Option<char>| {
        one.is_some_and(char::is_alphanumeric) && other.is_some_and(char::is_alphanumeric)
    };
    line.match_indices(words).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + words.len()..).and_then(|text| text.chars().next());
        !goes_on(before, words.chars().next()) && !goes_on(words.chars().next_back(), after)
    })
}

/// Calls `found` for each name in `text` with how much its form alone says that it is one, from 0 to 1.
pub(super) fn each<'a>(text: &'a str, mut found: impl FnMut(&'a str, f64)) {
    let bytes = text.as_bytes();
    let quote = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| b"'\"`".contains(byte));
    let mut start: usize = 0;
    for run in text.split_inclusive(|c: char| !c.is_alphanumeric() && !"_.-:/\\@".contains(c)) {
        let name = run.trim_end_matches(|c: char| !c.is_alphanumeric() && !"_.-:/\\@".contains(c));
        // In quotes before a colon stands what data calls its parts.
        let is_key =
            matches!(bytes.get(start + name.len() + 1..), Some([b':', next, ..]) if !next.is_ascii_whitespace());
        let quoted = quote(start.checked_sub(1)) && quote(Some(start + name.len())) && !is_key;
        start += run.len();
        if name.len() > LONGEST {
            continue;
        }
        scoped(name, &mut found);
        path(name, &mut found);
        for chunk in name.split(['/', '\\', '@']) {
            let chunk = trimmed(chunk);
            let parts: Vec<&str> = chunk.split(':').map(trimmed).filter(|part| !part.is_empty()).collect();
            if parts.len() > 1 && (chunk.contains(char::is_alphabetic) || chunk.contains('.')) {
                found(chunk, NAME);
            }
            let of_many = parts.len() > 1;
            for part in parts {
                if of_many {
                    short(part, &mut found);
                }
                compound(part, quoted, &mut found);
            }
        }
    }
}

/// Calls `found` for each two words of `text` that stand beside each other and could be one name, such as `VAT id`.
pub(super) fn pairs<'a>(text: &'a str, mut found: impl FnMut(&'a str)) {
    let mut before: Option<usize> = None;
    let mut start = 0;
    for word in text.split_inclusive(' ') {
        let end = start + word.trim_end().len();
        if let Some(pair) = before.and_then(|before| text.get(before..end)).filter(|pair| pair.len() > 4) {
            found(pair);
        }
        let is_word = !word.trim_end().is_empty() && word.trim_end().chars().all(char::is_alphanumeric);
        before = is_word.then_some(start);
        start += word.len();
    }
}

/// Packages in a scope, such as `@example/pricing`, wherever they stand in a path or a version behind them.
fn scoped<'a>(text: &'a str, found: &mut impl FnMut(&'a str, f64)) {
    for (at, _) in text.match_indices('@') {
        let Some(rest) = text.get(at + 1..) else { continue };
        let mut parts = rest.split('/');
        let (Some(scope), Some(name)) = (parts.next(), parts.next()) else { continue };
        let name = name.split([':', '@']).next().unwrap_or_default();
        let is_name =
            |part: &str| part.len() > 1 && !part.contains([':', '@', '\\']) && part.contains(char::is_alphabetic);
        if is_name(scope) && is_name(name) {
            found(rest.get(..scope.len() + 1 + name.len()).unwrap_or_default(), NAME);
        }
    }
}

/// A path, whole and without its beginning: where one says `./build`, another says the whole way to it.
fn path<'a>(text: &'a str, found: &mut impl FnMut(&'a str, f64)) {
    let is_begun = text.starts_with(['/', '\\', '.']);
    let text = trimmed(text);
    let cuts: Vec<usize> = text.match_indices(['/', '\\']).map(|(at, _)| at).collect();
    if cuts.len() >= MOST_PARTS || text.contains("//") {
        return;
    }
    let is_path = |part: &str| part.contains(['/', '\\']) && part.split(['/', '\\']).all(|one| one.len() > 1);
    if is_path(text) && text.contains(char::is_alphabetic) {
        // A kind of content and `and/or` look alike.
        found(text, if is_begun || cuts.len() > 1 { PART } else { WORD });
        // Who names the folder of a file means what is in it.
        if let Some((folder, file)) = cuts.last().map(|cut| text.split_at(*cut))
            && file.contains('.')
            && is_path(folder)
        {
            found(folder, PART * 0.8);
        }
        // Two folders of a longer way are the same only by chance.
        for cut in cuts.iter().take(cuts.len().saturating_sub(2)) {
            found(trimmed(text.split_at(*cut).1), PART * 0.8);
        }
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphanumeric())
}

fn compound<'a>(text: &'a str, quoted: bool, found: &mut impl FnMut(&'a str, f64)) {
    let cuts: Vec<usize> = text.match_indices(['.', '_', '-']).map(|(at, _)| at).collect();
    if cuts.is_empty() {
        return single(text, if quoted { 0.9 } else { WORD }, found);
    }
    let is_number = !text.contains(char::is_alphabetic);
    let whole = match (is_number, cuts.len()) {
        // A date, a span of time.
        (true, _) if text.contains(['-', '_']) => 0.0,
        (true, 1) => 0.2,
        (true, _) => 0.8,
        // All hosts of an organization share its domain.
        _ if cuts.len() == 1 && text.rsplit_once('.').is_some_and(|(_, end)| DOMAINS.contains(&end)) => JOINT,
        _ if EVERYWHERE.contains(&&*text.to_lowercase()) => 0.5,
        // A version with a word in it.
        _ if text.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) && !is_numbered(text) => 0.8,
        _ => NAME,
    };
    if whole > 0.0 {
        found(text, whole);
    }
    if is_number {
        // `1.4` is any version of that line.
        if let (3.., 2, Some(cut)) = (text.len(), cuts.len(), cuts.last().filter(|_| text.contains('.'))) {
            found(text.split_at(*cut).0, 0.5);
        }
        return;
    }
    // The end of a version is none.
    if cuts.len() < MOST_PARTS && whole >= NAME {
        let (first, last) = (cuts.first().copied(), cuts.last().copied());
        for &cut in &cuts {
            let (before, after) = text.split_at(cut);
            for (part, single) in [(before, Some(cut) == first), (after, Some(cut) == last)] {
                let part = trimmed(part);
                if !single && part.contains(char::is_alphabetic) && part.contains(['.', '_', '-']) {
                    let is_domain = part.len() < text.len()
                        && text.ends_with(part)
                        && text.rsplit_once('.').is_some_and(|(_, end)| DOMAINS.contains(&end));
                    found(part, if is_domain { DOMAIN } else { JOINT });
                }
            }
        }
    }
    for part in text.split(['.', '_', '-']).filter(|part| part.contains(char::is_alphabetic)) {
        short(part, found);
        single(part, WORD * 0.8, found);
    }
}

/// Whether `text` begins with a number of its own, as files of migrations do: `0057_portrait.py`.
fn is_numbered(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(digits..).is_some_and(|rest| rest.starts_with('_'))
}

/// Three letters between signs, such as `cdn`, are a name rather than an article.
fn short<'a>(part: &'a str, found: &mut impl FnMut(&'a str, f64)) {
    if part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_alphabetic()) && !is_common(part) {
        found(part, SHORT);
    }
}

/// A word without any sign in it; `plain` is what an ordinary one weighs.
fn single<'a>(word: &'a str, plain: f64, found: &mut impl FnMut(&'a str, f64)) {
    let count = word.chars().count();
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    if digits == word.len() {
        let year = count == 4 && (word.starts_with("19") || word.starts_with("20"));
        if (4..=12).contains(&count) && !year {
            found(word, 0.6);
        }
        return;
    }
    if is_common(word) {
        return;
    }
    let cuts = cuts(word);
    let hump = |from: usize, to: usize| word.get(*cuts.get(from)?..*cuts.get(to)?);
    let humps = cuts.len() - 1;
    let is_amount = digits > 0 && count - digits < 3 && word.bytes().take(digits).all(|byte| byte.is_ascii_digit());
    let weight = match count {
        _ if is_amount => AMOUNT,
        _ if digits > 0 && count > 2 => 0.7,
        _ if humps > 1 && count > 4 => plain.max(0.8),
        // Who shouts a word means that very word, such as a command of a protocol.
        _ if count > 4 && word.bytes().all(|byte| byte.is_ascii_uppercase()) => plain.max(SHOUTED),
        ..3 => 0.0,
        // `SKU`, `TTL`.
        3 if word.bytes().all(|byte| byte.is_ascii_uppercase()) => plain.max(SHORT),
        3 if plain <= WORD => 0.0,
        3 | 4 => plain * 0.6,
        _ => plain,
    };
    if weight > 0.0 {
        found(word, weight);
    }
    let is_word = |hump: &&str| hump.chars().count() > 4 && !is_common(hump);
    for at in 0..if humps > 1 { humps } else { 0 } {
        if let Some(hump) = hump(at, at + 1).filter(is_word) {
            found(hump, WORD * 0.8);
        } else if let Some(hump) = hump(at, at + 1) {
            short(hump, found);
        }
        // `StartTls` of `UseStartTls` is what others write as one word.
        for end in (at + 2..=humps).filter(|end| end - at < humps) {
            if let Some(joined) = hump(at, end).filter(is_word) {
                found(joined, WORD);
            }
        }
    }
}

/// Whether a word is more than a number and an ordinary word of the field.
pub(super) fn is_one(word: &str) -> bool {
    word.contains(char::is_alphabetic) && !is_common(word)
}

pub(super) fn is_common(word: &str) -> bool {
    COMMON_WORDS.contains(&*word.to_lowercase())
}

/// The words of a word such as `SqlConnection`.
pub(super) fn humps(word: &str) -> impl Iterator<Item = &str> {
    let cuts = cuts(word);
    (1..cuts.len()).filter_map(move |at| word.get(*cuts.get(at - 1)?..*cuts.get(at)?))
}

/// Where the words of a word such as `SqlConnection` begin, and its end.
fn cuts(word: &str) -> Vec<usize> {
    let mut cuts = vec![0];
    let mut lower = false;
    for (at, c) in word.char_indices() {
        if lower && c.is_uppercase() {
            cuts.push(at);
        }
        lower = c.is_lowercase() || c.is_ascii_digit();
    }
    cuts.push(word.len());
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of `text` that weigh as much as one, or all words with `least` 0.
    fn check(text: &str, least: f64, expected: &[&str]) {
        let mut names = Vec::new();
        each(text, |word, weight| {
            if weight >= least && !names.contains(&word) {
                names.push(word);
            }
        });
        assert_eq!(names, expected, "{text}");
    }

    #[test]
    fn names_are_told_by_their_form() {
        check("GET https://ghcr.io/v2/aquasecurity/trivy-db: no", 0.8, &["ghcr.io", "trivy-db"]);
        check("relation \"customers\" does not exist", 0.8, &["customers"]);
        check(
            "at Shop.Web.Startup in C:\\src\\Startup.cs:line 42",
            0.8,
            &[
                "Shop.Web.Startup",
                "Web.Startup",
                "Shop.Web",
                "C:\\src\\Startup.cs:line",
                "Startup.cs:line",
                "Startup.cs",
            ],
        );
        check("connect ECONNREFUSED 10.0.0.5:5433", 0.5, &["ECONNREFUSED", "10.0.0.5:5433", "10.0.0.5", "5433"]);
        check("the variable Api:Url is $env:API_URL", 0.8, &["Api:Url", "env:API_URL", "API_URL"]);
    }

    #[test]
    fn words_that_others_write_as_one_are_found_in_a_longer_one() {
        check("UseStartTls", 0.35, &["UseStartTls", "UseStart", "StartTls"]);
        assert_eq!(key("StartTls"), key("STARTTLS"));
    }

    #[test]
    fn a_path_is_a_name_and_so_is_its_end() {
        check("no such file: /srv/uploads/incoming", 0.8, &["srv/uploads/incoming"]);
        check("/opt/build/static/assets", 0.6, &["opt/build/static/assets", "build/static/assets"]);
        check("./build/static/assets/", 0.6, &["build/static/assets"]);
        check("and/or", 0.5, &[]);
    }

    #[test]
    fn three_letters_are_a_name_between_signs_only() {
        check("Cdn:Zone of the crm", 0.0, &["Cdn:Zone", "Cdn", "Zone"]);
    }

    #[test]
    fn times_and_common_words_are_no_names() {
        check("2026-02-10 03:12:44 the step failed with exit code 1", 0.0, &[]);
    }

    #[test]
    fn spellings_of_one_name_have_one_key() {
        for word in ["Api:Url", "API_URL", "api__url", "ApiUrl"] {
            assert_eq!(key(word), "apiurl");
        }
        assert_ne!(key("1.2.3"), key("12.3"));
    }

    #[test]
    fn the_common_words_are_in_order() {
        assert!(COMMON.split_whitespace().is_sorted());
    }
}
