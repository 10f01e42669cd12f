//! Queries and pages of lists.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Query};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use protocol::exchange::Fault;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::Refused;
use crate::app::App;

/// The members of a query, read as `T`.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refused> {
        let Query(read) = Query::<T>::try_from_uri(&parts.uri)?;
        Ok(Self(read))
    }
}

/// Which part of a list. API-7
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// How many to pass over; 0 unless said.
    #[param(value_type = Option<u64>)]
    offset: Option<String>,
    /// How many to list, 1 to 100; 50 unless said.
    #[param(value_type = Option<u64>)]
    limit: Option<String>,
}

impl Part {
    /// The part of a list, and how long the whole is.
    pub fn of<T>(&self, list: Vec<T>) -> Result<(Vec<T>, usize), Fault> {
        let offset = number("offset", self.offset.as_deref(), 0, u64::MAX)?.unwrap_or(0);
        let limit = number("limit", self.limit.as_deref(), 1, 100)?.unwrap_or(50);
        let total = list.len();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok((list.into_iter().skip(offset).take(limit).collect(), total))
    }
}

/// Which page of a log, from newest to oldest.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Leaf {
    /// `next_cursor` of the page before; the newest entries without it.
    pub cursor: Option<String>,
    /// The most entries, 1 to 1000; 100 unless said.
    #[param(value_type = Option<u64>)]
    limit: Option<String>,
}

impl Leaf {
    /// The most entries.
    pub fn limit(&self) -> Result<u32, Fault> {
        self.limit_within(1000)
    }

    /// The most entries, of a list that tells no more than `most`.
    pub fn limit_within(&self, most: u32) -> Result<u32, Fault> {
        let limit = number("limit", self.limit.as_deref(), 1, most.into())?.unwrap_or(100);
        Ok(u32::try_from(limit).map_or(most, |limit| limit.min(most)))
    }

    /// The moment and the identity after which the page starts.
    pub fn start(&self) -> Result<Option<(i64, String)>, Fault> {
        let cursor = self.cursor.as_deref().filter(|cursor| !cursor.is_empty());
        let Some(cursor) = cursor else { return Ok(None) };
        read_cursor(cursor)
            .map(Some)
            .ok_or_else(|| Fault::invalid("cursor: is none that a page before has named"))
    }
}

/// Names where a page ended.
pub fn cursor(moment: i64, id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{moment}:{id}"))
}

/// The inverse of [`cursor`]; `None` for what it never made.
pub fn read_cursor(text: &str) -> Option<(i64, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (moment, id) = text.split_once(':')?;
    Some((moment.parse().ok()?, id.to_owned()))
}

/// A number in a query within bounds; empty and `null` are as good as absent.
pub fn number(
    field: &str,
    text: Option<&str>,
    least: u64,
    most: u64,
) -> Result<Option<u64>, Fault> {
    let Some(text) = text.filter(|text| !text.is_empty() && *text != "null") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ if most == u64::MAX => {
            Err(Fault::invalid(format!("{field}: must be a whole number from {least} on")))
        }
        _ => Err(Fault::invalid(format!("{field}: must be a whole number, {least} to {most}"))),
    }
}

/// A truth value in a query.
pub fn truth(field: &str, text: Option<&str>) -> Result<bool, Fault> {
    match text {
        None | Some("" | "false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(Fault::invalid(format!("{field}: must be `true` or `false`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_and_nothing_else_is_one() {
        assert_eq!(read_cursor(&cursor(-5, "a:b")), Some((-5, "a:b".to_owned())));
        for text in ["", "x", "%", &URL_SAFE_NO_PAD.encode("x:y"), &URL_SAFE_NO_PAD.encode("1")] {
            assert_eq!(read_cursor(text), None, "{text}");
        }
    }

    #[test]
    fn parts_are_bounded() {
        let part = |offset: &str, limit: &str| Part {
            offset: Some(offset.to_owned()),
            limit: Some(limit.to_owned()),
        };
        assert_eq!(part("1", "2").of(vec![1, 2, 3, 4]).unwrap(), (vec![2, 3], 4));
        assert_eq!(part("", "").of(vec![1]).unwrap(), (vec![1], 1));
        assert_eq!(part("18446744073709551615", "1").of(vec![1]).unwrap().0, Vec::<i32>::new());
        for (offset, limit) in [("-1", "1"), ("0", "0"), ("0", "101"), ("x", "1")] {
            assert!(part(offset, limit).of(vec![1]).is_err(), "{offset} {limit}");
        }
    }
}
