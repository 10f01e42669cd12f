//! Reading what providers send, who are not told what was wrong with it: what has another form
//! than expected counts as absent.

use serde_json::value::RawValue;

use super::half::Half;
use super::{Object, half, scan};

/// A string.
pub(crate) fn text(raw: Option<&RawValue>) -> Option<String> {
    half::lossy(raw?.get()).map(Into::into)
}

/// A string that is not empty.
pub(crate) fn words(raw: Option<&RawValue>) -> Option<String> {
    text(raw).filter(|text| !text.is_empty())
}

/// A piece of a text that comes in several, if it is not empty. Half a character at its end waits for
/// the next.
pub(crate) fn piece(raw: Option<&RawValue>, half: &mut Half) -> Option<String> {
    half.join(raw?.get()).filter(|text| !text.is_empty()).map(Into::into)
}

/// A count: whole numbers and floats.
pub(crate) fn count(raw: Option<&RawValue>) -> Option<u64> {
    let text = raw?.get();
    serde_json::from_str::<u64>(text).ok().or_else(|| {
        // The cast saturates at both ends.
        serde_json::from_str::<f64>(text).ok().map(|float| float as u64)
    })
}

/// A count of tokens: as [`count`] reads it, or such a number in a string.
pub(crate) fn tokens(raw: Option<&RawValue>) -> Option<u64> {
    count(raw).or_else(|| {
        let text = half::lossy(raw?.get())?;
        let text = text.trim();
        text.parse().ok().or_else(|| {
            // The cast saturates at both ends.
            text.parse::<f64>().ok().filter(|float| float.is_finite()).map(|float| float as u64)
        })
    })
}

/// An object.
pub(crate) fn object(raw: Option<&RawValue>) -> Option<Object<'_>> {
    raw.filter(|raw| raw.get().starts_with('{')).and_then(|raw| Object::of(raw).ok())
}

/// The elements of a list.
pub(crate) fn elements(raw: Option<&RawValue>) -> Vec<&RawValue> {
    raw.and_then(scan::elements).unwrap_or_default()
}
