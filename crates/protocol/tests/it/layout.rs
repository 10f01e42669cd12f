//! JSON laid out for reading: what fits stays on one line, and nothing else changes: neither the
//! order of members nor the spelling of numbers.

use protocol::json::Object;
use serde_json::value::RawValue;

const WIDTH: usize = 110;

/// The text laid out, or as it is when it is no JSON.
pub fn laid_out(json: &[u8]) -> String {
    match serde_json::from_slice::<&RawValue>(json) {
        Ok(raw) => {
            let mut out = String::new();
            write(&without_spaces(raw.get()), 0, &mut out);
            out
        }
        Err(_) => String::from_utf8_lossy(json).into_owned(),
    }
}

/// The JSON text without white space between its tokens.
fn without_spaces(json: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let keep = |character: &char| {
        let kept = inside || !character.is_ascii_whitespace();
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = inside,
            '"' => inside = !inside,
            _ => {}
        }
        kept
    };
    json.chars().filter(keep).collect()
}

fn write(json: &str, depth: usize, out: &mut String) {
    let entries: Vec<(Option<String>, &str)> = match json.as_bytes() {
        _ if json.len() + 2 * depth <= WIDTH => Vec::new(),
        [b'{', ..] => {
            let object = Object::parse(json).unwrap();
            object
                .iter()
                .map(|(name, raw)| (Some(serde_json::to_string(name).unwrap()), raw.get()))
                .collect()
        }
        [b'[', ..] => serde_json::from_str::<Vec<&RawValue>>(json)
            .unwrap()
            .into_iter()
            .map(|raw| (None, raw.get()))
            .collect(),
        _ => Vec::new(),
    };
    if entries.is_empty() {
        out.push_str(json);
        return;
    }
    let (open, close) = if json.starts_with('{') { ('{', '}') } else { ('[', ']') };
    out.push(open);
    for (at, (name, value)) in entries.iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        out.extend(std::iter::repeat_n(' ', 2 * depth + 2));
        if let Some(name) = name {
            out.push_str(name);
            out.push_str(": ");
        }
        write(value, depth + 1, out);
    }
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', 2 * depth));
    out.push(close);
}
