//! The master key: the one secret outside the database, which seals the secrets inside it.

use std::io::{ErrorKind, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use ring::hmac;
use zeroize::Zeroizing;

use crate::StoreError;
use crate::files;
use crate::secret::{hex, random_bytes};

const NONCE_BYTES: usize = 24;

/// A 32-byte key for XChaCha20-Poly1305. It prints as `***` and is wiped when dropped.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Makes a new key from the system's random source.
    pub fn generate() -> Result<MasterKey, StoreError> {
        Ok(MasterKey(Zeroizing::new(random_bytes()?)))
    }

    /// Reads a key written as 64 hex digits or as base64 of 32 bytes; surrounding white space is
    /// ignored.
    pub fn parse(text: &str) -> Result<MasterKey, StoreError> {
        let text = text.trim();
        let bytes = Zeroizing::new(match decode_hex(text) {
            Some(bytes) => bytes,
            None => STANDARD.decode(text).map_err(|_| StoreError::MalformedMasterKey)?,
        });
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(StoreError::MalformedMasterKey);
        }
        key.copy_from_slice(&bytes);
        Ok(MasterKey(key))
    }

    /// Reads the key file, or makes a key and writes it there with owner-only rights. Two
    /// processes starting at once end up with the same key.
    pub fn load_or_create(path: &Path) -> Result<MasterKey, StoreError> {
        match std::fs::read_to_string(path) {
            Ok(text) => return MasterKey::parse(&Zeroizing::new(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(files::failure(path, error)),
        }
        files::create_private_folder(path.parent())?;
        let key = MasterKey::generate()?;
        // Written aside and linked into place: the name never shows half a key, and whoever
        // comes second finds it taken.
        let suffix = hex(&random_bytes::<8>()?);
        let draft = path.with_extension(format!("{suffix}.draft"));
        let text = Zeroizing::new(format!("{}\n", hex(&*key.0)));
        let written = files::create_private_file(&draft)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            })
            .and_then(|()| std::fs::hard_link(&draft, path));
        let removed = std::fs::remove_file(&draft);
        match written {
            Ok(()) => {
                removed.map_err(|error| files::failure(&draft, error))?;
                files::sync_folder(path.parent())?;
                Ok(key)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let text =
                    std::fs::read_to_string(path).map_err(|error| files::failure(path, error))?;
                MasterKey::parse(&Zeroizing::new(text))
            }
            Err(error) => Err(files::failure(path, error)),
        }
    }

    /// Seals a text: random nonce followed by ciphertext and tag, bound to `context`.
    pub(crate) fn seal(&self, context: &str, plain: &str) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; NONCE_BYTES] = random_bytes()?;
        let payload = Payload { msg: plain.as_bytes(), aad: context.as_bytes() };
        let ciphertext = self
            .cipher()
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| StoreError::Invalid { what: "secret", reason: "too long".into() })?;
        let mut sealed = Vec::with_capacity(NONCE_BYTES + ciphertext.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what [`MasterKey::seal`] made; `None` for another key, another context or a changed
    /// byte.
    pub(crate) fn open(&self, context: &str, sealed: &[u8]) -> Option<Zeroizing<String>> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
        let plain = self.cipher().decrypt(XNonce::from_slice(nonce), payload).ok()?;
        String::from_utf8(plain).ok().map(Zeroizing::new)
    }

    /// A key for another purpose, which tells nothing of this one: the HMAC-SHA256 of `purpose`. All
    /// who have the same master key derive the same.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*self.0), purpose.as_bytes());
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(tag.as_ref());
        key
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(&*self.0))
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MasterKey(***)")
    }
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 {
        return None;
    }
    let nibble =
        |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_hex_and_from_base64() {
        let plain = [7_u8; 32];
        let from_hex = MasterKey::parse(&format!(" {}\n", hex(&plain))).unwrap();
        let from_base64 = MasterKey::parse(&STANDARD.encode(plain)).unwrap();
        assert_eq!(*from_hex.0, plain);
        assert_eq!(*from_base64.0, plain);
    }

    #[test]
    fn keys_of_the_wrong_size_or_alphabet_are_refused() {
        for text in ["", "abcd", &"g".repeat(64), &STANDARD.encode([1_u8; 31])] {
            assert!(matches!(MasterKey::parse(text), Err(StoreError::MalformedMasterKey)));
        }
    }

    #[test]
    fn the_key_file_is_made_once_with_owner_only_rights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/master.key");
        let first = MasterKey::load_or_create(&path).unwrap();
        let second = MasterKey::load_or_create(&path).unwrap();
        assert_eq!(*first.0, *second.0);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().unwrap()), 0o700);
        }
    }

    #[test]
    fn derived_keys_depend_on_the_key_and_the_purpose_and_on_nothing_else() {
        let key = MasterKey(Zeroizing::new([7; 32]));
        let derived = key.derive("stamps");
        assert_eq!(*derived, *MasterKey(Zeroizing::new([7; 32])).derive("stamps"));
        assert_ne!(*derived, *key.derive("cookies"));
        assert_ne!(*derived, *MasterKey(Zeroizing::new([8; 32])).derive("stamps"));
        assert_ne!(*derived, *key.0);
    }

    #[test]
    fn a_sealed_text_opens_only_with_its_key_and_context_and_unchanged() {
        let key = MasterKey::generate().unwrap();
        let mut sealed = key.seal("id provider", "sk-secret").unwrap();
        assert_eq!(key.open("id provider", &sealed).unwrap().as_str(), "sk-secret");
        assert!(key.open("id other", &sealed).is_none());
        assert!(MasterKey::generate().unwrap().open("id provider", &sealed).is_none());
        assert!(key.open("id provider", &sealed[..10]).is_none());
        *sealed.last_mut().unwrap() ^= 1;
        assert!(key.open("id provider", &sealed).is_none());
    }

    #[test]
    fn a_master_key_never_prints_itself() {
        assert_eq!(format!("{:?}", MasterKey::generate().unwrap()), "MasterKey(***)");
    }
}
