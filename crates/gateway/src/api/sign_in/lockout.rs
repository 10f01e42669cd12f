//! Who failed to sign in too often. Each node counts for itself, in memory.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use protocol::exchange::{ErrorType, Fault};
use sha2::{Digest as _, Sha256};
use store::Micros;

use crate::api::time::iso;

/// The time in which failures count together.
const SPAN: Micros = 15 * 60 * 1_000_000;

/// Failures of an account after which it is locked.
const MOST_OF_ACCOUNT: usize = 5;

/// Failures from an address after which it is locked.
const MOST_OF_ADDRESS: usize = 50;

/// How many accounts, and how many addresses, are remembered; of those that are not locked the one
/// that failed longest ago is forgotten first. Locked ones are beside that: each has cost the work of
/// several passwords, so that there are only so many in the time they stay.
const MOST_REMEMBERED: usize = 4096;

/// Counts failures. Whether there is an account does not matter, so that nothing is told by it.
#[derive(Default)]
pub struct Lockout {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    accounts: Failures,
    addresses: Failures,
}

/// When somebody failed, by the hash of a name: names may be of any length.
#[derive(Default)]
struct Failures(HashMap<[u8; 32], VecDeque<Micros>>);

impl Lockout {
    /// Counts an attempt as a failure until it is known to be none, so that many at once are no
    /// way around; refuses it where there were too many. Tells whether it locks the account or the
    /// address, should it fail.
    pub fn begin(&self, account: &str, address: &str, now: Micros) -> Result<bool, Fault> {
        let address = &network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Counts { accounts, addresses } = &mut *counts;
        let until = accounts
            .locked_until(account, MOST_OF_ACCOUNT, now)
            .max(addresses.locked_until(address, MOST_OF_ADDRESS, now));
        if let Some(until) = until {
            return Err(locked(until, now));
        }
        accounts.add(account, MOST_OF_ACCOUNT, now);
        addresses.add(address, MOST_OF_ADDRESS, now);
        Ok(accounts.locked_until(account, MOST_OF_ACCOUNT, now).is_some()
            || addresses.locked_until(address, MOST_OF_ADDRESS, now).is_some())
    }

    /// Takes an attempt back that was none that failed, and forgets the account's failures.
    pub fn succeeded(&self, account: &str, address: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.accounts.0.remove(&key(account));
        counts.addresses.take_back(&network(address));
    }

    /// Takes an attempt back that could not be made.
    pub fn not_made(&self, account: &str, address: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.accounts.take_back(account);
        counts.addresses.take_back(&network(address));
    }
}

impl Failures {
    fn locked_until(&mut self, name: &str, most: usize, now: Micros) -> Option<Micros> {
        let times = self.0.get_mut(&key(name))?;
        while times.front().is_some_and(|time| time.saturating_add(SPAN) <= now) {
            times.pop_front();
        }
        let first = times.len().checked_sub(most)?;
        Some(times.get(first)?.saturating_add(SPAN))
    }

    fn add(&mut self, name: &str, most: usize, now: Micros) {
        let key = key(name);
        if self.0.len() >= MOST_REMEMBERED && !self.0.contains_key(&key) {
            self.0.retain(|_, times| {
                times.back().is_some_and(|time| now < time.saturating_add(SPAN))
            });
            let is_locked = |times: &VecDeque<Micros>| {
                let first = times.len().checked_sub(most).and_then(|first| times.get(first));
                first.is_some_and(|time| now < time.saturating_add(SPAN))
            };
            let free = self.0.iter().filter(|(_, times)| !is_locked(times));
            let oldest = free.min_by_key(|(_, times)| times.back().copied());
            if let Some(oldest) = oldest.map(|(key, _)| *key)
                && self.0.len() >= MOST_REMEMBERED
            {
                self.0.remove(&oldest);
            }
        }
        self.0.entry(key).or_default().push_back(now);
    }

    fn take_back(&mut self, name: &str) {
        let key = key(name);
        let Some(times) = self.0.get_mut(&key) else { return };
        times.pop_back();
        if times.is_empty() {
            self.0.remove(&key);
        }
    }
}

/// What counts as one address: of IPv6 the network of 64 bits that a single line has at least, and
/// of which whoever has one takes a new address for each attempt.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

fn key(name: &str) -> [u8; 32] {
    Sha256::digest(name.trim().to_lowercase()).into()
}

fn locked(until: Micros, now: Micros) -> Fault {
    let message = format!("Too many attempts failed; try again after {}", iso(until));
    let mut fault = Fault::new(ErrorType::RateLimitExceeded, message);
    let seconds = until.saturating_sub(now).div_euclid(1_000_000).saturating_add(1);
    fault.retry_after = u64::try_from(seconds).ok();
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_lock_an_account_until_the_first_is_old() {
        let lockout = Lockout::default();
        for now in 0..5 {
            lockout.begin("a@example.org", &format!("192.0.2.{now}"), now).unwrap();
        }
        let refused = lockout.begin(" A@example.org", "192.0.2.9", 5).unwrap_err();
        assert_eq!((refused.status, refused.retry_after), (429, Some(900)));
        assert!(refused.message.contains("1970-01-01T00:15:00"), "{}", refused.message);
        lockout.begin("b@example.org", "192.0.2.9", 5).unwrap();
        lockout.begin("a@example.org", "192.0.2.9", SPAN).unwrap();
        assert!(lockout.begin("a@example.org", "192.0.2.9", SPAN).is_err());
    }

    #[test]
    fn the_failure_that_locks_is_told() {
        let lockout = Lockout::default();
        let locks = |n: i64| lockout.begin("a@example.org", "192.0.2.1", n).unwrap();
        assert_eq!([0, 1, 2, 3, 4].map(locks), [false, false, false, false, true]);
        for n in 0..45 {
            let locks = lockout.begin(&format!("{n}@example.org"), "192.0.2.1", 5).unwrap();
            assert_eq!(locks, n == 44, "{n}");
        }
    }

    /// Who has one address of a network has all of it.
    #[test]
    fn an_address_of_ipv6_is_its_network() {
        let lockout = Lockout::default();
        for n in 0..50 {
            let (account, address) = (format!("{n}@example.org"), format!("2001:db8:1:2:{n}::1"));
            lockout.begin(&account, &address, 1).unwrap();
        }
        assert!(lockout.begin("x@example.org", "2001:db8:1:2::9", 2).is_err());
        lockout.begin("x@example.org", "2001:db8:1:3::9", 2).unwrap();
        lockout.not_made("0@example.org", "2001:db8:1:2:ffff::7");
        lockout.begin("x@example.org", "2001:db8:1:2::9", 2).unwrap();
        // What is IPv4 stays one address, however it is written.
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network(""), "");
    }

    #[test]
    fn a_success_is_no_failure_of_the_address_and_ends_those_of_the_account() {
        let lockout = Lockout::default();
        for _ in 0..200 {
            lockout.begin("a", "192.0.2.1", 1).unwrap();
            lockout.succeeded("a", "192.0.2.1");
        }
        for _ in 0..4 {
            lockout.begin("a", "192.0.2.1", 1).unwrap();
        }
        lockout.begin("a", "192.0.2.1", 1).unwrap();
        lockout.succeeded("a", "192.0.2.1");
        for _ in 0..5 {
            lockout.begin("a", "192.0.2.1", 1).unwrap();
        }
        assert!(lockout.begin("a", "192.0.2.1", 1).is_err());
        lockout.not_made("a", "192.0.2.1");
        assert!(lockout.begin("a", "192.0.2.1", 1).is_ok());
    }

    /// Otherwise whoever guesses begins anew by failing under many other names.
    #[test]
    fn who_is_locked_is_not_forgotten_for_others() {
        let lockout = Lockout::default();
        for _ in 0..5 {
            lockout.begin("a@example.org", "192.0.2.1", 1).unwrap();
        }
        for n in 0..MOST_REMEMBERED + 20 {
            lockout.begin(&format!("{n}@example.org"), &n.to_string(), 2).unwrap();
        }
        assert!(lockout.begin("a@example.org", "192.0.2.2", 3).is_err());
        assert_eq!(lockout.counts.lock().unwrap().accounts.0.len(), MOST_REMEMBERED);
    }

    #[test]
    fn fifty_failures_lock_an_address_and_what_is_remembered_is_bounded() {
        let lockout = Lockout::default();
        for n in 0..50 {
            lockout.begin(&format!("{n}@example.org"), "192.0.2.1", n).unwrap();
        }
        assert!(lockout.begin("other@example.org", "192.0.2.1", 60).is_err());
        for n in 0..i64::try_from(MOST_REMEMBERED).unwrap() + 20 {
            let _ = lockout.begin(&format!("{n}@example.org"), &n.to_string(), 100 + n);
        }
        let counts = lockout.counts.lock().unwrap();
        assert!(counts.accounts.0.len() <= MOST_REMEMBERED);
        assert!(counts.addresses.0.len() <= MOST_REMEMBERED);
    }
}
