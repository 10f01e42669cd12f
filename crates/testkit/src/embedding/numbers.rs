//! The forms in which vectors travel.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A form of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    Float,
    /// Little-endian 32-bit floats as base64 text.
    Base64,
    Int8,
    Uint8,
    /// Signs of eight numbers a byte, the first in the highest bit, as signed bytes.
    Binary,
    /// The same as unsigned bytes.
    Ubinary,
}

impl Numbers {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "float" => Self::Float,
            "base64" => Self::Base64,
            "int8" => Self::Int8,
            "uint8" => Self::Uint8,
            "binary" => Self::Binary,
            "ubinary" => Self::Ubinary,
            _ => return None,
        })
    }

    /// The vector in this form; `packed` sends the bytes of whole numbers as base64 too.
    pub(super) fn write(self, vector: &[f32], packed: bool) -> Value {
        let bytes: Vec<u8> = match self {
            Self::Base64 => vector.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::Float if packed => {
                vector.iter().flat_map(|number| number.to_le_bytes()).collect()
            }
            Self::Float => return vector.iter().map(|number| plain(*number)).collect(),
            Self::Int8 => {
                vector.iter().map(|number| (number * 127.0).round() as i8 as u8).collect()
            }
            Self::Uint8 => {
                vector.iter().map(|number| (number * 127.0 + 128.0).round() as u8).collect()
            }
            Self::Binary => signs(vector).into_iter().map(|byte| byte.wrapping_sub(128)).collect(),
            Self::Ubinary => signs(vector),
        };
        if packed || self == Self::Base64 {
            return STANDARD.encode(bytes).into();
        }
        match self {
            Self::Int8 | Self::Binary => {
                bytes.into_iter().map(|byte| Value::from(byte as i8)).collect()
            }
            _ => bytes.into_iter().map(Value::from).collect(),
        }
    }
}

/// A number in its shortest form that reads back as the same 32 bits.
fn plain(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

fn signs(vector: &[f32]) -> Vec<u8> {
    let byte = |eight: &[f32]| {
        let bits = eight.iter().enumerate().filter(|(_, number)| **number > 0.0);
        bits.fold(0_u8, |byte, (place, _)| byte | 0x80 >> place)
    };
    vector.chunks(8).map(byte).collect()
}
