//! Which generations are meant: as conditions of a statement, and of a row at hand.

use super::Generation;
use crate::Micros;
use crate::analytics::Conditions;

/// How an answer ended, by what roll-ups count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GenerationStatus {
    /// It was given to its end.
    Ok,
    /// It was an error, and the caller was still there.
    Failed,
    /// Its caller left.
    Cancelled,
}

impl GenerationStatus {
    /// Every status.
    pub const ALL: [GenerationStatus; 3] =
        [GenerationStatus::Ok, GenerationStatus::Failed, GenerationStatus::Cancelled];

    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            GenerationStatus::Ok => "ok",
            GenerationStatus::Failed => "failed",
            GenerationStatus::Cancelled => "cancelled",
        }
    }

    /// Reads the word of [`GenerationStatus::as_str`].
    pub fn parse(text: &str) -> Option<GenerationStatus> {
        GenerationStatus::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// That of a row.
    pub fn of(row: &Generation) -> GenerationStatus {
        match (row.cancelled, row.status >= 400 || row.error_type.is_some()) {
            (true, _) => GenerationStatus::Cancelled,
            (false, true) => GenerationStatus::Failed,
            (false, false) => GenerationStatus::Ok,
        }
    }
}

/// Which generations a page is taken from. Every field narrows; the default takes all. Texts are
/// compared by their bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenerationFilter {
    /// Only of this workspace. With it, pages are read through an index.
    pub workspace_id: Option<String>,
    /// Only of this account.
    pub account_id: Option<String>,
    /// Only of the keys of this member, those that are deleted included.
    pub member_id: Option<String>,
    /// Only of this API key.
    pub key_hash: Option<String>,
    /// Only of this model served; where none was, of this model asked for.
    pub model: Option<String>,
    /// Only of the provider with this slug or name.
    pub provider: Option<String>,
    /// Only of the application that calls itself so ([`Generation::app`]).
    pub app: Option<String>,
    /// Only of this user of the caller's.
    pub user: Option<String>,
    /// Only of this session.
    pub session_id: Option<String>,
    /// Only those that ended so.
    pub status: Option<GenerationStatus>,
    /// Only with this reason for the end.
    pub finish_reason: Option<String>,
    /// Only with this kind of error.
    pub error_type: Option<String>,
    /// Only those that cost as much, nano-dollars.
    pub min_cost: Option<i64>,
    /// Only those that cost no more, nano-dollars.
    pub max_cost: Option<i64>,
    /// Only those whose first byte took as long, milliseconds.
    pub min_latency_ms: Option<i64>,
    /// Only those whose identity begins so, or whose kind of error has it in it.
    pub text: Option<String>,
    /// Not older than this moment.
    pub from: Option<Micros>,
    /// Older than this moment.
    pub until: Option<Micros>,
}

/// Where the texts of a row are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In the row.
    Whole,
    /// In the row, or where many rows share them.
    InParts,
}

impl Kept {
    /// A condition on columns of the combination that a row names by `number`.
    fn of(self, number: &str, table: &str, condition: &str) -> String {
        match self {
            Kept::Whole => format!("({condition})"),
            Kept::InParts => format!(
                "({number} IN (SELECT id FROM {table} WHERE {condition}) \
                 OR ({number} IS NULL AND ({condition})))"
            ),
        }
    }

    fn series(self, condition: &str) -> String {
        self.of("series", "usage_series", condition)
    }

    fn manner(self, condition: &str) -> String {
        self.of("manner", "generation_manner", condition)
    }

    fn app(self, condition: &str) -> String {
        self.of("app", "generation_app", condition)
    }
}

/// What failed, and the condition of the index of failures.
const FAULTY: &str = "(status >= 400 OR error_type IS NOT NULL)";

/// Whether a row of the table failed.
pub(super) const FAILED: &str = "(NOT cancelled AND (status >= 400 OR error_type IS NOT NULL))";

/// What an application calls itself, by the columns of a row.
const APP: &str = "COALESCE(app_title, app_referer)";

impl GenerationFilter {
    /// What must hold of a row of the table `generation`, but for its moment.
    pub(super) fn conditions<'a>(&'a self, conditions: &mut Conditions<'a>, kept: Kept) {
        if let Some(workspace) = &self.workspace_id {
            conditions.text("workspace_id", "=", workspace);
        }
        self.put_series(conditions, kept);
        if let Some(model) = &self.model {
            let place = conditions.bind(model.as_str());
            let served = kept.series(&format!("model = {place}"));
            let unserved = kept.series("model = ''");
            let asked = kept.manner(&format!("model_requested = {place}"));
            conditions.put(format!("({served} OR ({unserved} AND {asked}))"));
        }
        if let Some(reason) = &self.finish_reason {
            let place = conditions.bind(reason.as_str());
            conditions.put(kept.manner(&format!("finish_reason = {place}")));
        }
        if let Some(app) = &self.app {
            let place = conditions.bind(app.as_str());
            conditions.put(kept.app(&format!("{APP} = {place}")));
        }
        for (column, value) in [
            ("external_user", &self.user),
            ("session_id", &self.session_id),
            ("error_type", &self.error_type),
        ] {
            if let Some(value) = value {
                conditions.text(column, "=", value);
            }
        }
        for (column, operator, value) in [
            ("total_cost", ">=", self.min_cost),
            ("total_cost", "<=", self.max_cost),
            ("latency_ms", ">=", self.min_latency_ms),
        ] {
            if let Some(value) = value {
                conditions.number(column, operator, value);
            }
        }
        // What follows from the others is said for the sake of its index.
        if self.error_type.is_some() || self.status == Some(GenerationStatus::Failed) {
            conditions.put(FAULTY.to_owned());
        }
        match self.status {
            None => {}
            Some(GenerationStatus::Failed) => conditions.put("NOT cancelled".to_owned()),
            Some(GenerationStatus::Cancelled) => conditions.put("cancelled".to_owned()),
            Some(GenerationStatus::Ok) => conditions.put(format!("NOT cancelled AND NOT {FAULTY}")),
        }
        if let Some(text) = &self.text {
            put_text(conditions, text);
        }
    }

    /// What the series of a row must be.
    pub(super) fn put_series<'a>(&'a self, conditions: &mut Conditions<'a>, kept: Kept) {
        let is_of_account_alone =
            self.key_hash.is_none() && self.member_id.is_none() && self.provider.is_none();
        let series = self.series_conditions(conditions);
        match kept {
            _ if series.is_empty() => {}
            // Nearly all series are of the account that asks: each row's own is looked at, rather
            // than a list made of all of them.
            Kept::InParts if is_of_account_alone => conditions.put(format!(
                "(EXISTS (SELECT 1 FROM usage_series \
                 WHERE usage_series.id = generation.series AND {series}) \
                 OR (series IS NULL AND {series}))"
            )),
            _ => conditions.put(kept.series(&series)),
        }
    }

    /// The same of the columns of a series.
    pub(super) fn series_conditions<'a>(&'a self, conditions: &mut Conditions<'a>) -> String {
        let mut series = Vec::new();
        for (column, value) in [("account_id", &self.account_id), ("key_hash", &self.key_hash)] {
            if let Some(value) = value {
                series.push(format!("{column} = {}", conditions.bind(value.as_str())));
            }
        }
        if let Some(member) = &self.member_id {
            let place = conditions.bind(member.as_str());
            series.push(format!(
                "key_hash IN (SELECT hash FROM api_key WHERE api_key.member_id = {place})"
            ));
        }
        if let Some(provider) = &self.provider {
            let place = conditions.bind(provider.as_str());
            series.push(format!("(provider_slug = {place} OR provider_name = {place})"));
        }
        series.join(" AND ")
    }

    /// Whether it says nothing but what roll-ups tell apart.
    pub(super) fn is_of_series(&self) -> bool {
        let Self { workspace_id, account_id, member_id, key_hash, provider, from, until, .. } =
            self;
        let same = GenerationFilter {
            workspace_id: workspace_id.clone(),
            account_id: account_id.clone(),
            member_id: member_id.clone(),
            key_hash: key_hash.clone(),
            provider: provider.clone(),
            from: *from,
            until: *until,
            ..GenerationFilter::default()
        };
        *self == same
    }

    /// Whether it takes a row. `is_of` says whether a key, by its hash, is a member's.
    pub fn matches(&self, row: &Generation, is_of: impl Fn(&str, &str) -> bool) -> bool {
        let same = |wanted: &Option<String>, text: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| text == Some(wanted))
        };
        let model = if row.model.is_empty() { &row.model_requested } else { &row.model };
        let is_provider =
            |wanted: &str| wanted == &*row.provider_slug || wanted == &*row.provider_name;
        same(&self.workspace_id, Some(&row.workspace_id))
            && same(&self.account_id, Some(&row.account_id))
            && same(&self.key_hash, Some(&row.key_hash))
            && same(&self.model, Some(model))
            && same(&self.app, row.app())
            && same(&self.user, row.external_user.as_deref())
            && same(&self.session_id, row.session_id.as_deref())
            && same(&self.finish_reason, row.finish_reason.as_deref())
            && same(&self.error_type, row.error_type.as_deref())
            && self.provider.as_deref().is_none_or(is_provider)
            && self.member_id.as_deref().is_none_or(|member| is_of(&row.key_hash, member))
            && self.status.is_none_or(|status| GenerationStatus::of(row) == status)
            && self.min_cost.is_none_or(|cost| row.total_cost >= cost)
            && self.max_cost.is_none_or(|cost| row.total_cost <= cost)
            && self.min_latency_ms.is_none_or(|latency| row.latency_ms >= latency)
            && self.from.is_none_or(|from| row.created_at >= from)
            && self.until.is_none_or(|until| row.created_at < until)
            && self.text.as_deref().is_none_or(|text| has_text(row, text))
    }
}

/// The beginning of every identity.
const IDENTITY: &str = "gen-";

fn has_text(row: &Generation, text: &str) -> bool {
    let is_error =
        row.error_type.as_deref().is_some_and(|error| error.contains(&*text.to_lowercase()));
    row.id.starts_with(text) || (is_error && !text.starts_with(IDENTITY))
}

fn put_text<'a>(conditions: &mut Conditions<'a>, text: &'a str) {
    // A range rather than a pattern, so that the index of identities can be used.
    let (from, until) = (conditions.bind(text), conditions.bind(format!("{text}\u{10ffff}")));
    let identity = format!("id >= {from} AND id < {until}");
    if text.starts_with(IDENTITY) {
        return conditions.put(identity);
    }
    let lower = text.to_lowercase();
    let pattern = lower.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let pattern = conditions.bind(format!("%{pattern}%"));
    conditions.put(format!("(({identity}) OR error_type LIKE {pattern} ESCAPE '\\')"));
}

impl Generation {
    /// What the calling application calls itself: its title, or else its address. ATTR-1
    pub fn app(&self) -> Option<&str> {
        self.app_title.as_deref().or(self.app_referer.as_deref())
    }
}
