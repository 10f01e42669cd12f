//! The mark-ups of workspaces, which are written by hand: whether all are in force.

use gateway::control::limits::TermsSource;
use store::Store;

use super::finding::Finding;

const CHECK: &str = "workspace_markups";

/// Looks for those without effect.
pub async fn check(store: &Store) -> Vec<Finding> {
    let state = match store.snapshot().await {
        Ok(state) => state,
        Err(error) => {
            return vec![
                Finding::failure(CHECK, format!("what is set cannot be read: {error}"))
                    .mend("restore the database from a backup"),
            ];
        }
    };
    let mend = "write whole basis points by the workspace's id; docs/limits.md says how";
    let mistakes = TermsSource::mistakes_in_markups(&state).into_iter();
    mistakes.map(|mistake| Finding::warning(CHECK, mistake).mend(mend)).collect()
}
