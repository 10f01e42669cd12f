//! What limits a key, compiled once.

use std::collections::HashMap;

use ledger::{
    BasisPoints, Limit, LimitKind, Markup, NanoUsd, SpenderId, SpenderKind, Spenders, Window,
};
use store::{BudgetInterval, ControlState, KeyRates, LimitReset};

/// Who spends when a key is used, and under which limits. Requests borrow it: nothing of it is
/// made anew for each.
#[derive(Debug)]
pub struct Terms {
    /// Account, workspace, member if there is one, key.
    pub spenders: Box<[SpenderId]>,
    /// All limits that apply, those of the account first. Empty: unlimited.
    pub limits: Box<[Limit]>,
    /// What the workspace is charged on top of what providers charge. CREDIT-1
    pub markup: Markup,
    /// All credits the account was ever given, in nano-dollars; `None` for an account without
    /// entries in its ledger, which is unlimited. CREDIT-3
    pub total_credits: Option<NanoUsd>,
    /// How fast the key may be used, and how much at once.
    pub rates: OwnRates,
}

/// What a key's rates are, where they are not those of every key. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnRates {
    /// Requests that may begin in any minute.
    pub per_minute: Option<u64>,
    /// Requests that may begin in a UTC day.
    pub per_day: Option<u64>,
    /// Requests that may run at once.
    pub concurrency: Option<u64>,
}

impl From<KeyRates> for OwnRates {
    fn from(rates: KeyRates) -> Self {
        let number = |number: Option<i64>| number.map(|number| u64::try_from(number).unwrap_or(0));
        Self {
            per_minute: number(rates.requests_per_minute),
            per_day: number(rates.requests_per_day),
            concurrency: number(rates.concurrency),
        }
    }
}

impl Terms {
    /// The key itself.
    pub fn key(&self) -> SpenderId {
        // The last of at least three: see `TermsSource::of`.
        self.spenders[self.spenders.len() - 1]
    }

    /// The account.
    pub fn account(&self) -> SpenderId {
        self.spenders[0]
    }

    /// Whether a limit counts what is paid with credits.
    pub fn limits_credits(&self) -> bool {
        !self.limits.is_empty()
    }

    /// Whether a limit counts what owners of credentials pay. KEYS-10
    pub fn limits_byok(&self) -> bool {
        self.limits.iter().any(counts_byok)
    }
}

/// Whether what owners of credentials pay counts toward a limit; never toward a balance.
pub fn counts_byok(limit: &Limit) -> bool {
    limit.includes_byok && limit.kind != LimitKind::AccountBalance
}

/// The setting that names mark-ups: an object of basis points by the workspace's identity.
const MARKUPS: &str = "workspace_markups";

/// The rows that limits come from, by whose they are.
pub struct TermsSource<'a> {
    credits: HashMap<&'a str, NanoUsd>,
    budgets: HashMap<&'a str, Vec<(Window, NanoUsd)>>,
    members: HashMap<&'a str, Vec<(Window, NanoUsd, bool)>>,
    includes_byok: HashMap<&'a str, bool>,
    markups: HashMap<&'a str, Markup>,
}

impl<'a> TermsSource<'a> {
    /// Sorts the rows.
    pub fn new(state: &'a ControlState) -> Self {
        let mut budgets: HashMap<&str, Vec<_>> = HashMap::new();
        for budget in &state.workspace_budgets {
            let entry = (window(budget.interval), NanoUsd(budget.limit_nano_usd));
            budgets.entry(&budget.workspace_id).or_default().push(entry);
        }
        let mut members: HashMap<&str, Vec<_>> = HashMap::new();
        for limit in &state.member_limits {
            let amount = NanoUsd(limit.limit_nano_usd);
            let entry = (window(limit.interval), amount, limit.include_byok);
            members.entry(&limit.member_id).or_default().push(entry);
        }
        let markups = state.settings.get(MARKUPS).and_then(|value| value.as_object());
        for mistake in Self::mistakes_in_markups(state) {
            tracing::warn!(setting = MARKUPS, mistake, "a mark-up is not in force");
        }
        Self {
            credits: state.credits.iter().map(|(id, sum)| (id.as_str(), NanoUsd(*sum))).collect(),
            budgets,
            members,
            includes_byok: state
                .workspaces
                .iter()
                .map(|row| (row.id.as_str(), row.settings.include_byok_in_budgets))
                .collect(),
            markups: markups
                .into_iter()
                .flatten()
                .filter_map(|(workspace, points)| Some((workspace.as_str(), markup(points)?)))
                .collect(),
        }
    }

    /// What of the mark-ups has no effect, and why: the setting is written by hand, and a workspace
    /// would be charged too little with nobody the wiser.
    pub fn mistakes_in_markups(state: &ControlState) -> Vec<String> {
        let Some(value) = state.settings.get(MARKUPS) else { return Vec::new() };
        let Some(markups) = value.as_object() else {
            return vec![format!("{value} is no object of basis points by the workspace's id")];
        };
        let mut mistakes = Vec::new();
        for (named, points) in markups {
            if markup(points).is_none() {
                mistakes.push(format!(
                    "{points} of {named} is no number of basis points, whole and not negative"
                ));
            }
            if state.workspaces.iter().any(|row| row.id == *named) {
                continue;
            }
            let by_slug = state.workspaces.iter().find(|row| row.settings.slug == *named);
            mistakes.push(match by_slug {
                Some(row) => format!("{named} is a slug: the id of that workspace is {}", row.id),
                None => format!("{named} is no workspace's id"),
            });
        }
        mistakes
    }

    /// The terms of a key.
    pub fn of(&self, key: &store::ApiKey, names: &mut Spenders) -> Terms {
        let account = names.intern(SpenderKind::Account, &key.account_id);
        let workspace = names.intern(SpenderKind::Workspace, &key.workspace_id);
        let member = key.member_id.as_deref();
        let member = member.map(|id| (id, names.intern(SpenderKind::Member, id)));
        let of_key = names.intern(SpenderKind::Key, &key.hash);
        let total_credits = self.credits.get(key.account_id.as_str()).copied();
        let mut limits = Vec::new();
        limits.extend(total_credits.map(|total| Limit::balance(account, total)));
        let includes_byok =
            self.includes_byok.get(key.workspace_id.as_str()).copied().unwrap_or_default();
        for (window, amount) in self.budgets.get(key.workspace_id.as_str()).into_iter().flatten() {
            limits.push(Limit {
                spender: workspace,
                kind: LimitKind::WorkspaceBudget,
                window: *window,
                amount: *amount,
                includes_byok,
            });
        }
        if let Some((id, member)) = member {
            for (window, amount, includes_byok) in self.members.get(id).into_iter().flatten() {
                limits.push(Limit {
                    spender: member,
                    kind: LimitKind::MemberLimit,
                    window: *window,
                    amount: *amount,
                    includes_byok: *includes_byok,
                });
            }
        }
        limits.extend(key.limit_nano_usd.map(|amount| Limit {
            spender: of_key,
            kind: LimitKind::KeyLimit,
            window: reset_window(key.limit_reset),
            amount: NanoUsd(amount),
            includes_byok: key.include_byok_in_limit,
        }));
        let mut spenders = vec![account, workspace];
        spenders.extend(member.map(|(_, member)| member));
        spenders.push(of_key);
        Terms {
            spenders: spenders.into(),
            limits: limits.into(),
            markup: self.markups.get(key.workspace_id.as_str()).copied().unwrap_or_default(),
            total_credits,
            rates: key.rates.into(),
        }
    }
}

fn markup(points: &serde_json::Value) -> Option<Markup> {
    u32::try_from(points.as_u64()?).ok().map(|points| Markup(BasisPoints(points)))
}

/// The window of a budget or of a member's limit.
pub fn window(interval: BudgetInterval) -> Window {
    match interval {
        BudgetInterval::Daily => Window::Daily,
        BudgetInterval::Weekly => Window::Weekly,
        BudgetInterval::Monthly => Window::Monthly,
        BudgetInterval::Lifetime => Window::Lifetime,
    }
}

/// The window of a key's limit. KEYS-8
pub fn reset_window(reset: Option<LimitReset>) -> Window {
    match reset {
        None => Window::Lifetime,
        Some(LimitReset::Daily) => Window::Daily,
        Some(LimitReset::Weekly) => Window::Weekly,
        Some(LimitReset::Monthly) => Window::Monthly,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::{Actor, Store};

    use super::*;

    #[tokio::test]
    async fn a_mark_up_without_effect_is_told_with_its_reason() {
        let store = Store::open_temporary().await.unwrap();
        let workspace = store.workspaces().await.unwrap().remove(0);
        let (id, slug) = (workspace.id.as_str(), workspace.settings.slug.as_str());
        for (value, expected) in [
            (json!({ id: 500 }), None),
            (json!({ id: 0 }), None),
            (json!({ id: "500" }), Some("\"500\"")),
            (json!({ id: -1 }), Some("-1")),
            (json!({ id: 2.5 }), Some("2.5")),
            (json!({ slug: 500 }), Some(id)),
            (json!({ "nobody": 500 }), Some("nobody")),
            (json!([500]), Some("no object")),
        ] {
            store.put_setting(MARKUPS, &value, &Actor::system(), 1).await.unwrap();
            let state = store.snapshot().await.unwrap();
            let mistakes = TermsSource::mistakes_in_markups(&state);
            match expected {
                None => assert_eq!(mistakes, Vec::<String>::new(), "{value}"),
                Some(part) => {
                    assert!(mistakes.len() == 1 && mistakes[0].contains(part), "{mistakes:?}");
                }
            }
        }
    }
}
