//! What differs between two versions of a set of variables. A value that is sensitive in either is never told.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::{Change, ChangeKind};

use super::super::wire::{Variable, VariableSet};
use super::{change, cleaned, unified};

const SENSITIVE: &str = "sensitive: the value is not shown";

/// Where the run went: what is scoped to elsewhere only has no part in it.
pub(super) struct Place<'a> {
    pub(super) environment: &'a str,
    pub(super) channel: &'a str,
    /// The library set, in words; empty for the project's own variables.
    pub(super) library: String,
}

/// Everything that differs and could matter in `place`.
pub(super) fn compare(now: &VariableSet, before: &VariableSet, place: &Place) -> Vec<Change> {
    let names: BTreeSet<&str> = now.variables.iter().chain(&before.variables).map(|one| one.name.as_str()).collect();
    let hidden: BTreeSet<&str> = now
        .variables
        .iter()
        .chain(&before.variables)
        .filter(|one| is_sensitive(one))
        .map(|one| one.name.as_str())
        .collect();
    let words = Words { now, before, place };
    let mut found: Vec<Change> = Vec::new();
    for name in names {
        let of = |set: &VariableSet| -> Vec<Variable> {
            set.variables.iter().filter(|one| one.name == name).cloned().collect()
        };
        found.extend(of_name(of(now), of(before), hidden.contains(name), &words));
    }
    if found.is_empty() && now.version != before.version && !hidden.is_empty() && look_alike(now, before) {
        found.push(words.perhaps(&hidden));
    }
    found
}

/// What one and the same set says in `place` and in another environment.
pub(super) fn elsewhere(set: &VariableSet, place: &Place, other: &str) -> Vec<Change> {
    let words = Words { now: set, before: set, place };
    // What is scoped by anything else as well may apply in neither place.
    let in_environment = |name: &str, environment: &str| {
        let all = || set.variables.iter().filter(|one| one.name == name);
        let there = |one: &&Variable| {
            scope(one).iter().all(|(kind, values)| kind == "Environment" && values.iter().any(|id| id == environment))
        };
        all().filter(|one| !scope(one).is_empty()).find(there).or_else(|| all().find(there))
    };
    let names: BTreeSet<&str> = set.variables.iter().map(|one| one.name.as_str()).collect();
    let mut found = Vec::new();
    for name in names {
        let (here, there) = (in_environment(name, place.environment), in_environment(name, other));
        if here.map(|one| (&one.id, &one.value)) == there.map(|one| (&one.id, &one.value)) {
            continue;
        }
        let mut one = words.named("variable", name);
        one.title.push_str(&format!(", {} instead of {}", words.name(place.environment), words.name(other)));
        if set.variables.iter().any(|one| one.name == name && is_sensitive(one)) {
            one.details = Some(SENSITIVE.to_owned());
        } else {
            one.after = here.and_then(|one| one.value.clone());
            one.before = there.and_then(|one| one.value.clone());
            if one.after == one.before {
                continue;
            }
        }
        found.push(one);
    }
    found
}

/// What was typed in for prompted variables of `set`, by their ids, where that differs between two runs.
pub(super) fn typed(set: &VariableSet, now: &BTreeMap<String, Value>, before: &BTreeMap<String, Value>) -> Vec<Change> {
    let asked = set.variables.iter().filter(|one| now.get(&one.id) != before.get(&one.id));
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    asked
        .map(|variable| {
            let title = format!("value typed in for variable {}", cleaned(&variable.name));
            let one = change(ChangeKind::Variable, title);
            let alike = set.variables.iter().filter(|other| other.name == variable.name);
            if alike.into_iter().any(is_sensitive) {
                return Change { details: Some(SENSITIVE.to_owned()), ..one };
            }
            Change { before: text(before.get(&variable.id)), after: text(now.get(&variable.id)), ..one }
        })
        .collect()
}

fn is_sensitive(variable: &Variable) -> bool {
    variable.is_sensitive || variable.r#type == "Sensitive"
}

/// Whether the sets are the same as far as they may be seen.
fn look_alike(now: &VariableSet, before: &VariableSet) -> bool {
    let shape = |set: &VariableSet| -> BTreeSet<_> {
        set.variables.iter().map(|one| (one.name.clone(), one.value.clone(), scope(one))).collect()
    };
    shape(now) == shape(before)
}

fn scope(variable: &Variable) -> BTreeMap<String, Vec<String>> {
    let mut scope = variable.scope.clone();
    scope.retain(|_, values| !values.is_empty());
    for values in scope.values_mut() {
        values.sort_unstable();
    }
    scope
}

/// The changes of one name: first what stands in the same scope, then what kept its id or value, then the only one left.
fn of_name(mut now: Vec<Variable>, mut before: Vec<Variable>, hidden: bool, words: &Words) -> Vec<Change> {
    let mut found = Vec::new();
    let rules: [fn(&Variable, &Variable) -> bool; 3] = [
        |a, b| scope(a) == scope(b),
        |a, b| !a.id.is_empty() && a.id == b.id,
        |a, b| a.value.is_some() && a.value == b.value,
    ];
    let mut pairs = Vec::new();
    for same in rules {
        let mut left = Vec::new();
        for variable in now {
            match before.iter().position(|was| same(&variable, was)) {
                Some(at) => pairs.push((variable, before.remove(at))),
                None => left.push(variable),
            }
        }
        now = left;
    }
    if now.len() == 1 && before.len() == 1 {
        pairs.extend(now.drain(..).zip(before.drain(..)));
    }
    for (variable, was) in pairs.iter().filter(|(a, b)| words.matters(a) || words.matters(b)) {
        found.extend(words.differs(variable, was, hidden));
    }
    for (list, is_new) in [(now, true), (before, false)] {
        for variable in list.iter().filter(|one| words.matters(one)) {
            found.push(words.whole(variable, is_new, hidden));
        }
    }
    found
}

/// What is needed to tell of variables.
struct Words<'a> {
    now: &'a VariableSet,
    before: &'a VariableSet,
    place: &'a Place<'a>,
}

impl Words<'_> {
    fn matters(&self, variable: &Variable) -> bool {
        let applies = |kind: &str, id: &str| {
            let values = variable.scope.get(kind).map(Vec::as_slice).unwrap_or_default();
            values.is_empty() || id.is_empty() || values.iter().any(|value| value == id)
        };
        applies("Environment", self.place.environment) && applies("Channel", self.place.channel)
    }

    fn name(&self, id: &str) -> String {
        let named = [self.now, self.before].into_iter().flat_map(|set| set.scope_values.values().flatten());
        let found = named.into_iter().find(|one| one.id == id).map(|one| one.name.as_str());
        cleaned(found.filter(|name| !name.is_empty()).unwrap_or(id))
    }

    fn scope(&self, variable: &Variable) -> String {
        let parts: Vec<String> = scope(variable).values().flatten().map(|id| self.name(id)).collect();
        if parts.is_empty() { "everywhere".to_owned() } else { parts.join(", ") }
    }

    fn named(&self, what: &str, name: &str) -> Change {
        let library = &self.place.library;
        let of = if library.is_empty() { String::new() } else { format!(" of {library}") };
        change(ChangeKind::Variable, format!("{what} {}{of}", cleaned(name)))
    }

    /// The only step that a variable is for.
    fn step(&self, variable: &Variable) -> Option<String> {
        match variable.scope.get("Action").map(Vec::as_slice) {
            Some([only]) => Some(self.name(only)).filter(|name| name != only),
            _ => None,
        }
    }

    fn differs(&self, variable: &Variable, was: &Variable, hidden: bool) -> Vec<Change> {
        let mut found = Vec::new();
        let (after, before) = (self.scope(variable), self.scope(was));
        // Of a sensitive value nothing is told but that its entry was made anew.
        let anew = hidden && !variable.id.is_empty() && !was.id.is_empty() && variable.id != was.id;
        if variable.value != was.value || variable.r#type != was.r#type || anew {
            let mut one = self.named("variable", &variable.name);
            if !scope(variable).is_empty() && after == before {
                one.title.push_str(&format!(" for {after}"));
            }
            one.step = self.step(variable);
            if hidden {
                one.details = Some(SENSITIVE.to_owned());
            } else {
                let (now, then) =
                    (variable.value.as_deref().unwrap_or_default(), was.value.as_deref().unwrap_or_default());
                if now.contains('\n') && then.contains('\n') {
                    one.details = unified("value", &ended(then), &ended(now));
                } else {
                    one.before.clone_from(&was.value);
                    one.after.clone_from(&variable.value);
                }
            }
            found.push(one);
        }
        if scope(variable) != scope(was) {
            let mut one = self.named("scope of variable", &variable.name);
            one.before = Some(before);
            one.after = Some(after);
            found.push(one);
        }
        found
    }

    fn whole(&self, variable: &Variable, is_new: bool, hidden: bool) -> Change {
        let mut one = self.named(if is_new { "new variable" } else { "removed variable" }, &variable.name);
        if !scope(variable).is_empty() {
            one.title.push_str(&format!(" for {}", self.scope(variable)));
        }
        one.step = self.step(variable);
        if hidden {
            one.details = Some(SENSITIVE.to_owned());
        } else if is_new {
            one.after.clone_from(&variable.value);
        } else {
            one.before.clone_from(&variable.value);
        }
        one
    }

    /// A set that was saved though nothing that may be seen differs.
    fn perhaps(&self, hidden: &BTreeSet<&str>) -> Change {
        let matters = |name: &&&str| self.now.variables.iter().any(|one| one.name == **name && self.matters(one));
        let names: Vec<String> = hidden.iter().filter(matters).map(|name| cleaned(name)).collect();
        let set = if self.place.library.is_empty() { "the project" } else { &self.place.library };
        Change {
            before: Some(format!("version {}", self.before.version)),
            after: Some(format!("version {}", self.now.version)),
            details: Some(format!(
                "The set was saved, and nothing that may be shown differs: a sensitive value may have changed ({}).",
                names.join(", ")
            )),
            ..change(ChangeKind::Variable, format!("variables of {set}"))
        }
    }
}

fn ended(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(version: u64, variables: &Value) -> VariableSet {
        serde_json::from_value(json!({ "Version": version, "Variables": variables, "ScopeValues": {
            "Environments": [{ "Id": "E-1", "Name": "Test" }, { "Id": "E-2", "Name": "Production" }],
            "Actions": [{ "Id": "A-1", "Name": "Deploy web" }] } }))
        .unwrap()
    }

    /// What is told of a run in Production.
    fn check(before: &Value, now: &Value, expected: &[&str]) {
        let place = Place { environment: "E-2", channel: "C-1", library: String::new() };
        let found: Vec<String> = compare(&set(2, now), &set(1, before), &place)
            .into_iter()
            .map(|change| {
                let side = |side: Option<String>| side.unwrap_or_else(|| "-".to_owned());
                let step = change.step.map(|step| format!(" in {step}")).unwrap_or_default();
                format!("{}: {} -> {}{step}", change.title, side(change.before), side(change.after))
            })
            .collect();
        assert_eq!(found, expected);
    }

    fn plain(name: &str, value: &str, environments: &[&str]) -> Value {
        json!({ "Name": name, "Value": value, "Type": "String", "Scope": { "Environment": environments } })
    }

    #[test]
    fn values_scopes_and_names_are_compared() {
        check(
            &json!([
                plain("Api", "a", &[]),
                plain("Api", "p", &["E-2"]),
                plain("Gone", "x", &[]),
                plain("Same", "s", &[])
            ]),
            &json!([
                plain("Api", "a", &["E-1"]),
                plain("Api", "q", &["E-2"]),
                plain("New", "y", &[]),
                plain("Same", "s", &[])
            ]),
            &[
                "variable Api for Production: p -> q",
                "scope of variable Api: everywhere -> Test",
                "removed variable Gone: x -> -",
                "new variable New: - -> y",
            ],
        );
        let of_step = |value: &str| json!([{ "Name": "Port", "Value": value, "Scope": { "Action": ["A-1"] } }]);
        check(&of_step("1"), &of_step("2"), &["variable Port for Deploy web: 1 -> 2 in Deploy web"]);
    }

    #[test]
    fn what_is_for_another_environment_has_no_part_in_it() {
        check(&json!([plain("Api", "a", &["E-1"])]), &json!([plain("Api", "b", &["E-1"])]), &[]);
        check(&json!([]), &json!([plain("Api", "b", &["E-1"])]), &[]);
    }

    #[test]
    fn a_value_that_is_sensitive_on_either_side_is_never_told() {
        let open = |value: &str| json!({ "Id": "1", "Name": "Key", "Value": value, "Type": "String" });
        let secret =
            |id: &str| json!({ "Id": id, "Name": "Key", "Type": "Sensitive", "IsSensitive": true, "Value": null });
        check(&json!([open("hunter2")]), &json!([secret("1")]), &["variable Key: - -> -"]);
        check(&json!([secret("1")]), &json!([secret("2")]), &["variable Key: - -> -"]);
        check(
            &json!([secret("1"), plain("Key", "hunter2", &["E-2"])]),
            &json!([secret("1")]),
            &["removed variable Key for Production: - -> -"],
        );
    }

    #[test]
    fn what_another_environment_is_told_differs() {
        let secret = |id: &str, environment: &str| json!({ "Id": id, "Name": "Key", "Type": "Sensitive", "Scope": { "Environment": [environment] } });
        let all = json!([plain("Api", "any", &[]), plain("Api", "p", &["E-2"]), plain("Same", "s", &["E-1", "E-2"]),
            plain("Only", "t", &["E-1"]), secret("1", "E-1"), secret("2", "E-2"),
            { "Name": "Role", "Value": "r", "Scope": { "Role": ["web"], "Environment": ["E-1"] } }]);
        let place = Place { environment: "E-2", channel: "", library: String::new() };
        let found: Vec<String> = elsewhere(&set(1, &all), &place, "E-1")
            .into_iter()
            .map(|change| format!("{}: {:?} -> {:?}", change.title, change.before, change.after))
            .collect();
        let expected = [
            "variable Api, Production instead of Test: Some(\"any\") -> Some(\"p\")",
            "variable Key, Production instead of Test: None -> None",
            "variable Only, Production instead of Test: Some(\"t\") -> None",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_somebody_typed_in_is_told_unless_it_is_sensitive() {
        let all = json!([{ "Id": "1", "Name": "Key", "Type": "Sensitive" }, { "Id": "2", "Name": "Size" }, { "Id": "3", "Name": "Same" }]);
        let form = |key: &str, size: &str| {
            serde_json::from_value(json!({ "1": key, "2": size, "3": "s", "9": size })).unwrap()
        };
        let found: Vec<String> = typed(&set(1, &all), &form("hunter2", "10"), &form("hunter1", "5"))
            .into_iter()
            .map(|change| format!("{}: {:?} -> {:?}", change.title, change.before, change.after))
            .collect();
        let expected = [
            "value typed in for variable Key: None -> None",
            "value typed in for variable Size: Some(\"5\") -> Some(\"10\")",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_set_that_was_saved_without_a_visible_difference_may_hold_a_new_secret() {
        let secret = json!([{ "Id": "1", "Name": "Key", "Type": "Sensitive" }, plain("Api", "a", &[])]);
        check(&secret, &secret, &["variables of the project: version 1 -> version 2"]);
        let open = json!([plain("Api", "a", &[])]);
        check(&open, &open, &[]);
    }
}
