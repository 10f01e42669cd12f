//! Which activity is asked for. ACT-1

use protocol::exchange::Fault;
use serde::Deserialize;
use store::{ActivityQuery, Micros};
use utoipa::IntoParams;

use crate::api::session::Management;
use crate::api::time::{date_micros, date_text};
use crate::api::workspaces;
use crate::app::App;

const DAY: Micros = 86_400_000_000;
/// So many days are told of.
const DAYS: i64 = 30;

/// Which activity.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// One of the last 30 completed UTC days, `YYYY-MM-DD`; all of them unless said.
    date: Option<String>,
    /// Hash of an API key.
    api_key_hash: Option<String>,
    /// Id of a member: only what its keys were used for.
    user_id: Option<String>,
    /// Id or slug of a workspace.
    workspace_id: Option<String>,
    /// `workspace` tells workspaces apart.
    group_by: Option<String>,
}

impl Which {
    /// Checks what is asked for; refusals name the member at fault.
    pub async fn read(
        self,
        app: &App,
        management: &Management,
        now: Micros,
    ) -> Result<ActivityQuery, Fault> {
        // The day that runs is not completed.
        let until_day = now.div_euclid(DAY);
        let from_day = until_day - DAYS;
        let date = self.date.as_deref().map(|date| read_day(date, from_day, until_day));
        let group_by_workspace = match self.group_by.as_deref() {
            None => false,
            Some("workspace") => true,
            Some(_) => return Err(Fault::invalid("group_by: must be workspace")),
        };
        let is_hash =
            |hash: &str| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if self.api_key_hash.as_deref().is_some_and(|hash| !is_hash(hash)) {
            return Err(Fault::invalid("api_key_hash: must be 64 hex digits"));
        }
        let workspace = match self.workspace_id.as_deref() {
            Some(name) => Some(workspaces::named(app, management, Some(name)).await?.id),
            None => None,
        };
        if let Some(id) = &self.user_id {
            management.check_own(id)?;
        }
        let member = self.user_id.or_else(|| management.own_only().map(str::to_owned));
        Ok(ActivityQuery {
            from_day,
            until_day,
            date: date.transpose()?,
            account: Some(management.account_id().to_owned()),
            workspace,
            key_hash: self.api_key_hash.map(|hash| hash.to_ascii_lowercase()),
            member,
            group_by_workspace,
        })
    }
}

fn read_day(text: &str, from: i64, until: i64) -> Result<i64, Fault> {
    let day = date_micros(text).map(|moment| moment.div_euclid(DAY));
    day.filter(|day| (from..until).contains(day)).ok_or_else(|| {
        let (first, last) = (day_text(from), day_text(until - 1));
        Fault::invalid(format!(
            "date: must be one of the last {DAYS} completed UTC days, {first} to {last}"
        ))
    })
}

/// A day counted from 1970 as `YYYY-MM-DD`.
pub fn day_text(day: i64) -> String {
    date_text(day.saturating_mul(DAY))
}
