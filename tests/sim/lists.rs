//! Lists: which items a query asks for, in which order, and the envelope around a page of them.

use std::borrow::Cow;

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::fill::text;
use super::world::World;

/// The part of an address after `?`. Names compare in any case; a name may come several times.
#[derive(Debug, Clone)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(query: &str) -> Self {
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let parts = query.split('&').filter(|part| !part.is_empty());
        Self(
            parts.map(|part| part.split_once('=').unwrap_or((part, ""))).map(|(k, v)| (decode(k), decode(v))).collect(),
        )
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter().filter(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_empty());
        pairs.next().map(|(_, value)| value.as_str())
    }

    /// All values of a name, repeated or separated by commas; `None` when it is not asked for.
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        let pairs = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let values: Vec<&str> =
            pairs.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty()).collect();
        (!values.is_empty()).then_some(values)
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| value.eq_ignore_ascii_case("true"))
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        self.get(name).and_then(|value| value.parse().ok())
    }
}

/// How a query's value is held against an item.
enum Test {
    /// The field is one of the values.
    Is(&'static str),
    /// The field, a list, holds one of the values.
    Holds(&'static str),
    /// The field contains the value, in any case.
    Contains(&'static str),
    /// The state of the item's task is one of the values.
    TaskState,
    /// The time in the field is not before, not after the value.
    From(&'static str),
    To(&'static str),
}

/// What a query may ask of a kind, beyond `ids`, `skip` and `take`.
fn tests(kind: &str) -> &'static [(&'static str, Test)] {
    use Test::{Contains, From, Holds, Is, TaskState, To};
    match kind {
        "deployments" => &[
            ("projects", Is("ProjectId")),
            ("environments", Is("EnvironmentId")),
            ("tenants", Is("TenantId")),
            ("channels", Is("ChannelId")),
            ("taskState", TaskState),
            ("partialName", Contains("Name")),
        ],
        "runbookruns" => &[
            ("projects", Is("ProjectId")),
            ("environments", Is("EnvironmentId")),
            ("tenants", Is("TenantId")),
            ("runbooks", Is("RunbookId")),
            ("taskState", TaskState),
            ("partialName", Contains("Name")),
        ],
        "machines" => &[
            ("environmentIds", Holds("EnvironmentIds")),
            ("roles", Holds("Roles")),
            ("tenantIds", Holds("TenantIds")),
            ("healthStatuses", Is("HealthStatus")),
            ("name", Is("Name")),
            ("partialName", Contains("Name")),
        ],
        "events" => &[
            ("regarding", Holds("RelatedDocumentIds")),
            ("regardingAny", Holds("RelatedDocumentIds")),
            ("projects", Holds("RelatedDocumentIds")),
            ("environments", Holds("RelatedDocumentIds")),
            ("tenants", Holds("RelatedDocumentIds")),
            ("eventCategories", Is("Category")),
            ("users", Is("UserId")),
            ("from", From("Occurred")),
            ("to", To("Occurred")),
        ],
        "interruptions" => &[("regarding", Holds("RelatedDocumentIds"))],
        "artifacts" => &[("partialName", Contains("Filename"))],
        "build-information" => &[("packageId", Is("PackageId")), ("filter", Contains("Version"))],
        "releases" => &[("searchByVersion", Contains("Version"))],
        "libraryvariablesets" => &[("contentType", Is("ContentType")), ("partialName", Contains("Name"))],
        "tasks" => &[
            ("states", Is("State")),
            ("name", Is("Name")),
            ("project", Is("ProjectId")),
            ("node", Is("ServerNode")),
            ("description", Contains("Description")),
            ("partialName", Contains("Description")),
            ("fromQueueDate", From("QueueTime")),
            ("toQueueDate", To("QueueTime")),
            ("fromStartDate", From("StartTime")),
            ("toStartDate", To("StartTime")),
            ("fromCompletedDate", From("CompletedTime")),
            ("toCompletedDate", To("CompletedTime")),
        ],
        _ => &[("partialName", Contains("Name")), ("name", Is("Name"))],
    }
}

/// The items that a query asks for, in the order in which Octopus lists them.
pub fn select(world: &World, kind: &str, mut items: Vec<Value>, query: &Query) -> Vec<Value> {
    items.retain(|item| {
        let ids = query.list("ids").is_none_or(|ids| one_of(&item["Id"], &ids));
        ids && tests(kind).iter().all(|(name, test)| passes(world, item, test, query, name))
    });
    if query.flag("pendingOnly") == Some(true) {
        items.retain(|item| item["IsPending"] == true);
    }
    if let Some(disabled) = query.flag("isDisabled") {
        items.retain(|item| item["IsDisabled"] == disabled);
    }
    for (flag, field) in
        [("hasPendingInterruptions", "HasPendingInterruptions"), ("hasWarningsOrErrors", "HasWarningsOrErrors")]
    {
        if let Some(wanted) = query.flag(flag) {
            items.retain(|item| item[field] == wanted);
        }
    }
    sort(kind, &mut items);
    items
}

fn passes(world: &World, item: &Value, test: &Test, query: &Query, name: &str) -> bool {
    let Some(values) = query.list(name) else { return true };
    match test {
        Test::Is(field) => one_of(&item[field], &values),
        Test::Holds(field) => item[field].as_array().into_iter().flatten().any(|held| one_of(held, &values)),
        Test::Contains(field) => {
            // Names hold commas, so the value counts as a whole.
            let part = query.get(name).unwrap_or_default().to_lowercase();
            text(item, field).to_lowercase().contains(&part)
        }
        Test::TaskState => {
            let task = world.task(&text(item, "TaskId"));
            task.is_some_and(|task| values.iter().any(|value| task.state.eq_ignore_ascii_case(value)))
        }
        Test::From(field) => time(&item[field]).is_some_and(|time| given(query, name).is_none_or(|from| time >= from)),
        Test::To(field) => time(&item[field]).is_some_and(|time| given(query, name).is_none_or(|to| time <= to)),
    }
}

fn one_of(value: &Value, values: &[&str]) -> bool {
    value.as_str().is_some_and(|own| values.iter().any(|value| own.eq_ignore_ascii_case(value)))
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// A time in a query. A `+` of its offset that was not encoded has become a space.
fn given(query: &Query, name: &str) -> Option<Timestamp> {
    query.get(name)?.replace(' ', "+").parse().ok()
}

/// Newest first where Octopus lists so.
fn sort(kind: &str, items: &mut [Value]) {
    let field = match kind {
        "deployments" | "runbookruns" | "interruptions" => "Created",
        "releases" | "runbooksnapshots" => "Assembled",
        "events" => "Occurred",
        "tasks" => "QueueTime",
        "environments" => return items.sort_by_key(|item| item["SortOrder"].as_i64()),
        _ => return,
    };
    items.sort_by_key(|item| std::cmp::Reverse(time(&item[field])));
}

/// A page of `items`, in the envelope that all lists have.
pub fn page(path: &str, item_type: &str, items: &[Value], query: &Query) -> Value {
    let skip = query.number("skip").unwrap_or(0);
    let take = query.number("take").unwrap_or(30);
    let total = items.len();
    let shown: Vec<&Value> = items.iter().skip(skip).take(take).collect();
    let pages = if take == 0 { 0 } else { total.div_ceil(take).max(1) };
    let rest: String = query
        .0
        .iter()
        .filter(|(name, _)| !matches!(name.to_lowercase().as_str(), "skip" | "take"))
        .fold(String::new(), |rest, (name, value)| format!("{rest}&{}={}", encode(name), encode(value)));
    let link = |skip: usize, take: usize| format!("{path}?skip={skip}&take={take}{rest}");
    let last = pages.saturating_sub(1);
    let mut links = json!({
        "Self": link(skip, take),
        "Template": format!("{path}{{?skip,take,ids}}"),
        "Page.All": link(0, 2_147_483_647),
        "Page.Current": link(skip, take),
        "Page.Last": link(last.saturating_mul(take), take)
    });
    if skip.saturating_add(take) < total && take > 0 {
        links["Page.Next"] = json!(link(skip + take, take));
    }
    json!({
        "ItemType": item_type, "TotalResults": total, "ItemsPerPage": take, "NumberOfPages": pages,
        "LastPageNumber": last, "Items": shown, "Links": links
    })
}

fn encode(text: &str) -> Cow<'_, str> {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).into()
}
