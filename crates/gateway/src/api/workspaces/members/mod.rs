//! Who works in a workspace. WS-4

pub mod add;
pub mod list;
pub mod remove;

use protocol::exchange::Fault;
use serde::{Deserialize, Serialize};
use store::{DEFAULT_WORKSPACE_SLUG, Member, MemberRole, Workspace};
use utoipa::ToSchema;

use crate::api::change::refused;
use crate::api::identity::derived_uuid;
use crate::api::time::iso;
use crate::app::App;

/// A member in a workspace.
#[derive(Serialize, ToSchema)]
pub struct WorkspaceMember {
    id: String,
    workspace_id: String,
    user_id: String,
    /// `admin` or `member`, as in the organization; owners are shown as `admin`.
    role: &'static str,
    created_at: String,
}

impl WorkspaceMember {
    fn new(workspace_id: &str, member: &Member, added_at: i64) -> Self {
        Self {
            id: derived_uuid(&["workspace member", workspace_id, &member.id]),
            workspace_id: workspace_id.to_owned(),
            user_id: member.id.clone(),
            role: match member.role {
                MemberRole::Owner | MemberRole::Admin => "admin",
                MemberRole::Member => "member",
            },
            created_at: iso(added_at),
        }
    }
}

/// Which members are meant.
#[derive(Deserialize, ToSchema)]
pub struct MemberSelection {
    #[schema(min_items = 1, max_items = 100)]
    user_ids: Vec<String>,
}

impl MemberSelection {
    /// The members named, each once.
    fn ids(self) -> Result<Vec<String>, Fault> {
        if !(1..=100).contains(&self.user_ids.len()) {
            return Err(Fault::invalid("user_ids: must name 1 to 100 members"));
        }
        let mut ids = self.user_ids;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }
}

/// The members of a workspace. Everybody is in the default one without being listed. WS-3
async fn members_of(app: &App, workspace: &Workspace) -> Result<Vec<WorkspaceMember>, Fault> {
    let mut members = app.store.members().await.map_err(refused)?;
    members.retain(|member| member.account_id == workspace.account_id);
    if workspace.settings.slug == DEFAULT_WORKSPACE_SLUG {
        let all = members.iter();
        let all = all.map(|one| WorkspaceMember::new(&workspace.id, one, one.created_at));
        return Ok(all.collect());
    }
    let listed = app.store.workspace_members().await.map_err(refused)?;
    let listed = listed.into_iter().filter(|row| row.workspace_id == workspace.id);
    let shown = listed.filter_map(|row| {
        let member = members.iter().find(|member| member.id == row.member_id)?;
        Some(WorkspaceMember::new(&workspace.id, member, row.added_at))
    });
    Ok(shown.collect())
}
