//! Texts that many rows have in common. A combination of them stands in the database once and has
//! a number, which rows and roll-ups keep instead of the texts.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

use super::outline::OUTLINES;
use crate::Generation;

/// A kind of combination.
#[derive(Debug)]
pub(crate) struct Combination<const N: usize> {
    /// Where combinations stand.
    pub(crate) table: &'static str,
    /// The columns of its texts.
    pub(crate) columns: [&'static str; N],
    /// The texts of a row.
    pub(crate) texts: for<'g> fn(&'g Generation) -> [Option<&'g str>; N],
}

/// What usage is told apart by. Whether the caller's own provider key was used is a column of its
/// own type.
pub(crate) const SERIES: Combination<10> = Combination {
    table: "usage_series",
    columns: [
        "account_id",
        "workspace_id",
        "key_hash",
        "model",
        "model_permaslug",
        "endpoint_tag",
        "provider_name",
        "provider_slug",
        "is_byok",
        "app",
    ],
    texts: |row| {
        [
            &*row.account_id,
            &*row.workspace_id,
            &*row.key_hash,
            &*row.model,
            &*row.model_permaslug,
            &*row.endpoint_tag,
            &*row.provider_name,
            &*row.provider_slug,
            if row.is_byok { TRUE } else { "false" },
            // Put in by whoever knows which are told apart: see `Apps`.
            "",
        ]
        .map(Some)
    },
};

/// A series by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Series {
    /// Its own.
    pub(crate) number: i64,
    /// Of what it is in each outline, in the order of [`Outline::ALL`](super::Outline::ALL).
    pub(crate) outlines: [i64; OUTLINES],
}

/// The place of the application among the texts of a series.
const APP: usize = 9;

/// So many applications are told apart, by each process: callers name them as they like.
const MOST_APPS: usize = 1_000;

/// The longest name of an application that is told apart, in bytes.
const LONGEST_APP: usize = 200;

/// What all others are called.
pub(crate) const OTHER_APPS: &str = "other";

/// The applications that are told apart.
#[derive(Debug, Default)]
pub(crate) struct Apps(HashSet<Box<str>>);

impl Apps {
    /// Those that the database has.
    pub(crate) const SELECT: &str = "SELECT DISTINCT app FROM usage_series WHERE app <> ''";

    /// With those that the database has.
    pub(crate) fn of(known: impl Iterator<Item = String>) -> Apps {
        Apps(known.map(String::into_boxed_str).collect())
    }

    /// The texts of a row's series.
    pub(crate) fn texts<'g>(&mut self, row: &'g Generation) -> [Option<&'g str>; 10] {
        let mut texts = (SERIES.texts)(row);
        texts[APP] = Some(self.name(row.app().unwrap_or_default()));
        texts
    }

    fn name<'n>(&mut self, name: &'n str) -> &'n str {
        if name.is_empty() || self.0.contains(name) {
            return name;
        }
        if self.0.len() >= MOST_APPS || name.len() > LONGEST_APP {
            return OTHER_APPS;
        }
        self.0.insert(name.into());
        name
    }
}

/// How a flag stands among texts.
const TRUE: &str = "true";

impl<const N: usize> Combination<N> {
    /// Puts a combination in if it is new: `$1` is its digest, then come its texts.
    pub(crate) fn insert(&self) -> String {
        let places =
            (2..).zip(self.columns).map(|(n, column)| self.value(column, &format!("${n}")));
        format!(
            "INSERT INTO {} (digest, {}) VALUES ($1, {}) ON CONFLICT (digest) DO NOTHING",
            self.table,
            self.columns.join(", "),
            places.collect::<Vec<_>>().join(", ")
        )
    }

    /// The value of a column, given a text.
    pub(crate) fn value(&self, column: &str, text: &str) -> String {
        if column == "is_byok" { format!("{text} = '{TRUE}'") } else { text.to_owned() }
    }

    /// Finds the number of a digest.
    pub(crate) fn select(&self) -> String {
        format!("SELECT id FROM {} WHERE digest = $1", self.table)
    }
}

/// By what a combination is found in the database: long texts make long keys. Absent texts are
/// other than empty ones.
pub(crate) fn digest(texts: &[Option<&str>]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for text in texts {
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        hasher.update(length.to_le_bytes());
        hasher.update(text.unwrap_or_default());
    }
    hasher.finalize().to_vec()
}

/// The most combinations kept in memory, some ten megabytes of them. Beyond it all are forgotten,
/// and those in use found again.
const MOST_KNOWN: usize = 20_000;

type KnownTexts = Box<[Option<Box<str>>]>;

/// Numbers of combinations that the database has.
#[derive(Debug)]
pub(crate) struct Known<const N: usize, Number = i64> {
    /// By a hash of the texts. Two with one hash drive each other out, which costs a look into
    /// the database.
    numbers: HashMap<u64, (KnownTexts, Number), RandomState>,
    /// A quick one: whoever could make two hashes equal would win a look into the database.
    hasher: RandomState,
    /// Those of a transaction that is not committed yet.
    fresh: Vec<u64>,
}

impl<const N: usize, Number> Default for Known<N, Number> {
    fn default() -> Known<N, Number> {
        Known { numbers: HashMap::default(), hasher: RandomState::default(), fresh: Vec::new() }
    }
}

impl<const N: usize, Number: Copy> Known<N, Number> {
    /// The number of a combination, if it is known.
    pub(crate) fn find(&self, texts: &[Option<&str>; N]) -> Option<Number> {
        let (known, number) = self.numbers.get(&self.hasher.hash_one(texts))?;
        let same = known.iter().map(Option::as_deref).eq(texts.iter().copied());
        same.then_some(*number)
    }

    /// Remembers a number that a transaction not committed yet has given.
    pub(crate) fn learn(&mut self, texts: &[Option<&str>; N], number: Number) {
        if self.numbers.len() >= MOST_KNOWN {
            self.numbers.clear();
            self.fresh.clear();
        }
        let hash = self.hasher.hash_one(texts);
        let kept = texts.iter().map(|text| text.map(Box::from)).collect();
        self.numbers.insert(hash, (kept, number));
        self.fresh.push(hash);
    }

    /// How many are new in the transaction.
    pub(crate) fn fresh(&self) -> usize {
        self.fresh.len()
    }

    /// What was learnt holds if the transaction was committed, and is forgotten otherwise.
    pub(crate) fn conclude(&mut self, is_committed: bool) {
        for hash in self.fresh.drain(..) {
            if !is_committed {
                self.numbers.remove(&hash);
            }
        }
    }
}

/// The combination that was found last: the next row of a batch often has the same texts, of the same
/// places in memory.
#[derive(Debug)]
pub(crate) struct Last<'g, const N: usize, Number = i64>(Option<([Option<&'g str>; N], Number)>);

impl<const N: usize, Number> Default for Last<'_, N, Number> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'g, const N: usize, Number: Copy> Last<'g, N, Number> {
    /// Its number, if these are its texts.
    pub(crate) fn find(&self, texts: &[Option<&'g str>; N]) -> Option<Number> {
        let (last, number) = self.0.as_ref()?;
        let same = last.iter().zip(texts).all(|pair| match pair {
            (Some(one), Some(other)) => std::ptr::eq(*one, *other) || one == other,
            (None, None) => true,
            _ => false,
        });
        same.then_some(*number)
    }

    /// Keeps another one.
    pub(crate) fn put(&mut self, texts: [Option<&'g str>; N], number: Number) {
        self.0 = Some((texts, number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_combination_is_found_by_its_texts() {
        let mut last = Last::<2>::default();
        assert_eq!(last.find(&[None, None]), None);
        last.put([Some("a"), None], 1);
        assert_eq!(last.find(&[Some(&"xa"[1..]), None]), Some(1));
        for other in [[Some("b"), None], [Some("a"), Some("")], [None, None]] {
            assert_eq!(last.find(&other), None);
        }
    }

    #[test]
    fn what_was_learnt_in_a_transaction_undone_is_forgotten() {
        let mut known = Known::<2>::default();
        known.learn(&[Some("a"), None], 1);
        known.conclude(true);
        known.learn(&[Some("a"), Some("")], 2);
        assert_eq!(known.fresh(), 1);
        known.conclude(false);
        assert_eq!(known.find(&[Some("a"), None]), Some(1));
        assert_eq!(known.find(&[Some("a"), Some("")]), None);
    }

    #[test]
    fn only_so_many_applications_are_told_apart() {
        let mut apps = Apps::of(["known".to_owned()].into_iter());
        let row =
            |title: String| Generation { app_title: Some(title.into()), ..Generation::default() };
        for n in 0..MOST_APPS * 2 {
            let row = row(format!("app {n}"));
            let expected = if n + 1 < MOST_APPS { row.app().unwrap() } else { OTHER_APPS };
            assert_eq!(apps.texts(&row)[APP], Some(expected), "{n}");
        }
        assert_eq!(apps.texts(&row("known".to_owned()))[APP], Some("known"));
        assert_eq!(apps.texts(&row("x".repeat(LONGEST_APP + 1)))[APP], Some(OTHER_APPS));
        assert_eq!(apps.texts(&Generation::default())[APP], Some(""));
        assert_eq!(apps.0.len(), MOST_APPS);
    }

    #[test]
    fn digests_tell_where_texts_end_and_whether_they_are_there() {
        let digests = [
            digest(&[Some("a"), Some("bc")]),
            digest(&[Some("ab"), Some("c")]),
            digest(&[Some("abc"), Some("")]),
            digest(&[Some("abc"), None]),
        ];
        for (n, one) in digests.iter().enumerate() {
            assert!(digests[n + 1..].iter().all(|other| other != one));
        }
    }
}
