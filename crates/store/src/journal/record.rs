//! One row of the journal as bytes: for each column a byte that says what follows, then an
//! integer as a signed varint or a text as its length and UTF-8. After the columns come the
//! prices, where the row is the first of its price version in the segment.

use std::borrow::Cow;

use crate::generation::{COLUMNS, Cell, read_cells, write_cells};
use crate::{Generation, StoreError};

const NULL: u8 = 0;
const ZERO: u8 = 1;
const INTEGER: u8 = 2;
const TEXT: u8 = 3;

/// Appends a row, with the prices of its version if they are given.
pub(super) fn encode(generation: &Generation, prices: Option<&str>, out: &mut Vec<u8>) {
    let Ok::<_, std::convert::Infallible>(()) = write_cells(generation, |cell| {
        put_cell(out, &cell);
        Ok(())
    });
    put_cell(out, &prices.map_or(Cell::Null, |prices| Cell::Text(prices.into())));
}

/// Reads a row written with the columns named, and the prices that came with it. `None` if the
/// bytes are no such row.
pub(super) fn decode(
    columns: &[String],
    mut bytes: &[u8],
) -> Option<Result<(Generation, Option<String>), StoreError>> {
    let cells = columns.iter().map(|_| take_cell(&mut bytes)).collect::<Option<Vec<Cell<'_>>>>()?;
    let prices = match take_cell(&mut bytes)? {
        Cell::Text(text) => Some(text.into_owned()),
        Cell::Null | Cell::Integer(_) => None,
    };
    // Rows of this very version are read by place.
    let by_place = columns.iter().map(String::as_str).eq(COLUMNS.iter().copied());
    let mut place = 0;
    let row = read_cells(|name, _| {
        let found =
            if by_place { Some(place) } else { columns.iter().position(|column| column == name) };
        place += 1;
        Ok(found.and_then(|found| cells.get(found).cloned()).unwrap_or(Cell::Null))
    });
    Some(row.map(|row| (row, prices)))
}

/// Whether bytes are a whole row with so many columns, as far as can be told without reading it.
pub(super) fn has_columns(mut bytes: &[u8], columns: usize) -> bool {
    // The prices come last.
    (0..=columns).all(|_| take_cell(&mut bytes).is_some()) && bytes.is_empty()
}

fn put_cell(out: &mut Vec<u8>, cell: &Cell<'_>) {
    match cell {
        Cell::Null => out.push(NULL),
        Cell::Integer(0) => out.push(ZERO),
        Cell::Integer(number) => {
            out.push(INTEGER);
            // Small numbers of either sign become small ones without a sign.
            put_number(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
        }
        Cell::Text(text) => {
            out.push(TEXT);
            put_number(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

fn take_cell<'b>(bytes: &mut &'b [u8]) -> Option<Cell<'b>> {
    let (kind, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(match *kind {
        NULL => Cell::Null,
        ZERO => Cell::Integer(0),
        INTEGER => {
            let number = take_number(bytes)?;
            Cell::Integer((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
        }
        TEXT => {
            let length = usize::try_from(take_number(bytes)?).ok()?;
            let (text, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Cell::Text(Cow::Borrowed(std::str::from_utf8(text).ok()?))
        }
        _ => return None,
    })
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::full_generation;
    use proptest::prelude::*;

    fn here() -> Vec<String> {
        COLUMNS.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_row_survives() {
        for row in [full_generation("gen-1"), Generation::default()] {
            let mut bytes = Vec::new();
            encode(&row, row.prices.as_deref(), &mut bytes);
            assert!(has_columns(&bytes, COLUMNS.len()));
            assert!(!has_columns(&bytes[..bytes.len() - 1], COLUMNS.len()));
            let (read, prices) = decode(&here(), &bytes).unwrap().unwrap();
            assert_eq!(prices.as_deref(), row.prices.as_deref());
            assert_eq!(read, Generation { prices: None, ..row });
        }
    }

    #[test]
    fn a_row_of_another_version_is_read_by_name() {
        let row = full_generation("gen-1");
        let mut bytes = Vec::new();
        encode(&row, None, &mut bytes);
        let mut columns = here();
        columns[1] = "of_a_later_version".to_owned();
        let (read, _) = decode(&columns, &bytes).unwrap().unwrap();
        assert_eq!(read, Generation { request_id: "".into(), prices: None, ..row });
    }

    proptest! {
        #[test]
        fn numbers_survive(number: i64) {
            let mut bytes = Vec::new();
            put_cell(&mut bytes, &Cell::Integer(number));
            prop_assert_eq!(take_cell(&mut &bytes[..]), Some(Cell::Integer(number)));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = decode(&here(), &bytes);
        }
    }
}
