//! Between the generation row and its columns, in one list, so that none can be forgotten.

use std::sync::{Arc, LazyLock};

use sqlx::Arguments as _;
use sqlx::error::BoxDynError;

use super::{Attempt, Generation, PriceState, SettledBy};
use crate::StoreError;
use crate::engine::{Arguments, Row};

macro_rules! columns {
    ($($name:ident)*) => {
        /// The columns of the table, in the order in which they are bound and read.
        pub(crate) const COLUMNS: &[&str] = &[$(stringify!($name)),*];

        /// Appends a row's values to the arguments of a statement.
        pub(crate) fn bind(
            generation: &Generation,
            arguments: &mut Arguments,
        ) -> Result<(), BoxDynError> {
            // Without `..`: a field that has no column does not compile.
            let Generation { $($name),* } = generation;
            $($name.bind(arguments)?;)*
            Ok(())
        }

        /// Reads a row selected with exactly [`COLUMNS`].
        pub(crate) fn from_row(row: &Row) -> Result<Generation, StoreError> {
            Ok(Generation { $($name: Column::read(row, stringify!($name))?),* })
        }
    };
}

super::column_list::with_columns!(columns);

/// A field's type as a column.
trait Column: Sized {
    fn bind(&self, arguments: &mut Arguments) -> Result<(), BoxDynError>;
    fn read(row: &Row, name: &'static str) -> Result<Self, StoreError>;
}

impl Column for Arc<str> {
    fn bind(&self, arguments: &mut Arguments) -> Result<(), BoxDynError> {
        arguments.add(Arc::clone(self))
    }

    fn read(row: &Row, name: &'static str) -> Result<Arc<str>, StoreError> {
        let text: &str = row.try_get(name)?;
        Ok(text.into())
    }
}

impl Column for Option<Arc<str>> {
    fn bind(&self, arguments: &mut Arguments) -> Result<(), BoxDynError> {
        arguments.add(self.clone())
    }

    fn read(row: &Row, name: &'static str) -> Result<Option<Arc<str>>, StoreError> {
        let text: Option<&str> = row.try_get(name)?;
        Ok(text.map(Arc::from))
    }
}

impl Column for i64 {
    fn bind(&self, arguments: &mut Arguments) -> Result<(), BoxDynError> {
        arguments.add(*self)
    }

    fn read(row: &Row, name: &'static str) -> Result<i64, StoreError> {
        row.try_get(name)
    }
}

impl Column for Option<i64> {
    fn bind(&self, arguments: &mut Arguments) -> Result<(), BoxDynError> {
        arguments.add(*self)
    }

    fn read(row: &Row, name: &'static str) -> Result<Option<i64>, StoreError> {
        row.try_get(name)
    }
}

impl Column for bool {
    fn bind(&self, arguments: &mut Arguments) -> Result<(), BoxDynError> {
        arguments.add(*self)
    }

    fn read(row: &Row, name: &'static str) -> Result<bool, StoreError> {
        row.try_get(name)
    }
}

impl Column for u16 {
    fn bind(&self, arguments: &mut Arguments) -> Result<(), BoxDynError> {
        arguments.add(i64::from(*self))
    }

    fn read(row: &Row, name: &'static str) -> Result<u16, StoreError> {
        let wide: i64 = row.try_get(name)?;
        u16::try_from(wide)
            .map_err(|error| StoreError::Corrupt { what: name, reason: error.to_string() })
    }
}

// The words are shared rather than copied: there is one of each per row.
static PRICE_STATES: LazyLock<[Arc<str>; PriceState::ALL.len()]> =
    LazyLock::new(|| PriceState::ALL.map(|state| state.as_str().into()));
static SETTLED_BY: LazyLock<[Arc<str>; SettledBy::ALL.len()]> =
    LazyLock::new(|| SettledBy::ALL.map(|origin| origin.as_str().into()));

fn bind_word<T: PartialEq>(
    value: &T,
    all: &[T],
    words: &[Arc<str>],
    arguments: &mut Arguments,
) -> Result<(), BoxDynError> {
    let word = all.iter().zip(words).find(|(candidate, _)| *candidate == value);
    arguments.add(word.map(|(_, word)| Arc::clone(word)))
}

fn read_word<T: Copy>(
    row: &Row,
    name: &'static str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<T, StoreError> {
    let word: &str = row.try_get(name)?;
    all.iter()
        .copied()
        .find(|&candidate| as_str(candidate) == word)
        .ok_or_else(|| StoreError::Corrupt { what: name, reason: word.to_owned() })
}

impl Column for PriceState {
    fn bind(&self, arguments: &mut Arguments) -> Result<(), BoxDynError> {
        bind_word(self, &PriceState::ALL, &*PRICE_STATES, arguments)
    }

    fn read(row: &Row, name: &'static str) -> Result<PriceState, StoreError> {
        read_word(row, name, &PriceState::ALL, PriceState::as_str)
    }
}

impl Column for SettledBy {
    fn bind(&self, arguments: &mut Arguments) -> Result<(), BoxDynError> {
        bind_word(self, &SettledBy::ALL, &*SETTLED_BY, arguments)
    }

    fn read(row: &Row, name: &'static str) -> Result<SettledBy, StoreError> {
        read_word(row, name, &SettledBy::ALL, SettledBy::as_str)
    }
}

impl Column for Vec<Attempt> {
    fn bind(&self, arguments: &mut Arguments) -> Result<(), BoxDynError> {
        arguments.add(serde_json::to_string(self)?)
    }

    fn read(row: &Row, name: &'static str) -> Result<Vec<Attempt>, StoreError> {
        let text: &str = row.try_get(name)?;
        serde_json::from_str(text)
            .map_err(|error| StoreError::Corrupt { what: name, reason: error.to_string() })
    }
}
