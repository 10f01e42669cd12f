//! `/workspaces`: scopes for keys, budgets and policy inside an account. WS

pub mod budgets;
pub mod create;
pub mod delete;
pub mod list;
pub mod members;
mod object;
pub mod show;
pub mod update;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use protocol::exchange::{ErrorType, Fault};
use store::{DEFAULT_WORKSPACE_SLUG, Workspace};

use super::change::refused;
use super::session::Management;
use crate::app::App;

/// The routes. A workspace is named by its id or its slug. WS-2
pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/workspaces", get(list::list).post(create::create))
        .route("/workspaces/{id}", get(show::show).patch(update::update).delete(delete::delete))
        .route("/workspaces/{id}/members", get(members::list::list))
        .route("/workspaces/{id}/members/add", post(members::add::add))
        .route("/workspaces/{id}/members/remove", post(members::remove::remove))
        .route("/workspaces/{id}/budgets", get(budgets::list::list))
        .route(
            "/workspaces/{id}/budgets/{interval}",
            get(budgets::show::show).put(budgets::put::put).delete(budgets::delete::delete),
        )
}

/// Every workspace of the account that the caller may use, oldest first.
pub async fn all(app: &App, management: &Management) -> Result<Vec<Workspace>, Fault> {
    let mut workspaces = app.store.workspaces().await.map_err(refused)?;
    workspaces.retain(|workspace| {
        let is_default = workspace.settings.slug == DEFAULT_WORKSPACE_SLUG;
        workspace.account_id == management.account_id()
            && management.is_in_workspace(&workspace.id, is_default)
    });
    Ok(workspaces)
}

fn pick(workspaces: Vec<Workspace>, name: &str) -> Option<Workspace> {
    // An id wins over a slug that reads the same.
    let by_id = workspaces.iter().position(|workspace| workspace.id == name);
    let by_slug = || workspaces.iter().position(|workspace| workspace.settings.slug == name);
    let at = by_id.or_else(by_slug)?;
    workspaces.into_iter().nth(at)
}

/// The workspace of a path, by id or slug.
async fn find(app: &App, management: &Management, name: &str) -> Result<Workspace, Fault> {
    pick(all(app, management).await?, name)
        .ok_or_else(|| Fault::new(ErrorType::NotFound, "Workspace not found"))
}

/// The workspace that a member `workspace_id` names, by id or slug; the default one without it.
pub async fn named(
    app: &App,
    management: &Management,
    name: Option<&str>,
) -> Result<Workspace, Fault> {
    pick(all(app, management).await?, name.unwrap_or(DEFAULT_WORKSPACE_SLUG))
        .ok_or_else(|| Fault::invalid("workspace_id: there is no such workspace"))
}
