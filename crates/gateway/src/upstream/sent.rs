//! What a request shows a provider as a secret is taken out of what the provider says: some repeat a
//! key in their errors, and those are for callers to read.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use memchr::memmem;
use protocol::exchange::Fault;
use protocol::json::RawJson;

/// Shorter ones are not looked for, in bytes: they stand in texts by chance, and guard nothing.
const SHORTEST: usize = 8;
/// What stands in the place of each byte. Nothing has to be told anew of how long a text is.
const IN_PLACE: u8 = b'*';

/// The secrets of a way to a provider, as they may be repeated. They do not show themselves.
#[derive(Default)]
pub struct Sent(Vec<Vec<u8>>);

impl Sent {
    /// These headers' secrets.
    pub(super) fn of<'h>(headers: impl IntoIterator<Item = &'h HeaderValue>) -> Self {
        let mut sent = Self::default();
        headers.into_iter().for_each(|value| sent.add(value.as_bytes()));
        sent
    }

    /// One more, with or without the scheme before it.
    pub(super) fn add(&mut self, value: &[u8]) {
        let scheme = b"bearer ";
        let secret = match value.split_at_checked(scheme.len()) {
            Some((before, secret)) if before.eq_ignore_ascii_case(scheme) => secret,
            _ => value,
        }
        .trim_ascii();
        if secret.len() < SHORTEST {
            return;
        }
        // Some write a slash in a JSON with a backslash before it.
        let escaped = memmem::find(secret, b"/").map(|_| {
            let parts: Vec<_> = secret.split(|byte| *byte == b'/').collect();
            parts.join(&b"\\/"[..])
        });
        self.0.extend(escaped);
        self.0.push(secret.to_vec());
    }

    /// Whether one stands in a text.
    fn is_in(&self, text: &[u8]) -> bool {
        self.0.iter().any(|secret| memmem::find(text, secret).is_some())
    }

    /// Makes secrets in a text unreadable.
    pub fn mask(&self, text: &mut [u8]) {
        for secret in &self.0 {
            let found: Vec<_> = memmem::find_iter(text, secret).collect();
            for at in found {
                text[at..at + secret.len()].fill(IN_PLACE);
            }
        }
    }

    /// The same of bytes that others may hold as well.
    pub fn masked(&self, text: Bytes) -> Bytes {
        if !self.is_in(&text) {
            return text;
        }
        let mut text = Vec::from(text);
        self.mask(&mut text);
        text.into()
    }

    /// A fault without them, whoever told it. A text that was cut within a secret loses its
    /// beginning, too.
    #[must_use]
    pub fn withheld(&self, fault: Fault) -> Fault {
        if self.0.is_empty() {
            return fault;
        }
        let metadata = fault.metadata.into_iter().filter_map(|(name, raw)| {
            let text = self.text(raw.get());
            // One that cannot be masked is left out.
            let raw = if text == raw.get() { Some(raw) } else { RawJson::parse(text).ok() };
            Some((name, raw?))
        });
        Fault {
            message: self.text(&fault.message),
            provider_code: fault.provider_code.map(|code| self.text(&code)),
            metadata: metadata.collect(),
            ..fault
        }
    }

    fn text(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        self.mask(&mut bytes);
        let cut = bytes.trim_ascii_end();
        let cut =
            cut.strip_suffix("…".as_bytes()).or_else(|| cut.strip_suffix(b"...")).unwrap_or(cut);
        let (end, begun) = (cut.len(), self.begun_at_end(cut));
        if begun >= SHORTEST {
            bytes[end - begun..end].fill(IN_PLACE);
        }
        // What stands in the place of whole characters is ASCII.
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// How many bytes at the end of a text are the beginning of a secret.
    fn begun_at_end(&self, text: &[u8]) -> usize {
        let begun = |secret: &Vec<u8>| {
            let most = text.len().min(secret.len() - 1);
            (1..=most).rev().find(|length| text.ends_with(&secret[..*length]))
        };
        self.0.iter().filter_map(begun).max().unwrap_or(0)
    }

    /// Leaves out headers that have one in them.
    pub fn leave_out(&self, headers: &mut HeaderMap) {
        let found: Vec<_> = headers
            .iter()
            .filter(|(_, value)| self.is_in(value.as_bytes()))
            .map(|(name, _)| name.clone())
            .collect();
        for name in found {
            headers.remove(name);
        }
    }
}

/// Masks a text that comes in pieces. What may be the beginning of a secret waits for the next one.
#[derive(Default)]
pub struct Masking {
    sent: Sent,
    waiting: Vec<u8>,
}

impl Masking {
    /// For an answer to a request that sent these.
    pub fn new(sent: Sent) -> Self {
        Self { sent, waiting: Vec::new() }
    }

    /// A piece, as far as it may go on its way.
    pub fn pass(&mut self, piece: Bytes) -> Bytes {
        let piece = match self.waiting.is_empty() {
            true => piece,
            false => [std::mem::take(&mut self.waiting), piece.to_vec()].concat().into(),
        };
        let mut piece = self.sent.masked(piece);
        let begun = self.sent.begun_at_end(&piece);
        self.waiting = piece.split_off(piece.len() - begun).to_vec();
        piece
    }

    /// What still waits, at the end of all.
    pub fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.waiting).into()
    }
}

#[cfg(test)]
mod tests {
    use protocol::exchange::ErrorType;

    use super::*;

    const KEY: &str = "sk-operator/0123456789";

    fn sent() -> Sent {
        Sent::of([&HeaderValue::from_static("Bearer sk-operator/0123456789")])
    }

    #[test]
    fn a_fault_does_not_repeat_a_secret() {
        let raw = format!(r#"{{"a":"Bearer {KEY}","b":"{}"}}"#, KEY.replace('/', "\\/"));
        let fault = Fault {
            metadata: vec![("raw".to_owned(), RawJson::parse(raw).unwrap())],
            ..Fault::new(ErrorType::InvalidRequest, format!("bad: Bearer {KEY}, {KEY}"))
        };
        let fault = sent().withheld(fault.with_provider_code(KEY));
        let stars = "*".repeat(KEY.len());
        assert_eq!(fault.message, format!("bad: Bearer {stars}, {stars}"));
        assert_eq!(fault.provider_code.as_deref(), Some(&*stars));
        let raw = fault.metadata[0].1.get();
        assert_eq!(raw, format!(r#"{{"a":"Bearer {stars}","b":"{stars}*"}}"#));
        for end in ["", "…", "..."] {
            let cut = Fault::new(ErrorType::InvalidRequest, format!("ä: {}{end}", &KEY[..12]));
            assert_eq!(sent().withheld(cut).message, format!("ä: {}{end}", "*".repeat(12)));
        }
        let plain = "the key sk- is not valid";
        let fault = Fault::new(ErrorType::InvalidRequest, plain);
        assert_eq!(sent().withheld(fault).message, plain);
    }

    #[test]
    fn short_secrets_are_no_secrets() {
        let sent = Sent::of([&HeaderValue::from_static("Bearer local")]);
        let fault = Fault::new(ErrorType::InvalidRequest, "a local model");
        assert_eq!(sent.withheld(fault).message, "a local model");
    }

    #[test]
    fn pieces_are_masked_wherever_they_are_cut() {
        let text = format!("{{\"error\":\"{KEY} sk-oper {KEY}sk-\"}}sk");
        let expected = text.replace(KEY, &"*".repeat(KEY.len()));
        for size in 1..text.len() {
            let mut masking = Masking::new(sent());
            let mut passed = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                passed.extend_from_slice(&masking.pass(Bytes::copy_from_slice(piece)));
            }
            passed.extend_from_slice(&masking.rest());
            assert_eq!(String::from_utf8(passed).unwrap(), expected, "{size}");
        }
    }

    #[test]
    fn headers_with_a_secret_are_left_out() {
        let mut headers = HeaderMap::new();
        headers.append("x-echo", HeaderValue::from_static("key=sk-operator/0123456789"));
        headers.append("x-other", HeaderValue::from_static("1"));
        sent().leave_out(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-other"]);
    }
}
