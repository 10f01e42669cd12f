//! What has become of who made something that is used later.

use crate::engine::{Session, values};
use crate::{Actor, Member, Micros, StoreError};

/// Who stands behind what an actor made.
pub(crate) enum Standing<'a> {
    /// The machine, or a management key that was made there.
    Machine,
    /// A member, by itself or by a management key of its own; with the role it has now.
    Member(&'a Member),
    /// Nobody any more: the member was removed, or the key revoked, disabled or at its end.
    Gone,
}

/// Who stands behind an actor of that identity, among all members.
pub(crate) async fn standing<'a>(
    session: &mut Session,
    all: &'a [Member],
    actor_id: &str,
    now: Micros,
) -> Result<Standing<'a>, StoreError> {
    if actor_id == Actor::system().id || actor_id == Actor::command_line().id {
        return Ok(Standing::Machine);
    }
    let text = "SELECT creator FROM api_key WHERE hash = $1 AND deleted = $2 AND disabled = $3 \
                AND (expires_at IS NULL OR expires_at > $4)";
    let key = session.fetch_optional(text, values![actor_id, false, false, now]).await?;
    let member_id = match key {
        Some(row) => match row.try_get::<Option<String>>("creator")? {
            Some(creator) => creator,
            None => return Ok(Standing::Machine),
        },
        None => actor_id.to_owned(),
    };
    let member = all.iter().find(|member| member.id == member_id);
    Ok(member.map_or(Standing::Gone, Standing::Member))
}
