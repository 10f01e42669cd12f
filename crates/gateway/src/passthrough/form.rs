//! Step 1, of a form: a field of it, as far as it was read. RFC 7578

use memchr::memmem;

/// The longest head of a part that is read, in bytes.
const LONGEST_HEAD: usize = 1024;

/// What separates the parts of a form, by its media type; `None` if it is none.
pub fn boundary(media_type: &[u8]) -> Option<&[u8]> {
    let form = b"multipart/form-data";
    let (kind, parameters) = media_type.trim_ascii_start().split_at_checked(form.len())?;
    if !kind.eq_ignore_ascii_case(form) {
        return None;
    }
    parameters.split(|byte| *byte == b';').find_map(|parameter| {
        let (name, value) = parameter.trim_ascii().split_at_checked(9)?;
        let value =
            value.strip_prefix(b"\"").map_or(value, |it| it.strip_suffix(b"\"").unwrap_or(it));
        (name.eq_ignore_ascii_case(b"boundary=") && !value.is_empty()).then_some(value)
    })
}

/// The text of a field that the form has once, or always with the same text.
pub fn field(form: &[u8], boundary: &[u8], name: &str) -> Option<String> {
    let separator = [b"--", boundary].concat();
    let quoted = format!("name=\"{name}\"");
    let plain = format!("name={name}");
    let mut found: Option<&[u8]> = None;
    for at in memmem::find_iter(form, &separator) {
        let part = &form[at + separator.len()..];
        let within = &part[..part.len().min(LONGEST_HEAD)];
        let Some(end) = memmem::find(within, b"\r\n\r\n") else { continue };
        let is_named = within[..end].split(|byte| matches!(byte, b';' | b'\r' | b'\n')).any(|it| {
            let it = it.trim_ascii();
            it.eq_ignore_ascii_case(quoted.as_bytes()) || it.eq_ignore_ascii_case(plain.as_bytes())
        });
        if !is_named {
            continue;
        }
        let text = &part[end + 4..];
        let text = &text[..memmem::find(text, b"\r\n")?];
        if found.is_some_and(|found| found != text) {
            return None;
        }
        found = Some(text);
    }
    found.and_then(|text| std::str::from_utf8(text).ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(head: &str, text: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n")
    }

    #[test]
    fn a_field_is_found_among_files() {
        let file = part("name=\"file\"; filename=\"name=model\"", "name=\"model\"\r\n\r\nno");
        for (parts, found) in [
            ([part("name=\"model\"", "m"), file.clone()], Some("m")),
            ([file.clone(), part("name=model", "m")], Some("m")),
            ([part("name=\"model\"", "m"), part("name=\"model\"", "m")], Some("m")),
            ([part("name=\"model\"", "m"), part("name=\"model\"", "x")], None),
            ([file.clone(), file], None),
        ] {
            let form = parts.concat() + "--b--\r\n";
            assert_eq!(field(form.as_bytes(), b"b", "model").as_deref(), found, "{form}");
        }
        assert_eq!(field(b"--b\r\nname=model\r\n\r\nbroken of", b"b", "model"), None);
    }

    #[test]
    fn the_boundary_is_told_by_the_type() {
        for (kind, told) in [
            ("multipart/form-data; boundary=b", Some("b")),
            ("Multipart/Form-Data;charset=x; Boundary=\"a b\"", Some("a b")),
            ("multipart/form-data", None),
            ("application/json; boundary=b", None),
            ("", None),
        ] {
            assert_eq!(boundary(kind.as_bytes()), told.map(str::as_bytes), "{kind}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            boundary(&bytes);
            field(&bytes, &[bytes.first().copied().unwrap_or(1)], "model");
        }
    }
}
