//! Management keys that members made: they end with their makers.

use crate::api_key::{COLUMNS, from_row};
use crate::audit::Deed;
use crate::engine::{Change, Sql, values};
use crate::{Actor, ApiKey, Micros, StoreError};

/// Revokes the management keys that a member made, disabled ones too.
pub(crate) async fn revoke_of_member(
    change: &mut Change,
    member_id: &str,
    actor: &Actor,
    now: Micros,
) -> Result<(), StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM api_key WHERE creator = $1 AND is_management = $2 \
         AND deleted = $3 ORDER BY created_at, hash"
    );
    let rows = change.fetch_all(Sql::composed(text), values![member_id, true, false]).await?;
    let keys = rows.iter().map(from_row).collect::<Result<Vec<ApiKey>, _>>()?;
    for key in &keys {
        let text = "UPDATE api_key SET deleted = $1, updated_at = $2 WHERE hash = $3";
        change.execute(text, values![true, now, &key.hash]).await?;
        let deed = Deed { actor, now, action: "api_key.delete", subject: &key.hash };
        deed.record(change, Some(key), None).await?;
    }
    Ok(())
}
