//! What goes into a statement: its text and the values bound to it.

use std::borrow::Cow;
use std::sync::Arc;

use sqlx::error::BoxDynError;
use sqlx::query::Query;
use sqlx::{Arguments as _, Encode, IntoArguments, SqlSafeStr, SqlStr, Type};

use crate::StoreError;

/// A value for one `$n`. Absent values keep their type: PostgreSQL wants to know it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Text(Option<Cow<'a, str>>),
    Integer(Option<i64>),
    Boolean(Option<bool>),
    Bytes(Option<Cow<'a, [u8]>>),
}

/// The values of `$1`, `$2` and so on, each turned into a [`Value`].
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::engine::Value::from($value)),*] };
}
pub(crate) use values;

macro_rules! from {
    ($($source:ty => $value:ident => $make:expr;)*) => {
        $(impl<'a> From<$source> for Value<'a> {
            fn from($value: $source) -> Value<'a> { $make }
        })*
    };
}

from! {
    &'a str => text => Value::Text(Some(Cow::Borrowed(text)));
    &'a String => text => Value::Text(Some(Cow::Borrowed(text)));
    &'a Arc<str> => text => Value::Text(Some(Cow::Borrowed(text)));
    String => text => Value::Text(Some(Cow::Owned(text)));
    Option<&'a str> => text => Value::Text(text.map(Cow::Borrowed));
    &'a Option<String> => text => Value::Text(text.as_deref().map(Cow::Borrowed));
    Option<String> => text => Value::Text(text.map(Cow::Owned));
    i64 => number => Value::Integer(Some(number));
    Option<i64> => number => Value::Integer(number);
    bool => truth => Value::Boolean(Some(truth));
    Option<bool> => truth => Value::Boolean(truth);
    &'a [u8] => bytes => Value::Bytes(Some(Cow::Borrowed(bytes)));
    Vec<u8> => bytes => Value::Bytes(Some(Cow::Owned(bytes)));
}

/// A statement with its values, for one engine. Text with a NUL character is refused: PostgreSQL
/// cannot keep it, and what one engine refuses the other must not take.
pub(super) fn bind<D>(
    sql: impl Into<Sql>,
    values: &[Value<'_>],
) -> Result<Query<'static, D, D::Arguments>, StoreError>
where
    D: sqlx::Database,
    D::Arguments: IntoArguments<D>,
    for<'q> Option<String>: Encode<'q, D> + Type<D>,
    for<'q> Option<i64>: Encode<'q, D> + Type<D>,
    for<'q> Option<bool>: Encode<'q, D> + Type<D>,
    for<'q> Option<Vec<u8>>: Encode<'q, D> + Type<D>,
{
    let mut arguments = D::Arguments::default();
    for value in values {
        let bound: Result<(), BoxDynError> = match value {
            Value::Text(Some(text)) if text.contains('\0') => {
                let reason = "it contains a NUL character".to_owned();
                return Err(StoreError::Invalid { what: "text", reason });
            }
            Value::Text(text) => arguments.add(text.as_deref().map(str::to_owned)),
            Value::Integer(number) => arguments.add(*number),
            Value::Boolean(truth) => arguments.add(*truth),
            Value::Bytes(bytes) => arguments.add(bytes.as_deref().map(<[u8]>::to_vec)),
        };
        bound.map_err(StoreError::Database)?;
    }
    Ok(sqlx::query_with(sql.into(), arguments))
}

/// A statement in the subset both engines understand, with `$1` and so on for values.
pub(crate) struct Sql(SqlStr);

impl Sql {
    /// A text put together while running. No part of it may come from outside: values are bound.
    pub(crate) fn composed(text: String) -> Sql {
        Sql(sqlx::AssertSqlSafe(text).into_sql_str())
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Sql {
        Sql(text.into_sql_str())
    }
}

impl SqlSafeStr for Sql {
    fn into_sql_str(self) -> SqlStr {
        self.0
    }
}
