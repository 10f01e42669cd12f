//! What roles may do.

use protocol::exchange::{ErrorType, Fault};
use store::MemberRole;

/// Something that a role may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Sees and makes keys of its own.
    KeysOwn,
    /// Sees and changes everybody's keys.
    KeysAll,
    /// Sees everybody's activity.
    ActivityAll,
    /// Invites, changes and removes members.
    Members,
    /// Sees and grants credit.
    Credits,
    /// Stores and removes keys for providers.
    Credentials,
    /// Makes and changes workspaces.
    Workspaces,
    /// Changes the policy for data.
    Privacy,
    /// Changes settings of the account.
    Settings,
    /// Reads the log of changes.
    Audit,
    /// Makes and revokes management keys.
    ManagementKeys,
}

impl Ability {
    const ALL: [Self; 11] = [
        Self::KeysOwn,
        Self::KeysAll,
        Self::ActivityAll,
        Self::Members,
        Self::Credits,
        Self::Credentials,
        Self::Workspaces,
        Self::Privacy,
        Self::Settings,
        Self::Audit,
        Self::ManagementKeys,
    ];

    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeysOwn => "keys.own",
            Self::KeysAll => "keys.all",
            Self::ActivityAll => "activity.all",
            Self::Members => "members",
            Self::Credits => "credits",
            Self::Credentials => "credentials",
            Self::Workspaces => "workspaces",
            Self::Privacy => "privacy",
            Self::Settings => "settings",
            Self::Audit => "audit",
            Self::ManagementKeys => "management_keys",
        }
    }

    /// Whether a role has it. What only owners may do depends on the member it is done to, and is
    /// asked where it is done.
    pub fn is_of(self, role: MemberRole) -> bool {
        match role {
            MemberRole::Owner | MemberRole::Admin => true,
            MemberRole::Member => self == Self::KeysOwn,
        }
    }

    /// The words of what a role has.
    pub fn of(role: MemberRole) -> Vec<&'static str> {
        Self::ALL.into_iter().filter(|one| one.is_of(role)).map(Self::as_str).collect()
    }

    /// Refuses to a role what it has not.
    pub fn check(self, role: MemberRole) -> Result<(), Fault> {
        match self.is_of(role) {
            true => Ok(()),
            false => Err(refusal("do this", role)),
        }
    }
}

/// Says which roles may, and which one the caller has.
pub fn refusal(what: &str, role: MemberRole) -> Fault {
    let role = match role {
        MemberRole::Owner => "an owner",
        MemberRole::Admin => "an admin",
        MemberRole::Member => "a member",
    };
    let message = format!("Only owners and admins may {what}; you are {role}");
    Fault::new(ErrorType::PermissionDenied, message)
}
