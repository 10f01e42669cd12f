//! Tables of values that repeat often.

use std::collections::BTreeMap;

use serde::Serialize;

/// A table of repeated values.
pub(super) struct Table<T>(pub BTreeMap<String, T>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Serialize + PartialEq + Clone> Table<T> {
    /// The key of a value, which is entered if it is new: the beginning of a hash of its content,
    /// as long as it needs to be.
    pub(super) fn key(&mut self, value: &T) -> Result<String, serde_json::Error> {
        let hash = format!("{:016x}", fnv(serde_json::to_string(value)?.as_bytes()));
        for length in 4..hash.len() {
            let key = &hash[..length];
            match self.0.get(key) {
                Some(known) if known == value => return Ok(key.to_owned()),
                Some(_) => {}
                None => {
                    self.0.insert(key.to_owned(), value.clone());
                    return Ok(key.to_owned());
                }
            }
        }
        self.0.insert(hash.clone(), value.clone());
        Ok(hash)
    }
}

/// FNV-1a: the keys need to be stable and short, not secure.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
