//! What can go wrong in the store, in terms of what the reader can do about it.

use std::path::PathBuf;

/// Why a store operation failed. The engine's own error is kept as the source and is not part
/// of the type, so that engines can change behind it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database has migrations this binary has never heard of.
    #[error(
        "the database is at schema version {found} but this program knows only up to {known}: \
         it was written by a newer version; upgrade this program or restore an older backup"
    )]
    DatabaseNewer {
        /// Newest schema version found in the database.
        found: i64,
        /// Newest schema version this binary knows.
        known: i64,
    },
    /// The master key does not open what this database sealed.
    #[error(
        "the master key does not belong to this database: it was set up with another one; \
         give the original master key"
    )]
    WrongMasterKey,
    /// The text given as master key is not 32 bytes of hex or base64.
    #[error("the master key must be 32 bytes written as 64 hex digits or as base64")]
    MalformedMasterKey,
    /// One stored credential cannot be opened although the master key is right.
    #[error("provider credential {id} cannot be decrypted: its row was altered")]
    CredentialUnreadable {
        /// Identity of the credential.
        id: String,
    },
    /// The row addressed does not exist.
    #[error("no {what} with the identity {id}")]
    NotFound {
        /// The kind of row.
        what: &'static str,
        /// The identity asked for.
        id: String,
    },
    /// An argument that no row may hold.
    #[error("invalid {what}: {reason}")]
    Invalid {
        /// The field at fault.
        what: &'static str,
        /// Why it is refused.
        reason: String,
    },
    /// A stored value that this version cannot read.
    #[error("unreadable {what} in the database: {reason}")]
    Corrupt {
        /// The column or document at fault.
        what: &'static str,
        /// Why it could not be read.
        reason: String,
    },
    /// A file or folder could not be created, read or written.
    #[error("cannot use {path}")]
    File {
        /// The path concerned.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Another process serves from the same data.
    #[error("another process serves from {path}: stop it first, or use another data folder")]
    InUse {
        /// What that process holds.
        path: PathBuf,
    },
    /// A journal has settlements for another database, which must not be counted in this one.
    #[error(
        "the journal segment {path} has settlements for the database {owner}, but this database \
         is {found}: start with the database that the journal belongs to, or move the segment away \
         and keep it"
    )]
    ForeignJournal {
        /// The segment.
        path: PathBuf,
        /// The identity of the database it belongs to.
        owner: String,
        /// The identity of this database.
        found: String,
    },
    /// A journal has settlements, and the database they are for is not there: an empty one in its place
    /// would not be it.
    #[error(
        "there is no database yet, but the journal segment {path} has settlements for {owner}: put \
         that database back, or name it if it is elsewhere; to begin anew, move the segment away and \
         keep it"
    )]
    JournalWithoutDatabase {
        /// The segment.
        path: PathBuf,
        /// Which database it belongs to.
        owner: String,
    },
    /// The database does not answer, or does not do what it is asked, now: its server may be
    /// starting, or out of reach, it takes no writes, its disk is full, or somebody else has what is
    /// needed. The same may work in a while.
    #[error("the database cannot be reached, or takes no writes")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A question took longer than it may, and was ended.
    #[error("the question takes too long")]
    OutOfTime,
    /// Too many passwords are being worked on; the same may work in a moment.
    #[error("too many passwords are being checked")]
    TooMuchAtOnce,
    /// The operating system gave no random bytes.
    #[error("the system's random source failed: {0}")]
    Random(String),
    /// The settlement writer is gone or could not write.
    #[error("settlement failed")]
    Settlement(#[from] crate::SettleError),
    /// The database refused or failed.
    #[error("database failure")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}
