//! How many files this process may have open: each connection is one, and the system's usual limit
//! is far below what a gateway serves.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What else has files open: the database, the journal, connections that are kept for later.
const RESERVED: u64 = 256;

/// What one caller takes: its own connection, and one to a provider.
const FOR_EACH_CALLER: u64 = 2;

/// How many files may be open; `None`: as many as there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles(pub Option<u64>);

impl OpenFiles {
    /// Raises the limit as far as this process may by itself, and tells what it is then.
    pub fn raised() -> Self {
        let found = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: found.maximum, maximum: found.maximum };
        if found.current == found.maximum || setrlimit(Resource::Nofile, raised).is_err() {
            // A system that does not take what it calls the most leaves it as it was.
            return Self(found.current);
        }
        Self(found.maximum)
    }

    /// How many callers there is room for, if that is less than `wanted`; at least one.
    pub fn fewer_than(self, wanted: usize) -> Option<usize> {
        let room = self.0?.saturating_sub(RESERVED) / FOR_EACH_CALLER;
        let room = usize::try_from(room).unwrap_or(usize::MAX).max(1);
        (room < wanted).then_some(room)
    }

    /// What limit so many callers need.
    pub fn needed_for(callers: usize) -> u64 {
        let callers = u64::try_from(callers).unwrap_or(u64::MAX);
        callers.saturating_mul(FOR_EACH_CALLER).saturating_add(RESERVED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_takes_two_files() {
        assert_eq!(OpenFiles(Some(1024)).fewer_than(10_000), Some(384));
        assert_eq!(OpenFiles(Some(1024)).fewer_than(384), None);
        assert_eq!(OpenFiles(Some(10)).fewer_than(2), Some(1));
        assert_eq!(OpenFiles(None).fewer_than(usize::MAX), None);
        let enough = OpenFiles(Some(OpenFiles::needed_for(10_000)));
        assert_eq!((enough.fewer_than(10_000), enough.fewer_than(10_001)), (None, Some(10_000)));
    }
}
