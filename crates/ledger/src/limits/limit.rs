//! Limits.

use std::fmt;

use super::spender::SpenderId;
use crate::{NanoUsd, Window};

/// What sets a limit, from the narrowest to the broadest. WS-7
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitKind {
    /// A guardrail's budget, for a key or a member it is assigned to: 403. GUARD-6, GUARD-7
    GuardrailBudget,
    /// A key's own limit: 402. KEYS-9
    KeyLimit,
    /// A member's limit.
    MemberLimit,
    /// A workspace's budget: 403. WS-7
    WorkspaceBudget,
    /// The credits of the account: 402. CREDIT-4
    AccountBalance,
}

impl fmt::Display for LimitKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::GuardrailBudget => "guardrail budget",
            Self::KeyLimit => "key limit",
            Self::MemberLimit => "member limit",
            Self::WorkspaceBudget => "workspace budget",
            Self::AccountBalance => "account balance",
        })
    }
}

/// A bound on what a spender uses within a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    /// Whose spending is bounded.
    pub spender: SpenderId,
    /// What sets it.
    pub kind: LimitKind,
    /// Over which window. That of an account balance is its lifetime, whatever is said here.
    pub window: Window,
    /// How much, in nano-dollars; for an account balance all credits it was ever given. CREDIT-3
    pub amount: NanoUsd,
    /// Whether what owners of credentials pay counts (KEYS-10, WS-5); never toward a balance.
    pub includes_byok: bool,
}

impl Limit {
    /// The balance of an account that was given so many nano-dollars of credits. CREDIT-3
    pub const fn balance(account: SpenderId, total_credits: NanoUsd) -> Self {
        Self {
            spender: account,
            kind: LimitKind::AccountBalance,
            window: Window::Lifetime,
            amount: total_credits,
            includes_byok: false,
        }
    }

    /// Whether it is an account's balance, which is exhausted for good by a debt. CREDIT-4
    pub const fn is_balance(&self) -> bool {
        matches!(self.kind, LimitKind::AccountBalance)
    }

    /// Whether what owners of credentials pay counts toward it.
    pub const fn counts_byok(&self) -> bool {
        self.includes_byok && !self.is_balance()
    }

    /// The window that is counted.
    pub const fn span(&self) -> Window {
        if self.is_balance() { Window::Lifetime } else { self.window }
    }

    /// Orders limits by how much they take in. WS-7
    pub const fn breadth(&self) -> (LimitKind, Window) {
        (self.kind, self.span())
    }
}
