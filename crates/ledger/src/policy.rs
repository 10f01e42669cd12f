//! What happens where a price is unknown. Unknown, free and not allowed are three facts.

use catalog::{PriceList, PriceState};

/// Who pays for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaidBy {
    /// The account's credits.
    Credits,
    /// The owner of the provider credential: only counted here. KEYS-10, USAGE-5
    OwnCredential,
}

/// What is done with a request whose price is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnknownPrice {
    /// It is not made: nothing could be reserved for it, so no limit would hold.
    Refuse,
    /// It is made, and its record says that the cost is unknown, which is not zero.
    ServeAndFlag,
}

/// What is done with unknown prices, by who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PricePolicy {
    /// Where credits pay.
    pub on_credits: UnknownPrice,
    /// Where the owner of the credential pays.
    pub on_own_credential: UnknownPrice,
}

impl Default for PricePolicy {
    /// Credits are not spent on what has no price; an own credential's bill comes from the
    /// provider in any case.
    fn default() -> Self {
        Self { on_credits: UnknownPrice::Refuse, on_own_credential: UnknownPrice::ServeAndFlag }
    }
}

/// What a policy says of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PriceVerdict {
    /// The price is known: reserve, serve, bill.
    Known,
    /// The price is known to be nothing. CREDIT-7
    Free,
    /// The price is unknown: serve, and record the cost as unknown.
    Unknown,
    /// The price is unknown: do not serve.
    Refused,
}

impl PricePolicy {
    /// What to do at these prices.
    pub fn judge(&self, prices: &PriceList, paid_by: PaidBy) -> PriceVerdict {
        let choice = match paid_by {
            PaidBy::Credits => self.on_credits,
            PaidBy::OwnCredential => self.on_own_credential,
        };
        match (prices.state(), choice) {
            (PriceState::Known, _) => PriceVerdict::Known,
            (PriceState::Free, _) => PriceVerdict::Free,
            (PriceState::Unknown, UnknownPrice::ServeAndFlag) => PriceVerdict::Unknown,
            (PriceState::Unknown, UnknownPrice::Refuse) => PriceVerdict::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use catalog::{Meter, PicoUsd};

    use super::*;

    #[test]
    fn unknown_free_and_refused_are_told_apart() {
        let policy = PricePolicy::default();
        let unknown = PriceList::default();
        assert_eq!(policy.judge(&unknown, PaidBy::Credits), PriceVerdict::Refused);
        assert_eq!(policy.judge(&unknown, PaidBy::OwnCredential), PriceVerdict::Unknown);
        let open = PricePolicy { on_credits: UnknownPrice::ServeAndFlag, ..policy };
        assert_eq!(open.judge(&unknown, PaidBy::Credits), PriceVerdict::Unknown);
        let strict = PricePolicy { on_own_credential: UnknownPrice::Refuse, ..policy };
        assert_eq!(strict.judge(&unknown, PaidBy::OwnCredential), PriceVerdict::Refused);
        for (price, verdict) in [(0, PriceVerdict::Free), (1, PriceVerdict::Known)] {
            let prices =
                PriceList { base: vec![(Meter::Prompt, PicoUsd(price))], ..unknown.clone() };
            assert_eq!(strict.judge(&prices, PaidBy::Credits), verdict);
            assert_eq!(strict.judge(&prices, PaidBy::OwnCredential), verdict);
        }
    }
}
