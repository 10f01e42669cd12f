//! What accounts and workspaces lay down for requests, compiled once for all of their keys.

use std::collections::HashMap;
use std::sync::Arc;

use routing::{Policy, Sort};
use store::{ApiKey, ControlState, Workspace};

use super::data_policy::{self, DataPolicy};

/// What a workspace lays down for requests with its keys.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceRules {
    /// What its account lets happen to prompts, and its own sort of providers. PROV-14
    pub policy: Arc<Policy>,
    /// The model of requests for text that name none. CHAT-2
    pub default_text_model: Option<Arc<str>>,
    /// Whether it keeps answers of the Responses API where a request asks for it.
    pub stores_responses: bool,
}

/// The rules of all workspaces.
pub struct Rules<'a> {
    workspaces: HashMap<&'a str, WorkspaceRules>,
    /// For keys whose workspace is not there: what the account says.
    accounts: HashMap<&'a str, WorkspaceRules>,
    none: WorkspaceRules,
}

impl<'a> Rules<'a> {
    /// Reads the rows.
    pub fn new(state: &'a ControlState) -> Self {
        let of_account = |account: &'a store::Account| {
            let value = state.settings.get(&data_policy::setting_of(&account.id))?;
            let policy = Arc::new(DataPolicy::read(value).policy());
            Some((account.id.as_str(), WorkspaceRules { policy, ..WorkspaceRules::default() }))
        };
        let accounts: HashMap<_, _> = state.accounts.iter().filter_map(of_account).collect();
        let none = WorkspaceRules::default();
        let of_workspace = |workspace: &'a Workspace| {
            let account = accounts.get(workspace.account_id.as_str()).unwrap_or(&none);
            (workspace.id.as_str(), of_workspace(workspace, &account.policy))
        };
        let workspaces = state.workspaces.iter().map(of_workspace).collect();
        Self { workspaces, accounts, none }
    }

    /// Those that hold for a key.
    pub fn of(&self, key: &ApiKey) -> &WorkspaceRules {
        let workspace = self.workspaces.get(key.workspace_id.as_str());
        let account = || self.accounts.get(key.account_id.as_str());
        workspace.or_else(account).unwrap_or(&self.none)
    }
}

fn of_workspace(workspace: &Workspace, policy: &Arc<Policy>) -> WorkspaceRules {
    let settings = &workspace.settings;
    let sort = settings.default_provider_sort.as_deref().and_then(Sort::from_name);
    let policy = match sort {
        Some(sort) => Arc::new(Policy { default_sort: Some(sort), ..Policy::clone(policy) }),
        // Shared by all workspaces of the account.
        None => Arc::clone(policy),
    };
    WorkspaceRules {
        policy,
        default_text_model: settings.default_text_model.as_deref().map(Arc::from),
        stores_responses: settings.stores_responses,
    }
}
