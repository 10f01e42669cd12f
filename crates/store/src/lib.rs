//! Persistence: the control plane (accounts, members, workspaces, budgets, credit, keys,
//! credentials, catalogue overlays, settings, and the log of who changed them) and the books
//! (generations and their roll-ups).
//!
//! [`Store`] hides the database engine, SQLite or PostgreSQL; nothing of it shows in this
//! interface. Control-plane tables are small and read whole into a [`ControlState`]. Generations are written by one
//! settlement writer in group commits; see [`Settlements`].
//!
//! What many nodes have to know at once, and no database is quick enough for, is in [`shared`].
//!
//! Times are [`Micros`] and always given by the caller: this crate reads no clock. Money is in
//! nano-dollars.

mod account;
mod analytics;
mod api_key;
mod api_key_page;
mod attempts;
mod audit;
mod authorization_code;
mod backup;
mod budget;
mod calendar;
mod control;
mod credential;
mod credit;
mod engine;
mod error;
mod files;
mod generation;
mod identity;
mod journal;
mod key_secret;
mod master_key;
mod member;
mod overlay;
mod roll_up;
mod secret;
mod seed;
mod setting;
mod settlement;
pub mod shared;
mod store;
mod stored_response;
#[cfg(test)]
mod tests;
mod usage;
mod workspace;

pub use account::Account;
pub use analytics::{
    ActivityQuery, ActivityRow, AnalyticsQuery, AnalyticsResult, AnalyticsRow, Dimension,
    Direction, Figure, Filter, Granularity, Metric, Operator, Order, OrderBy, TimeRange,
};
pub use api_key::{
    ApiKey, ApiKeyChange, CreatedApiKey, KeyRates, LimitReset, NewApiKey, api_key_hash,
};
pub use api_key_page::{ApiKeyFilter, ApiKeyStart};
pub use attempts::AttemptLine;
pub use audit::{Actor, ActorKind, AuditCursor, AuditEntry, AuditPage};
pub use authorization_code::{AUTHORIZATION_CODE_LIFE, Challenge, ChallengeMethod, Redemption};
pub use backup::Restored;
pub use budget::{BudgetInterval, WorkspaceBudget};
pub use control::ControlState;
pub use credential::{
    CredentialChange, CredentialSource, CredentialTest, NewProviderCredential, ProviderCredential,
    TestState,
};
pub use credit::{LedgerCursor, LedgerEntry, LedgerKind, LedgerPage, NewLedgerEntry};
pub use engine::{Changes, Retention, Revision, Schema};
pub use error::StoreError;
pub use generation::{
    Attempt, FeedbackCategory, Generation, GenerationCursor, GenerationExport, GenerationFeedback,
    GenerationFilter, GenerationPage, GenerationStatus, HistogramLine, PriceState, SettledBy,
    generation_id,
};
pub use identity::{
    Accepted, CreatedSession, Device, INVITATION_LIFE, Invitation, InvitationKind, KeyOrigin,
    LEAST_PASSWORD, MOST_PASSWORD, MemberSession, NewInvitation, RESET_LIFE, SEEN_EVERY,
    SESSION_IDLE, SESSION_LIFE, SETUP_LIFE, SignOn, hash_password, session_hash, verify_password,
};
pub use journal::{Owner, Residue};
pub use key_secret::KeySecret;
pub use master_key::MasterKey;
pub use member::{Member, MemberChange, MemberLimit, MemberRole, NewMember};
pub use overlay::{Overlay, OverlayKind};
pub use secret::Secret;
pub use seed::{SeedPlan, USUAL_MODELS};
pub use settlement::tail::{GenerationTail, Settled};
pub use settlement::withheld::Withheld;
pub use settlement::{AnswerRelay, Committed, Full, SettleError, Settlements, Slot};
pub use store::Store;
pub use stored_response::{ChainBounds, StoredChain, StoredResponse, StoredTurn};
pub use usage::{KeyUsage, UsageScope, Windows};
pub use workspace::{
    DEFAULT_WORKSPACE_SLUG, WHOLE_SAMPLE, Workspace, WorkspaceMember, WorkspaceSettings,
};

/// Microseconds since the Unix epoch, UTC.
pub type Micros = i64;
