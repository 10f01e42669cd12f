//! A token and when it should be replaced.

use crate::Secret;

/// The longest a token is trusted to live, in seconds: a day, the longest of the providers served
/// (managed identities). What claims more is asked for again after a day.
const LONGEST_LIFE: u64 = 24 * 60 * 60;

/// How long before its end a token is renewed, in seconds. Google's metadata service hands out the
/// token it has until four minutes before that one's end, so an earlier question gets the same
/// again; `google-auth` asks from 3:45 on.
const MARGIN: u64 = 225;

/// How long before its end a token is no longer sent, in seconds: a request takes time to arrive,
/// and clocks differ.
const LAST_CALL: u64 = 10;

/// An access token with its end.
#[derive(Clone, Debug)]
pub struct Token {
    value: Secret,
    renew_at: u64,
    expires_at: u64,
}

/// What is to be done about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Nothing: use it.
    Fresh,
    /// Use it, and ask for another meanwhile.
    Due,
    /// Do not use it: wait for another.
    Ended,
}

impl Token {
    /// A token got at `at` that lives for `life` seconds, of which a day is believed.
    pub(crate) fn new(value: Secret, life: u64, at: u64) -> Self {
        let life = life.min(LONGEST_LIFE);
        // A short life is not all margin: three quarters of it are used in peace.
        let margin = MARGIN.min(life / 4);
        let expires_at = at.saturating_add(life);
        Self { value, renew_at: expires_at - margin, expires_at }
    }

    /// The token itself: visible ASCII, without a prefix.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> Secret {
        bearer(self.value.expose())
    }

    /// When it ends, in seconds since 1970.
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// From when on another should be asked for, in seconds since 1970; always before the end.
    pub fn renew_at(&self) -> u64 {
        self.renew_at
    }

    /// What is to be done about it at a time, in seconds since 1970.
    pub fn renewal(&self, at: u64) -> Renewal {
        if at.saturating_add(LAST_CALL) >= self.expires_at {
            Renewal::Ended
        } else if at >= self.renew_at {
            Renewal::Due
        } else {
            Renewal::Fresh
        }
    }
}

/// `Bearer` and a token. RFC 6750 2.1
pub(crate) fn bearer(token: &str) -> Secret {
    let mut text = String::with_capacity("Bearer ".len() + token.len());
    text.push_str("Bearer ");
    text.push_str(token);
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(life: u64) -> Token {
        Token::new(Secret::new("t"), life, 1000)
    }

    #[test]
    fn it_is_renewed_before_its_end_and_not_used_at_its_end() {
        let hour = token(3600);
        assert_eq!((hour.renew_at(), hour.expires_at()), (1000 + 3600 - 225, 1000 + 3600));
        assert_eq!(hour.renewal(1000), Renewal::Fresh);
        assert_eq!(hour.renewal(4374), Renewal::Fresh);
        assert_eq!(hour.renewal(4375), Renewal::Due);
        assert_eq!(hour.renewal(4589), Renewal::Due);
        assert_eq!(hour.renewal(4590), Renewal::Ended);
        assert_eq!(hour.renewal(u64::MAX), Renewal::Ended);
    }

    #[test]
    fn a_short_life_is_not_all_margin() {
        let short = token(100);
        assert_eq!((short.renew_at(), short.expires_at()), (1075, 1100));
        assert_eq!(short.renewal(1000), Renewal::Fresh);
        assert_eq!(token(0).renewal(1000), Renewal::Ended);
    }

    #[test]
    fn more_than_a_day_is_not_believed() {
        assert_eq!(token(u64::MAX).expires_at(), 1000 + 86_400);
        let late = Token::new(Secret::new("t"), u64::MAX, u64::MAX);
        assert_eq!(late.renewal(u64::MAX), Renewal::Ended);
    }

    #[test]
    fn it_does_not_show_itself() {
        let token = Token::new(Secret::new("ya29.hidden"), 60, 0);
        assert!(!format!("{token:?}").contains("hidden"));
        assert_eq!(token.authorization().expose(), "Bearer ya29.hidden");
    }
}
