//! Many generations as one PostgreSQL array per column, for inserting them in one statement.

use std::sync::Arc;

use sqlx::Arguments as _;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;

use super::{Attempt, Generation, PriceState, SettledBy};

macro_rules! columns {
    ($($name:ident)*) => {
        /// The type of each column, in the order of [`super::COLUMNS`].
        pub(crate) const ELEMENTS: &[&str] = &[$(element_of(|row| &row.$name)),*];

        /// Appends one array per column, in the order of [`super::COLUMNS`].
        pub(crate) fn bind_arrays(
            rows: &[&Generation],
            arguments: &mut PgArguments,
        ) -> Result<(), BoxDynError> {
            $(ArrayColumn::bind(rows.iter().map(|row| &row.$name), arguments)?;)*
            Ok(())
        }
    };
}

super::column_list::with_columns!(columns);

const fn element_of<T: ArrayColumn>(_field: fn(&Generation) -> &T) -> &'static str {
    T::ELEMENT
}

/// A field's type as the elements of an array.
trait ArrayColumn: Sized + 'static {
    /// The type of the column.
    const ELEMENT: &'static str;

    fn bind<'a>(
        values: impl Iterator<Item = &'a Self>,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError>;
}

/// PostgreSQL cannot keep NUL characters, which a caller can put into a JSON text. A charge is not
/// refused for that.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

impl ArrayColumn for Arc<str> {
    const ELEMENT: &'static str = "TEXT";

    fn bind<'a>(
        values: impl Iterator<Item = &'a Self>,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError> {
        arguments.add(values.map(|value| text(value)).collect::<Vec<_>>())
    }
}

impl ArrayColumn for Option<Arc<str>> {
    const ELEMENT: &'static str = "TEXT";

    fn bind<'a>(
        values: impl Iterator<Item = &'a Self>,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError> {
        arguments.add(values.map(|value| value.as_deref().map(text)).collect::<Vec<_>>())
    }
}

impl ArrayColumn for i64 {
    const ELEMENT: &'static str = "BIGINT";

    fn bind<'a>(
        values: impl Iterator<Item = &'a Self>,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError> {
        arguments.add(values.copied().collect::<Vec<_>>())
    }
}

impl ArrayColumn for Option<i64> {
    const ELEMENT: &'static str = "BIGINT";

    fn bind<'a>(
        values: impl Iterator<Item = &'a Self>,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError> {
        arguments.add(values.copied().collect::<Vec<_>>())
    }
}

impl ArrayColumn for bool {
    const ELEMENT: &'static str = "BOOLEAN";

    fn bind<'a>(
        values: impl Iterator<Item = &'a Self>,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError> {
        arguments.add(values.copied().collect::<Vec<_>>())
    }
}

impl ArrayColumn for u16 {
    const ELEMENT: &'static str = "BIGINT";

    fn bind<'a>(
        values: impl Iterator<Item = &'a Self>,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError> {
        arguments.add(values.map(|&value| i64::from(value)).collect::<Vec<_>>())
    }
}

impl ArrayColumn for PriceState {
    const ELEMENT: &'static str = "TEXT";

    fn bind<'a>(
        values: impl Iterator<Item = &'a Self>,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError> {
        arguments.add(values.map(|value| value.as_str()).collect::<Vec<_>>())
    }
}

impl ArrayColumn for SettledBy {
    const ELEMENT: &'static str = "TEXT";

    fn bind<'a>(
        values: impl Iterator<Item = &'a Self>,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError> {
        arguments.add(values.map(|value| value.as_str()).collect::<Vec<_>>())
    }
}

impl ArrayColumn for Vec<Attempt> {
    const ELEMENT: &'static str = "TEXT";

    fn bind<'a>(
        values: impl Iterator<Item = &'a Self>,
        arguments: &mut PgArguments,
    ) -> Result<(), BoxDynError> {
        let texts: Vec<_> = values.map(serde_json::to_string).collect::<Result<_, _>>()?;
        arguments.add(texts)
    }
}
