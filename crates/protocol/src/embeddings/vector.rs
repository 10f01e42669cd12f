//! Vectors on the wire: lists of numbers, and little-endian floats in base64.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};
use serde_json::value::RawValue;

use super::MAX_DIMENSIONS;
use super::read::{broken, is_string};
use super::request::EncodingFormat;
use super::write::array;
use crate::exchange::Fault;
use crate::json::scan;

/// Some hosts leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The longest number taken for one without parsing it, in bytes: its value is within bounds.
const PLAIN_NUMBER: usize = 38;

/// Reads a vector in either format. Anything but finite numbers is refused: a caller's index
/// would be poisoned by it.
pub(super) fn read(raw: &RawValue) -> Result<Vec<f32>, Fault> {
    let vector = if is_string(raw) { from_base64(raw)? } else { from_list(raw)? };
    if vector.is_empty() {
        return Err(broken("a vector is empty"));
    }
    if vector.len() > MAX_DIMENSIONS {
        return Err(broken(format_args!("a vector has {} dimensions", vector.len())));
    }
    if !vector.iter().all(|number| number.is_finite()) {
        return Err(broken("a vector holds what is not a finite number"));
    }
    Ok(vector)
}

/// The numbers of a list, each the nearest float to what is written: the JSON reader's own floats
/// may be one off, and would be rounded twice.
fn from_list(raw: &RawValue) -> Result<Vec<f32>, Fault> {
    let not_numbers = || broken("a vector is not a list of numbers");
    let inside = raw.get().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inside = inside.ok_or_else(not_numbers)?.trim();
    if inside.is_empty() {
        return Ok(Vec::new());
    }
    // The value is known to be JSON, in which whatever parses as a float is a number.
    let numbers = inside.split(',').map(|number| number.trim().parse::<f32>());
    numbers.collect::<Result<_, _>>().map_err(|_| not_numbers())
}

fn from_base64(raw: &RawValue) -> Result<Vec<f32>, Fault> {
    let text = scan::string(raw).ok_or_else(|| broken("a vector is not valid text"))?;
    let bytes =
        BASE64.decode(text.as_bytes()).map_err(|_| broken("a vector is not valid base64"))?;
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(broken("a vector in base64 does not consist of 32-bit floats"));
    }
    Ok(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// How many dimensions a vector has that is passed on as it is. A list of plain numbers is only
/// looked over: parsing thousands of them to throw them away costs more than all else.
pub(super) fn measure(raw: &RawValue) -> Result<usize, Fault> {
    match plain_numbers(raw.get()) {
        Some(count) if count <= MAX_DIMENSIONS => Ok(count),
        _ => Ok(read(raw)?.len()),
    }
}

/// How many numbers a list has, if it is obvious that they are finite numbers.
fn plain_numbers(json: &str) -> Option<usize> {
    let inside = json.strip_prefix('[')?.strip_suffix(']')?;
    let (mut commas, mut run, mut exponent) = (0, 0, false);
    for byte in inside.bytes() {
        // A small number is finite, however small.
        if std::mem::take(&mut exponent) && byte != b'-' {
            return None;
        }
        match byte {
            b',' => {
                commas += 1;
                run = 0;
            }
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b'0'..=b'9' | b'-' | b'.' => run += 1,
            b'e' | b'E' => {
                run += 1;
                exponent = true;
            }
            _ => return None,
        }
        if run > PLAIN_NUMBER {
            return None;
        }
    }
    // The list is known to be JSON; one with nothing in it is left to the reader.
    if inside.trim().is_empty() { None } else { Some(commas + 1) }
}

/// Writes a vector.
pub(super) fn write(out: &mut Vec<u8>, vector: &[f32], format: EncodingFormat) {
    match format {
        EncodingFormat::Float => array(out, vector, |out, number| {
            // The shortest text that reads as the same float. Writing into memory cannot fail.
            let _ = serde_json::to_writer(out, number);
        }),
        EncodingFormat::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            out.push(b'"');
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            out.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn base64_is_little_endian_as_openai_writes_it() {
        let mut out = Vec::new();
        write(&mut out, &[1.0, -0.5], EncodingFormat::Base64);
        assert_eq!(out, br#""AACAPwAAAL8=""#);
        assert_eq!(read(&raw(r#""AACAPwAAAL8=""#)).unwrap(), [1.0, -0.5]);
        assert_eq!(read(&raw(r#""AACAPwAAAL8""#)).unwrap(), [1.0, -0.5], "without padding");
    }

    #[test]
    fn what_is_no_vector_is_a_fault() {
        let not_a_number = format!("\"{}\"", STANDARD.encode(f32::NAN.to_le_bytes()));
        let infinite = format!("\"{}\"", STANDARD.encode(f32::INFINITY.to_le_bytes()));
        for bad in [
            "[]",
            "[ ]",
            "null",
            "{}",
            "1",
            "[null]",
            "[\"1\"]",
            "[true]",
            "[[1]]",
            "[1e39]",
            "[1e400]",
            "\"\"",
            "\"AAAA\"",
            "\"%\"",
            "\"\\ud800\"",
            &not_a_number,
            &infinite,
            "[11111111111111111111111111111111111111111111]",
        ] {
            assert_eq!(read(&raw(bad)).unwrap_err().status, 502, "{bad}");
            assert_eq!(measure(&raw(bad)).unwrap_err().status, 502, "{bad}");
        }
        let long = format!("[{}0]", "0,".repeat(MAX_DIMENSIONS));
        assert!(measure(&raw(&long)).is_err());
    }

    #[test]
    fn numbers_are_read_exactly() {
        // Halfway between two floats, and a hair above: a reader that goes by way of another
        // format rounds both to the even one.
        let vector = read(&raw("[1.00000005960464477539062, 1.00000005960464477539063]")).unwrap();
        assert_eq!(vector, [1.0, 1.000_000_1]);
        assert_eq!(read(&raw("[ 1 ,\n-0.5e0\t]")).unwrap(), [1.0, -0.5]);
    }

    proptest! {
        #[test]
        fn every_finite_vector_reads_as_it_was_written(
            vector in proptest::collection::vec(any::<f32>().prop_filter("finite", |n| n.is_finite()), 1..40),
        ) {
            for format in [EncodingFormat::Float, EncodingFormat::Base64] {
                let mut out = Vec::new();
                write(&mut out, &vector, format);
                let text = raw(std::str::from_utf8(&out).unwrap());
                let back = read(&text).unwrap();
                prop_assert_eq!(&back, &vector);
                prop_assert_eq!(measure(&text).unwrap(), vector.len());
            }
        }

        #[test]
        fn looking_over_a_list_finds_what_parsing_finds(
            numbers in proptest::collection::vec("-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", 1..6),
            space in "[ \n]{0,2}",
        ) {
            let text = raw(&format!("[{space}{}]", numbers.join(&format!("{space},"))));
            match read(&text) {
                Ok(vector) => prop_assert_eq!(measure(&text).unwrap(), vector.len()),
                Err(_) => prop_assert!(measure(&text).is_err()),
            }
        }
    }
}
