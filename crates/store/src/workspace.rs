//! Workspaces, which scope keys, budgets and policy inside an account (WS-1 to WS-4).

use serde::Serialize;

use crate::account::accounts;
use crate::audit::Deed;
use crate::credential;
use crate::engine::{Change, Row, Session, Sql, Value, values};
use crate::member::members;
use crate::secret::random_uuid;
use crate::{Actor, Micros, Store, StoreError};

/// Slug of the workspace that the first start creates and that unscoped requests mean.
pub const DEFAULT_WORKSPACE_SLUG: &str = "default";

/// The whole of what [`WorkspaceSettings::io_logging_sampling`] counts parts of.
pub const WHOLE_SAMPLE: i64 = 10_000;

/// A scope for keys, budgets and policy inside an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workspace {
    /// Stable identity.
    pub id: String,
    /// The account it belongs to.
    pub account_id: String,
    /// What can be changed about it.
    #[serde(flatten)]
    pub settings: WorkspaceSettings,
    /// Identity of the member who made it, when known.
    pub created_by: Option<String>,
    /// Microseconds since the Unix epoch.
    pub created_at: Micros,
    /// Microseconds since the Unix epoch.
    pub updated_at: Micros,
}

/// What can be changed about a workspace (WS-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkspaceSettings {
    /// Short name, unique within the account; lower-case words joined by hyphens, at most 50
    /// characters.
    pub slug: String,
    /// Name shown to people, at most 100 characters.
    pub name: String,
    /// At most 500 characters.
    pub description: String,
    /// The model of requests that name none.
    pub default_text_model: Option<String>,
    /// The model of image requests that name none.
    pub default_image_model: Option<String>,
    /// `price`, `throughput`, `latency` or `exacto`.
    pub default_provider_sort: Option<String>,
    /// How many of [`WHOLE_SAMPLE`] requests have input and output logged, at least one.
    pub io_logging_sampling: i64,
    /// Hashes of the API keys whose input and output is logged; `None` is all.
    pub io_logging_key_hashes: Option<Vec<String>>,
    /// Whether input and output is logged.
    pub io_logging_enabled: bool,
    /// Whether traces are sent to the destinations.
    pub broadcast_enabled: bool,
    /// Whether data is shared for a discount.
    pub data_discount_logging_enabled: bool,
    /// Whether spend on the caller's own provider keys counts towards the budgets.
    pub include_byok_in_budgets: bool,
    /// The guardrail of keys that have none.
    pub default_guardrail_id: Option<String>,
    /// Whether answers of the Responses API are kept where a request asks for it.
    pub stores_responses: bool,
}

impl WorkspaceSettings {
    /// Settings of a new workspace, with nothing but its names set.
    pub fn named(slug: impl Into<String>, name: impl Into<String>) -> WorkspaceSettings {
        WorkspaceSettings {
            slug: slug.into(),
            name: name.into(),
            description: String::new(),
            default_text_model: None,
            default_image_model: None,
            default_provider_sort: None,
            io_logging_sampling: WHOLE_SAMPLE,
            io_logging_key_hashes: None,
            io_logging_enabled: false,
            broadcast_enabled: false,
            data_discount_logging_enabled: false,
            include_byok_in_budgets: false,
            default_guardrail_id: None,
            stores_responses: false,
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        let word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let sorts = ["price", "throughput", "latency", "exacto"];
        let sort = self.default_provider_sort.as_deref();
        let faults = [
            (self.slug.len() > 50 || !self.slug.split('-').all(word), "workspace slug"),
            (self.name.trim().is_empty() || self.name.chars().count() > 100, "workspace name"),
            (self.description.chars().count() > 500, "workspace description"),
            (sort.is_some_and(|sort| !sorts.contains(&sort)), "default provider sort"),
            (!(1..=WHOLE_SAMPLE).contains(&self.io_logging_sampling), "sampling rate"),
        ];
        match faults.into_iter().find(|(fault, _)| *fault) {
            Some((_, what)) => Err(invalid(what, "it has not the documented form")),
            None => Ok(()),
        }
    }

    fn values(&self) -> [Value<'_>; 14] {
        let hashes = self.io_logging_key_hashes.as_ref();
        [
            Value::from(&self.slug),
            Value::from(&self.name),
            Value::from(&self.description),
            Value::from(&self.default_text_model),
            Value::from(&self.default_image_model),
            Value::from(&self.default_provider_sort),
            self.io_logging_sampling.into(),
            hashes.map(|hashes| serde_json::json!(hashes).to_string()).into(),
            self.io_logging_enabled.into(),
            self.broadcast_enabled.into(),
            self.data_discount_logging_enabled.into(),
            self.include_byok_in_budgets.into(),
            Value::from(&self.default_guardrail_id),
            self.stores_responses.into(),
        ]
    }
}

/// Which member is in which workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkspaceMember {
    /// The workspace.
    pub workspace_id: String,
    /// The member.
    pub member_id: String,
    /// Microseconds since the Unix epoch.
    pub added_at: Micros,
}

const SETTINGS: [&str; 14] = [
    "slug",
    "name",
    "description",
    "default_text_model",
    "default_image_model",
    "default_provider_sort",
    "io_logging_sampling",
    "io_logging_key_hashes",
    "io_logging_enabled",
    "broadcast_enabled",
    "data_discount_logging_enabled",
    "include_byok_in_budgets",
    "default_guardrail_id",
    "stores_responses",
];

fn select() -> String {
    let settings = SETTINGS.join(", ");
    format!(
        "SELECT id, account_id, created_by, created_at, updated_at, {settings} FROM workspace \
         WHERE deleted = $1"
    )
}

impl Store {
    /// Every workspace of every account, oldest first.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>, StoreError> {
        workspaces(&mut self.database().session().await?).await
    }

    /// Makes a workspace in the first account.
    pub async fn create_workspace(
        &self,
        settings: WorkspaceSettings,
        actor: &Actor,
        now: Micros,
    ) -> Result<Workspace, StoreError> {
        settings.check()?;
        let mut change = self.database().begin_change().await?;
        let account = accounts(&mut change).await?.into_iter().next();
        let account = account.ok_or_else(|| not_found("account", "default"))?;
        let created_by = (actor.kind == crate::ActorKind::Member).then(|| actor.id.clone());
        let workspace = Workspace {
            id: random_uuid()?,
            account_id: account.id,
            settings,
            created_by,
            created_at: now,
            updated_at: now,
        };
        check_slug(&mut change, &workspace).await?;
        insert(&mut change, &workspace).await?;
        let deed = Deed { actor, now, action: "workspace.create", subject: &workspace.id };
        deed.record(&mut change, None, Some(&workspace)).await?;
        change.commit().await?;
        Ok(workspace)
    }

    /// Changes a workspace: `edit` gets what is stored and makes of it what is to be. The default
    /// workspace keeps its slug.
    pub async fn update_workspace(
        &self,
        id: &str,
        edit: impl FnOnce(&mut WorkspaceSettings) + Send,
        actor: &Actor,
        now: Micros,
    ) -> Result<Workspace, StoreError> {
        let mut change = self.database().begin_change().await?;
        let before = workspace_or_default(&mut change, Some(id)).await?;
        let mut settings = before.settings.clone();
        edit(&mut settings);
        let after = replace_settings(&mut change, before, settings, actor, now).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Removes a workspace with its members, its budgets, the answers it keeps and the credentials that
    /// it alone could use. Refused for the default one, and while there are keys in use (WS-3).
    pub async fn remove_workspace(
        &self,
        id: &str,
        actor: &Actor,
        now: Micros,
    ) -> Result<(), StoreError> {
        let mut change = self.database().begin_change().await?;
        let before = workspace_or_default(&mut change, Some(id)).await?;
        if before.settings.slug == DEFAULT_WORKSPACE_SLUG {
            return Err(invalid("removal", "there is always a default workspace"));
        }
        if keys_in_use(&mut change, id, None).await? {
            return Err(invalid("removal", "the workspace has keys in use"));
        }
        for text in [
            "DELETE FROM workspace_member WHERE workspace_id = $1",
            "DELETE FROM workspace_budget WHERE workspace_id = $1",
            "DELETE FROM stored_response WHERE workspace_id = $1",
        ] {
            change.execute(text, values![id]).await?;
        }
        credential::remove_of_workspace(&mut change, id, actor, now).await?;
        // Rows of the books name it, so that the row stays; the slug is free again.
        let text = "UPDATE workspace SET deleted = $1, slug = $2, updated_at = $3 WHERE id = $2";
        change.execute(text, values![true, id, now]).await?;
        let deed = Deed { actor, now, action: "workspace.remove", subject: id };
        deed.record(&mut change, Some(&before), None).await?;
        change.commit().await
    }

    /// Which members are in which workspaces. Everybody is in the default one without being
    /// listed.
    pub async fn workspace_members(&self) -> Result<Vec<WorkspaceMember>, StoreError> {
        workspace_members(&mut self.database().session().await?).await
    }

    /// Puts members into a workspace; those who are in it stay. Says how many are new.
    pub async fn add_workspace_members(
        &self,
        workspace_id: &str,
        member_ids: &[String],
        actor: &Actor,
        now: Micros,
    ) -> Result<u64, StoreError> {
        let mut change = self.database().begin_change().await?;
        workspace_or_default(&mut change, Some(workspace_id)).await?;
        let mut added = 0;
        let known = members(&mut change).await?;
        let deed = Deed { actor, now, action: "workspace_member.add", subject: workspace_id };
        for id in member_ids {
            if !known.iter().any(|member| member.id == *id) {
                return Err(not_found("member", id));
            }
            let text = "INSERT INTO workspace_member (workspace_id, member_id, added_at) \
                        VALUES ($1, $2, $3) ON CONFLICT (workspace_id, member_id) DO NOTHING";
            added += change.execute(text, values![workspace_id, id, now]).await?;
        }
        deed.record(&mut change, None, Some(&member_ids)).await?;
        change.commit().await?;
        Ok(added)
    }

    /// Takes members out of a workspace; says how many were in it. Refused for one who has keys in
    /// use there (WS-4).
    pub async fn remove_workspace_members(
        &self,
        workspace_id: &str,
        member_ids: &[String],
        actor: &Actor,
        now: Micros,
    ) -> Result<u64, StoreError> {
        let mut change = self.database().begin_change().await?;
        let mut removed = 0;
        let deed = Deed { actor, now, action: "workspace_member.remove", subject: workspace_id };
        for id in member_ids {
            if keys_in_use(&mut change, workspace_id, Some(id)).await? {
                return Err(invalid("removal", "the member has keys in use in the workspace"));
            }
            let text = "DELETE FROM workspace_member WHERE workspace_id = $1 AND member_id = $2";
            removed += change.execute(text, values![workspace_id, id]).await?;
        }
        deed.record(&mut change, Some(&member_ids), None).await?;
        change.commit().await?;
        Ok(removed)
    }
}

/// Replaces what can be changed about a workspace, in a change.
pub(crate) async fn replace_settings(
    change: &mut Change,
    before: Workspace,
    settings: WorkspaceSettings,
    actor: &Actor,
    now: Micros,
) -> Result<Workspace, StoreError> {
    settings.check()?;
    if before.settings.slug == DEFAULT_WORKSPACE_SLUG && settings.slug != DEFAULT_WORKSPACE_SLUG {
        return Err(invalid("workspace slug", "the default workspace keeps its own"));
    }
    let after = Workspace { settings, updated_at: now, ..before.clone() };
    check_slug(change, &after).await?;
    let assignments: Vec<String> =
        SETTINGS.iter().zip(3..).map(|(name, n)| format!("{name} = ${n}")).collect();
    let text =
        format!("UPDATE workspace SET updated_at = $1, {} WHERE id = $2", assignments.join(", "));
    let mut values: Vec<Value<'_>> = vec![now.into(), Value::from(&after.id)];
    values.extend(after.settings.values());
    change.execute(Sql::composed(text), &values).await?;
    let deed = Deed { actor, now, action: "workspace.update", subject: &after.id };
    deed.record(change, Some(&before), Some(&after)).await?;
    Ok(after)
}

fn invalid(what: &'static str, reason: &str) -> StoreError {
    StoreError::Invalid { what, reason: reason.to_owned() }
}

fn not_found(what: &'static str, id: &str) -> StoreError {
    StoreError::NotFound { what, id: id.to_owned() }
}

async fn check_slug(session: &mut Session, workspace: &Workspace) -> Result<(), StoreError> {
    let taken = workspaces(session).await?.into_iter().any(|other| {
        other.account_id == workspace.account_id
            && other.settings.slug == workspace.settings.slug
            && other.id != workspace.id
    });
    if taken { Err(invalid("workspace slug", "another workspace has it")) } else { Ok(()) }
}

/// Whether a workspace has keys that work, of one member or at all.
async fn keys_in_use(
    session: &mut Session,
    workspace_id: &str,
    member_id: Option<&str>,
) -> Result<bool, StoreError> {
    let text = "SELECT COUNT(*) AS keys FROM api_key WHERE workspace_id = $1 AND deleted = $2 \
                AND disabled = $3 AND ($4 IS NULL OR member_id = $4)";
    let row = session.fetch_one(text, values![workspace_id, false, false, member_id]).await?;
    Ok(row.try_get::<i64>("keys")? > 0)
}

pub(crate) async fn insert(session: &mut Session, workspace: &Workspace) -> Result<(), StoreError> {
    let places: Vec<String> = (1..=SETTINGS.len() + 6).map(|n| format!("${n}")).collect();
    let text = format!(
        "INSERT INTO workspace (id, account_id, created_by, created_at, updated_at, deleted, {}) \
         VALUES ({})",
        SETTINGS.join(", "),
        places.join(", ")
    );
    let mut values: Vec<Value<'_>> = vec![
        Value::from(&workspace.id),
        Value::from(&workspace.account_id),
        Value::from(&workspace.created_by),
        workspace.created_at.into(),
        workspace.updated_at.into(),
        false.into(),
    ];
    values.extend(workspace.settings.values());
    session.execute(Sql::composed(text), &values).await?;
    Ok(())
}

pub(crate) async fn workspaces(session: &mut Session) -> Result<Vec<Workspace>, StoreError> {
    let text = format!("{} ORDER BY created_at, id", select());
    let rows = session.fetch_all(Sql::composed(text), values![false]).await?;
    rows.iter().map(workspace).collect()
}

/// The workspace of that identity, or the default one for `None`.
pub(crate) async fn workspace_or_default(
    session: &mut Session,
    id: Option<&str>,
) -> Result<Workspace, StoreError> {
    let (condition, value) = match id {
        Some(id) => ("id = $2", id),
        None => ("slug = $2 ORDER BY created_at, id LIMIT 1", DEFAULT_WORKSPACE_SLUG),
    };
    let text = format!("{} AND {condition}", select());
    let row = session.fetch_optional(Sql::composed(text), values![false, value]).await?;
    workspace(&row.ok_or_else(|| not_found("workspace", value))?)
}

fn workspace(row: &Row) -> Result<Workspace, StoreError> {
    let hashes: Option<&str> = row.try_get("io_logging_key_hashes")?;
    let hashes = hashes.map(serde_json::from_str).transpose().map_err(|error| {
        StoreError::Corrupt { what: "io_logging_key_hashes", reason: error.to_string() }
    })?;
    let settings = WorkspaceSettings {
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        default_text_model: row.try_get("default_text_model")?,
        default_image_model: row.try_get("default_image_model")?,
        default_provider_sort: row.try_get("default_provider_sort")?,
        io_logging_sampling: row.try_get("io_logging_sampling")?,
        io_logging_key_hashes: hashes,
        io_logging_enabled: row.try_get("io_logging_enabled")?,
        broadcast_enabled: row.try_get("broadcast_enabled")?,
        data_discount_logging_enabled: row.try_get("data_discount_logging_enabled")?,
        include_byok_in_budgets: row.try_get("include_byok_in_budgets")?,
        default_guardrail_id: row.try_get("default_guardrail_id")?,
        stores_responses: row.try_get("stores_responses")?,
    };
    Ok(Workspace {
        id: row.try_get("id")?,
        account_id: row.try_get("account_id")?,
        settings,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

pub(crate) async fn workspace_members(
    session: &mut Session,
) -> Result<Vec<WorkspaceMember>, StoreError> {
    let text = "SELECT workspace_id, member_id, added_at FROM workspace_member \
                ORDER BY workspace_id, added_at, member_id";
    let rows = session.fetch_all(text, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(WorkspaceMember {
                workspace_id: row.try_get("workspace_id")?,
                member_id: row.try_get("member_id")?,
                added_at: row.try_get("added_at")?,
            })
        })
        .collect()
}
