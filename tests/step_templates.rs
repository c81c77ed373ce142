//! The Octopus step templates: built from their scripts and data, valid for the Community Library, and run as Octopus runs them.
//! `BLESS=1 cargo test --test step_templates` writes the templates from `dist/step-templates/`; read the diff.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[path = "step_templates/powershell.rs"]
mod powershell;
#[path = "step_templates/program.rs"]
mod program;
#[path = "step_templates/runs.rs"]
mod runs;
mod sim;
mod step_host;

/// What a step tells the program of the run, besides its settings; nothing else of its variables leaves it.
const TOLD: &[&str] = &[
    "Octopus.Task.Id",
    "Octopus.Task.Name",
    "Octopus.Space.Id",
    "Octopus.Project.Id",
    "Octopus.Project.Name",
    "Octopus.Environment.Id",
    "Octopus.Environment.Name",
    "Octopus.Release.Id",
    "Octopus.Release.Number",
    "Octopus.Deployment.Id",
    "Octopus.Deployment.Error",
    "Octopus.Deployment.ErrorDetail",
    "Octopus.Deployment.PreviousSuccessful.Id",
    "Octopus.Deployment.Tenant.Id",
    "Octopus.Deployment.Tenant.Name",
    "Octopus.Runbook.Id",
    "Octopus.Runbook.Name",
    "Octopus.RunbookRun.Id",
    "Octopus.Step.Name",
    "Octopus.Step.Number",
    "Octopus.Web.ServerUri",
    "Octopus.Web.BaseUrl",
];

/// The keys of a template as the Library keeps them; what else an export may hold is old, or filled in by the Library.
const KEYS: [&str; 14] = [
    "$Meta",
    "ActionType",
    "Category",
    "CommunityActionTemplateId",
    "Description",
    "GitDependencies",
    "Id",
    "LastModifiedBy",
    "Name",
    "Packages",
    "Parameters",
    "Properties",
    "StepPackageId",
    "Version",
];

/// `dist/step-templates/template.json`: what the templates share, and where they differ.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Data {
    version: u32,
    category: String,
    last_modified_by: String,
    exported_at: String,
    octopus_version: String,
    /// A line each; `{needs}` and `{program}` are the template's own.
    description: Vec<String>,
    package: Package,
    templates: Vec<Variant>,
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Package {
    id: String,
    name: String,
    parameter: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Variant {
    file: String,
    id: String,
    name: String,
    syntax: String,
    script: String,
    needs: String,
    program: String,
    /// The parameters of the others that it has no use for.
    without: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Parameter {
    id: String,
    name: String,
    label: String,
    help_text: Vec<String>,
    default_value: String,
    control: String,
    /// For a choice: its words and what they are shown as.
    #[serde(default)]
    options: Vec<String>,
}

/// A template as Octopus exports it, its keys in the usual order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Template<'a> {
    id: &'a str,
    name: &'a str,
    description: String,
    action_type: &'a str,
    version: u32,
    community_action_template_id: Option<()>,
    packages: Vec<Value>,
    git_dependencies: Vec<()>,
    properties: BTreeMap<&'a str, String>,
    parameters: Vec<Field<'a>>,
    step_package_id: &'a str,
    #[serde(rename = "$Meta")]
    meta: Value,
    last_modified_by: &'a str,
    category: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Field<'a> {
    id: String,
    name: &'a str,
    label: &'a str,
    help_text: String,
    default_value: &'a str,
    display_settings: BTreeMap<&'a str, String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn data() -> Data {
    serde_json::from_str(&fs::read_to_string(root().join("dist/step-templates/template.json")).unwrap()).unwrap()
}

fn script(syntax: &str) -> String {
    let variant = data().templates.into_iter().find(|variant| variant.syntax == syntax).unwrap();
    fs::read_to_string(root().join(variant.script)).unwrap()
}

/// The id of a part inside one template: the parts are shared data, and no id may stand in two templates.
fn own_id(part: &str, template: &str) -> String {
    format!("{}{}", template.get(..8).unwrap(), part.get(8..).unwrap())
}

/// The package that a project chooses by a parameter.
fn reference(package: &Package, template: &str) -> Value {
    json!({
        "Id": own_id(&package.id, template),
        "Name": package.name,
        "PackageId": null,
        "FeedId": null,
        "AcquisitionLocation": "Server",
        "Properties": {
            "Extract": "True",
            "SelectionMode": "deferred",
            "PackageParameterName": package.parameter,
            "Purpose": "",
        },
    })
}

fn shown(parameter: &Parameter) -> BTreeMap<&'static str, String> {
    let mut settings = BTreeMap::from([("Octopus.ControlType", parameter.control.clone())]);
    if !parameter.options.is_empty() {
        settings.insert("Octopus.SelectOptions", parameter.options.join("\n"));
    }
    settings
}

fn build(data: &Data, variant: &Variant) -> String {
    let description = data.description.join("\n");
    let packages = if variant.without.contains(&data.package.parameter) { Vec::new() } else { vec![&data.package] };
    let template = Template {
        id: &variant.id,
        name: &variant.name,
        description: description.replace("{needs}", &variant.needs).replace("{program}", &variant.program),
        action_type: "Octopus.Script",
        version: data.version,
        community_action_template_id: None,
        packages: packages.into_iter().map(|package| reference(package, &variant.id)).collect(),
        git_dependencies: Vec::new(),
        properties: BTreeMap::from([
            ("Octopus.Action.RunOnServer", "true".to_owned()),
            ("OctopusUseBundledTooling", "False".to_owned()),
            ("Octopus.Action.Script.ScriptSource", "Inline".to_owned()),
            ("Octopus.Action.Script.Syntax", variant.syntax.clone()),
            ("Octopus.Action.Script.ScriptBody", fs::read_to_string(root().join(&variant.script)).unwrap()),
        ]),
        parameters: data
            .parameters
            .iter()
            .filter(|parameter| !variant.without.contains(&parameter.name))
            .map(|parameter| Field {
                id: own_id(&parameter.id, &variant.id),
                name: &parameter.name,
                label: &parameter.label,
                help_text: parameter.help_text.join("\n"),
                default_value: &parameter.default_value,
                display_settings: shown(parameter),
            })
            .collect(),
        step_package_id: "Octopus.Script",
        meta: json!({
            "ExportedAt": data.exported_at,
            "OctopusVersion": data.octopus_version,
            "Type": "ActionTemplate",
        }),
        last_modified_by: &data.last_modified_by,
        category: &data.category,
    };
    serde_json::to_string_pretty(&template).unwrap() + "\n"
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(root().join("step-templates")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn templates() -> Vec<(String, Value)> {
    files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.starts_with(b"\xef\xbb\xbf"), "{} begins with a byte order mark", path.display());
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_str(std::str::from_utf8(&bytes).unwrap()).unwrap())
        })
        .collect()
}

#[test]
fn templates_are_built_from_their_scripts_and_data() {
    let data = data();
    let mut wrong = Vec::new();
    for variant in &data.templates {
        let path = root().join("step-templates").join(&variant.file);
        let built = build(&data, variant);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, built).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != built {
            wrong.push(&variant.file);
        }
    }
    assert!(
        wrong.is_empty(),
        "differ from dist/step-templates/; raise Version there and accept with BLESS=1: {wrong:?}"
    );
    let names: Vec<_> = templates().into_iter().map(|(name, _)| name).collect();
    let built: BTreeSet<_> = data.templates.iter().map(|variant| variant.file.clone()).collect();
    assert_eq!(names, built.into_iter().collect::<Vec<_>>());
}

#[test]
fn the_folder_holds_only_what_the_library_allows() {
    for path in files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let allowed = if path.is_dir() {
            matches!(name, "logos" | "tests")
        } else {
            Path::new(name).extension().is_some_and(|end| end == "json") || name.ends_with(".ScriptBody.ps1")
        };
        assert!(allowed, "{name} may not be there");
        let kebab = name.split('.').next().unwrap();
        assert!(kebab.starts_with("octopus-") && kebab.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
    }
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && text != "00000000-0000-0000-0000-000000000000"
        && text != "abcdef00-ab00-cd00-ef00-000000abcdef"
}

#[test]
fn every_id_is_a_guid_of_its_own() {
    let mut seen = BTreeSet::new();
    for (file, template) in templates() {
        let parts = [&template["Packages"], &template["Parameters"]];
        let parts = parts.iter().flat_map(|list| list.as_array().unwrap()).map(|part| &part["Id"]);
        for id in std::iter::once(&template["Id"]).chain(parts) {
            let id = id.as_str().unwrap();
            assert!(is_guid(id), "{file}: {id}");
            assert!(seen.insert(id.to_owned()), "{file}: {id} is there twice");
        }
    }
    assert!(!is_guid("00000000-0000-0000-0000-000000000000") && !is_guid("6f1f7c0e-8e1d-4a57-9f43"));
}

#[test]
fn every_template_has_what_the_library_asks_for() {
    let mut names = BTreeSet::new();
    for (file, template) in templates() {
        let text = |key: &str| template[key].as_str().unwrap_or_else(|| panic!("{file}: {key}"));
        let keys: BTreeSet<_> = template.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(KEYS), "{file}");
        let name = text("Name");
        assert!((1..=200).contains(&name.len()), "{file}: {name}");
        let (noun, _) = name.split_once(" - ").unwrap_or_else(|| panic!("{file}: {name} is not noun - verb"));
        assert!(file.starts_with(&noun.to_lowercase().replace(' ', "-")), "{file} is not named after {noun}");
        assert!(names.insert(name.to_owned()), "{file}: the name {name} is taken");
        assert_eq!(text("ActionType"), "Octopus.Script", "{file}");
        // The Library has a picture for each of its categories, and builds no page without one.
        assert_eq!(text("Category"), "octopus", "{file}");
        assert!(template["Version"].as_u64().is_some_and(|version| version >= 1), "{file}");
        assert!(template["CommunityActionTemplateId"].is_null(), "{file}");
        let user = text("LastModifiedBy");
        assert!(!user.is_empty() && user.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{file}: {user}");
        let meta = &template["$Meta"];
        assert!(meta["ExportedAt"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{file}");
        assert_eq!(meta["Type"], "ActionTemplate", "{file}");
        assert!(meta["OctopusVersion"].is_string(), "{file}");
        let properties = template["Properties"].as_object().unwrap();
        assert!(properties.values().all(Value::is_string), "{file}: properties are strings");
        assert_eq!(properties["Octopus.Action.RunOnServer"], "true", "{file}");
        assert_eq!(properties["Octopus.Action.Script.ScriptSource"], "Inline", "{file}");
        let syntax = properties["Octopus.Action.Script.Syntax"].as_str().unwrap();
        assert!(matches!(syntax, "PowerShell" | "Bash"), "{file}: {syntax}");
        assert_eq!(syntax == "Bash", file.ends_with("-bash.json") && name.ends_with(" - Bash"), "{file}");
        let body = properties["Octopus.Action.Script.ScriptBody"].as_str().unwrap();
        assert!(!body.contains("#{"), "{file}: Octopus would substitute in the script");
        assert!(!body.contains('\r') && !body.starts_with("#!") && body.is_ascii(), "{file}");
        let packages = template["Packages"].as_array().unwrap();
        let before = if packages.is_empty() { "before package acquisition" } else { "template *without Package*" };
        for word in ["*Failure", "Start trigger", "5 minutes", before, "TaskView", "ProcessView"] {
            assert!(text("Description").contains(word), "{file}: the description does not tell of {word}");
        }
        assert!(!text("Description").contains(['{', '}']), "{file}: a place in the description is not filled");
        assert_eq!(packages.is_empty(), name.contains("without Package"), "{file}: {name}");
        for package in packages {
            let feed = &package["FeedId"];
            assert!(feed.is_null() || feed.as_str().is_some_and(|feed| feed.starts_with('#')), "{file}: {feed}");
            assert_eq!(package["Properties"]["SelectionMode"], "deferred", "{file}");
            let parameter = &package["Properties"]["PackageParameterName"];
            let chosen = template["Parameters"].as_array().unwrap().iter().find(|one| &one["Name"] == parameter);
            assert_eq!(chosen.unwrap()["DisplaySettings"]["Octopus.ControlType"], "Package", "{file}");
        }
    }
    assert_eq!(names.len(), 4);
}

#[test]
fn every_parameter_is_named_explained_and_used() {
    let controls = ["SingleLineText", "MultiLineText", "Checkbox", "Select", "Sensitive", "Package"];
    for (file, template) in templates() {
        let body = template["Properties"]["Octopus.Action.Script.ScriptBody"].as_str().unwrap();
        let mut names = BTreeSet::new();
        for parameter in template["Parameters"].as_array().unwrap() {
            let name = parameter["Name"].as_str().unwrap();
            assert!(name.starts_with("Firefighter.") && !name.contains('$'), "{file}: {name}");
            assert!(names.insert(name), "{file}: {name} is there twice");
            for text in ["Label", "HelpText"] {
                assert!(parameter[text].as_str().is_some_and(|text| !text.is_empty()), "{file}: {name} has no {text}");
            }
            let default = &parameter["DefaultValue"];
            assert!(default.is_string() || default.is_null(), "{file}: {name}: {default}");
            let control = parameter["DisplaySettings"]["Octopus.ControlType"].as_str().unwrap();
            assert!(controls.contains(&control), "{file}: {name}: {control}");
            let secret = name.ends_with("Key") || name.ends_with("Token");
            assert_eq!(control == "Sensitive", secret, "{file}: {name}");
            assert!(!secret || default == "", "{file}: {name}");
            assert!(control != "Checkbox" || default == "True" || default == "False", "{file}: {name}");
            let options = parameter["DisplaySettings"]["Octopus.SelectOptions"].as_str();
            assert_eq!(control == "Select", options.is_some(), "{file}: {name}");
            let words: Vec<_> =
                options.iter().flat_map(|all| all.lines()).map(|one| one.split_once('|').unwrap().0).collect();
            assert!(words.is_empty() || words.contains(&default.as_str().unwrap()), "{file}: {name}: {default}");
            let read = if control == "Package" { "Octopus.Action.Package[Firefighter].ExtractedPath" } else { name };
            assert_eq!(body.matches(read).count(), 1, "{file} reads {read} once");
        }
        for name in TOLD {
            assert!(body.contains(name.strip_prefix("Octopus.").unwrap()), "{file} does not tell of {name}");
        }
    }
}

/// The settings that a script hands on.
fn handed_on(script: &str) -> BTreeSet<&str> {
    let words = script.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
    let ours = words.filter(|word| word.starts_with("FIREFIGHTER_") || word.starts_with("OCTOPUS_"));
    // The bash script also reads back what it handed on of the run.
    ours.filter(|word| !word.starts_with("FIREFIGHTER_OCTOPUS_")).collect()
}

#[test]
fn both_scripts_hand_on_and_say_the_same() {
    let (bash, powershell) = (script("Bash"), script("PowerShell"));
    assert_eq!(handed_on(&bash), handed_on(&powershell));
    assert!(handed_on(&bash).len() > 10);
    let said: Vec<_> = bash
        .lines()
        .filter_map(|line| ["say \"", "warn \"", "note \""].iter().find_map(|word| line.split_once(word)))
        .map(|(_, text)| text.split('"').next().unwrap().to_lowercase())
        .filter(|text| !text.contains("curl") && text != "$1")
        .collect();
    assert!(said.len() >= 10, "{said:?}");
    let powershell = powershell.to_lowercase();
    for text in said {
        assert!(powershell.contains(&text), "the PowerShell script does not say: {text}");
    }
}
