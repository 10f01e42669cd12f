//! Rates and concurrency for all nodes: what `ledger::rate` means, counted in one place.
//!
//! Unlike money, counts are not rebuilt when the server loses them: they begin anew, as they do
//! when a single node is started. Repeating after a lost answer may count a request twice, which
//! errs on the side of the limit.

use ledger::Micros;
use ledger::rate::{RateCounter, RateRule, RateVerdict, Shape, Span};

use super::link::{Unavailable, Valkey};
use super::script;
use super::wire::{Reader, exact};

/// How long counts are kept after the last request, in milliseconds: until no sliding day can have
/// them in it.
const LIFE_MS: u64 = 2 * 86_400_000;
/// Counts beyond this are this, in the server as well.
const MOST: u64 = i32::MAX as u64;

/// Counts of requests, by what they belong to.
#[derive(Debug, Clone)]
pub struct SharedRates {
    valkey: Valkey,
    prefix: String,
}

impl SharedRates {
    /// The counts of a deployment, which goes by `namespace` on that server.
    pub fn new(valkey: Valkey, namespace: &str) -> Self {
        Self { valkey, prefix: format!("{{{namespace}}}:") }
    }

    /// Counts a request if all rules allow it, as [`ledger::rate::RateCounters::admit`] does.
    pub async fn admit(
        &self,
        now: Micros,
        key: &str,
        rules: &[RateRule],
    ) -> Result<Option<RateVerdict>, Unavailable> {
        if rules.is_empty() {
            return Ok(None);
        }
        let now = self.valkey.now(now);
        let mut call = script::ADMIT.key(format!("{}rate:{key}", self.prefix));
        call.arg(now.div_euclid(Span::Minute.length())).arg(now.div_euclid(Span::Day.length()));
        call.arg(exact(now)).arg(LIFE_MS);
        for rule in rules {
            call.arg(u8::from(rule.span == Span::Day));
            call.arg(u8::from(rule.shape == Shape::Sliding)).arg(rule.requests.min(MOST));
        }
        let mut answer = Reader::of(self.valkey.run(true, None, &call).await?)?;
        // The rules' own code says what there is to say; the script has only decided to count.
        let allowed = answer.number()? == 1;
        let minute = counter(&mut answer)?;
        let day = counter(&mut answer)?;
        let verdict = ledger::rate::verdict(now, &minute, &day, rules);
        debug_assert_eq!(verdict.is_some_and(|verdict| verdict.is_allowed()), allowed);
        Ok(verdict)
    }

    /// What [`Self::admit`] would say, without counting.
    pub async fn check(
        &self,
        now: Micros,
        key: &str,
        rules: &[RateRule],
    ) -> Result<Option<RateVerdict>, Unavailable> {
        let now = self.valkey.now(now);
        // Where nothing is allowed, nothing is counted.
        let mut call = script::ADMIT.key(format!("{}rate:{key}", self.prefix));
        call.arg(now.div_euclid(Span::Minute.length())).arg(now.div_euclid(Span::Day.length()));
        call.arg(exact(now)).arg(LIFE_MS).arg(0).arg(0).arg(0);
        let mut answer = Reader::of(self.valkey.run(true, None, &call).await?)?;
        answer.number()?;
        let minute = counter(&mut answer)?;
        let day = counter(&mut answer)?;
        Ok(ledger::rate::verdict(now, &minute, &day, rules))
    }

    /// Enters if fewer than `most` are under way with that key, as
    /// [`ledger::rate::Concurrency::enter`] does, or is in already. Who does not leave, because
    /// their node died, is out when the lease is over, in microseconds from now; entering again
    /// renews it.
    pub async fn enter(
        &self,
        now: Micros,
        key: &str,
        who: u128,
        most: u64,
        lease: Micros,
    ) -> Result<bool, Unavailable> {
        let (now, lease) = (self.valkey.now(now), lease.max(0));
        let mut call = script::ENTER.key(self.running(key));
        call.arg(&who.to_be_bytes()[..]).arg(exact(now)).arg(exact(now.saturating_add(lease)));
        // Longer than the lease: the clock of the server may be another.
        call.arg(most.min(MOST)).arg((lease / 1000).clamp(0, i64::from(i32::MAX)) + 60_000);
        Ok(self.valkey.run(true, None, &call).await? == redis::Value::Int(1))
    }

    /// Leaves.
    pub async fn leave(&self, key: &str, who: u128) -> Result<(), Unavailable> {
        let key = self.running(key);
        let leave = async |mut connection: redis::aio::MultiplexedConnection| {
            let mut command = redis::cmd("ZREM");
            command.arg(&key).arg(&who.to_be_bytes()[..]);
            command.query_async::<()>(&mut connection).await
        };
        self.valkey.attempt(true, None, leave).await
    }

    fn running(&self, key: &str) -> String {
        format!("{}running:{key}", self.prefix)
    }
}

fn counter(answer: &mut Reader) -> Result<RateCounter, Unavailable> {
    let (span, current, previous) = (answer.number()?, answer.number()?, answer.number()?);
    Ok(RateCounter::new(span, current.unsigned_abs(), previous.unsigned_abs()))
}
