//! Step 1, of a form: its model and how much of it is text, read piece by piece as it passes.
//! RFC 7578

use std::mem;

/// The longest head of a part that is read, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;
/// The longest name of a model, in bytes.
const LONGEST_NAME: usize = 256;
/// The longest boundary, in bytes; RFC 2046 allows 70.
const LONGEST_BOUNDARY: usize = 200;

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
        let fits = !value.is_empty() && value.len() <= LONGEST_BOUNDARY;
        (name.eq_ignore_ascii_case(b"boundary=") && fits).then_some(value)
    })
}

/// Where in a form its reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before the first part, or after the last.
    #[default]
    Outside,
    /// In the head of a part.
    Head,
    /// In a part that is no file.
    Text,
    /// In the one that names the model.
    Model,
    /// In a file.
    File,
}

/// A form as far as it passed.
#[derive(Debug, Default)]
pub struct Form {
    separator: Vec<u8>,
    place: Place,
    /// The line under way, as far as it is kept, and its length.
    line: Vec<u8>,
    length: u64,
    /// The lines of a head, or of a model's name.
    kept: Vec<u8>,
    /// Bytes of the part under way that stand before its last line.
    before: u64,
    /// Bytes of parts that are no files.
    pub text: u64,
    model: Option<String>,
    /// Readers may differ in which model it names.
    is_doubtful: bool,
}

impl Form {
    /// A form with this boundary.
    pub fn new(boundary: &[u8]) -> Self {
        Self { separator: [b"--", boundary].concat(), ..Self::default() }
    }

    /// Bytes pass.
    pub fn see(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.take(&bytes[..=end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.take(bytes);
    }

    /// The form came to its end, maybe without a line's end.
    pub fn end(&mut self) {
        self.end_line();
        self.end_part();
    }

    /// The model, if all readers find the same one.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref().filter(|_| !self.is_doubtful)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        // As much as tells whether it separates parts, or as a head or a name may have.
        let most = match self.place {
            Place::Head => LONGEST_HEAD,
            Place::Model => LONGEST_NAME.max(self.separator.len()),
            _ => self.separator.len(),
        };
        let left = (most + 4).saturating_sub(self.line.len()).min(bytes.len());
        self.line.extend_from_slice(&bytes[..left]);
    }

    fn end_line(&mut self) {
        let line = mem::take(&mut self.line);
        let length = mem::take(&mut self.length);
        match self.separates(&line) {
            Some(is_last) => {
                self.end_part();
                self.place = if is_last { Place::Outside } else { Place::Head };
            }
            None => self.read(&line, length),
        }
        // The place is used again.
        self.line = line;
        self.line.clear();
    }

    /// Whether a line stands between two parts, and whether it is the last one.
    fn separates(&self, line: &[u8]) -> Option<bool> {
        let rest = line.strip_prefix(self.separator.as_slice())?;
        match rest.starts_with(b"--") {
            true => Some(true),
            // Blanks may follow.
            false => rest.trim_ascii().is_empty().then_some(false),
        }
    }

    fn read(&mut self, line: &[u8], length: u64) {
        match self.place {
            Place::Outside => {}
            Place::Text | Place::File => self.before += length,
            Place::Model => {
                self.before += length;
                self.keep(line, length, LONGEST_NAME);
            }
            Place::Head if line.trim_ascii_end().is_empty() => {
                let head = mem::take(&mut self.kept);
                self.place = self.place_after(&head);
            }
            Place::Head => self.keep(line, length, LONGEST_HEAD),
        }
    }

    fn keep(&mut self, line: &[u8], length: u64, most: usize) {
        if line.len() as u64 != length || self.kept.len() + line.len() > most + 2 {
            self.is_doubtful = true;
            return;
        }
        self.kept.extend_from_slice(line);
    }

    fn end_part(&mut self) {
        let kept = mem::take(&mut self.kept);
        let before = mem::take(&mut self.before);
        match mem::take(&mut self.place) {
            Place::Text => self.text = self.text.saturating_add(before),
            Place::Model => {
                self.text = self.text.saturating_add(before);
                self.name(&kept);
            }
            Place::Outside | Place::Head | Place::File => {}
        }
    }

    /// A part named this model. What is no single line no reader finds a model by.
    fn name(&mut self, value: &[u8]) {
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        let name = std::str::from_utf8(value).ok().filter(|name| {
            !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains(['\r', '\n'])
        });
        match (name, &self.model) {
            (Some(name), None) => self.model = Some(name.to_owned()),
            (Some(name), Some(before)) if name == before => {}
            _ => self.is_doubtful = true,
        }
    }

    /// What follows a head.
    fn place_after(&mut self, head: &[u8]) -> Place {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for line in head.split(|byte| *byte == b'\n') {
            match lines.last_mut() {
                // A line may go on in the next one.
                Some(last) if line.first().is_some_and(|it| matches!(it, b' ' | b'\t')) => {
                    last.extend_from_slice(line);
                }
                _ => lines.push(line.to_vec()),
            }
        }
        let mut disposition = Disposition::default();
        let mut is_encoded = false;
        for line in &lines {
            let mut sides = line.splitn(2, |byte| *byte == b':');
            let name = sides.next().unwrap_or_default().trim_ascii();
            let value = sides.next().unwrap_or_default();
            if name.eq_ignore_ascii_case(b"content-disposition") {
                disposition.read(value);
            }
            is_encoded |= name.eq_ignore_ascii_case(b"content-transfer-encoding")
                && !UNCHANGED.iter().any(|it| value.trim_ascii().eq_ignore_ascii_case(it));
        }
        let is_model = disposition.names.iter().any(|name| name == b"model");
        let several = disposition.names.len() > 1 || disposition.is_file || is_encoded;
        let is_unclear = disposition.is_extended && !disposition.is_file;
        self.is_doubtful |= is_unclear || is_model && several;
        match () {
            () if disposition.is_file => Place::File,
            () if is_model => Place::Model,
            () => Place::Text,
        }
    }
}

/// Encodings that leave everything as it is: some clients name them for every text.
const UNCHANGED: [&[u8]; 3] = [b"7bit", b"8bit", b"binary"];

/// What a head says of its part.
#[derive(Debug, Default)]
struct Disposition {
    names: Vec<Vec<u8>>,
    is_file: bool,
    /// It is written in a way that only some readers know.
    is_extended: bool,
}

impl Disposition {
    /// Reads the parameters, of which quoted ones may have anything in them.
    fn read(&mut self, value: &[u8]) {
        let (mut parameters, mut parameter) = (Vec::new(), Vec::new());
        let (mut is_quoted, mut is_escaped) = (false, false);
        for byte in value {
            match byte {
                b'"' if !is_escaped => is_quoted = !is_quoted,
                b';' if !is_quoted => parameters.push(mem::take(&mut parameter)),
                // A quote within quotes. Before anything else it is no escape, but in a path.
                b'"' => {
                    self.is_extended = true;
                    parameter.pop();
                    parameter.push(*byte);
                }
                _ => parameter.push(*byte),
            }
            is_escaped = is_quoted && *byte == b'\\' && !is_escaped;
        }
        parameters.push(parameter);
        for parameter in parameters {
            let mut sides = parameter.splitn(2, |byte| *byte == b'=');
            let name = sides.next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
            let value = sides.next().unwrap_or_default().trim_ascii();
            match name.as_slice() {
                b"name" => self.names.push(value.to_vec()),
                b"filename" | b"filename*" => self.is_file = true,
                _ => self.is_extended |= name.starts_with(b"name*"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(head: &str, text: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n")
    }

    fn read(form: &[u8], size: usize) -> Form {
        let mut read = Form::new(b"b");
        form.chunks(size).for_each(|piece| read.see(piece));
        read.end();
        read
    }

    #[test]
    fn a_field_is_found_among_files() {
        let file = part("name=\"file\"; filename=\"name=model\"", "name=\"model\"\r\n\r\nno");
        let long = part("name=\"model\"", &"m".repeat(LONGEST_NAME + 1));
        for (parts, found) in [
            ([part("name=\"model\"", "m"), file.clone()], Some("m")),
            ([file.clone(), part("name=model", "m")], Some("m")),
            ([part("name=\"model\"", "m"), part("name=\"model\"", "m")], Some("m")),
            ([part("name=\"model\"", "m"), part("name=\"model\"", "x")], None),
            ([part("name=\"model\"", "m"), part("name*=utf-8''model", "x")], None),
            ([part("name=\"model\"", "m"), part("name=\"model\"; name=\"a\"", "x")], None),
            ([part("name=\"model\"", "m"), long], None),
            ([file.clone(), file], None),
        ] {
            let form = parts.concat() + "--b--\r\n";
            for size in [1, 3, 20, 10_000] {
                assert_eq!(read(form.as_bytes(), size).model(), found, "{form}");
            }
        }
        assert_eq!(read(b"--b\r\nname=model\r\n\r\nbroken of", 4).model(), None);
        for (encoding, found) in [("8bit", Some("m")), ("Binary", Some("m")), ("base64", None)] {
            let form = format!(
                "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\
                 Content-Transfer-Encoding: {encoding}\r\n\r\nm\r\n--b--\r\n"
            );
            assert_eq!(read(form.as_bytes(), 10_000).model(), found, "{encoding}");
        }
    }

    /// What stands in quotes is a name, whatever is in it.
    #[test]
    fn quotes_hide_what_is_in_them() {
        let name = "a.mp3; name=model; x";
        for head in [
            format!("name=\"file\"; filename=\"{name}\""),
            format!("filename=\"{name}\"; name=\"file\""),
            format!("name=\"file\"; filename=\"\\\"; {name}\""),
            format!("name=\"{name}\""),
        ] {
            let form = part(&head, "x") + &part("name=\"model\"", "m") + "--b--\r\n";
            assert_eq!(read(form.as_bytes(), 5).model(), Some("m"), "{head}");
        }
    }

    #[test]
    fn only_a_line_of_its_own_separates() {
        let model = "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n";
        let form = format!("--b{model}m\r\n--b--\r\nafter\r\n--bc{model}x\r\n a --b{model}y\r\n");
        assert_eq!(read(form.as_bytes(), 3).model(), Some("m"));
        // However often it stands in a line, it is looked for once.
        let mut many = Form::new(b"b");
        (0..100_000).for_each(|_| many.see(b"--b--b--b"));
        assert!(many.line.capacity() < 64);
    }

    #[test]
    fn files_are_no_text() {
        let file = part("name=\"file\"; filename=\"a\"", &"x\r\n".repeat(4_000));
        let form = part("name=\"prompt\"", "0123456789") + &file + "--b--\r\n";
        for size in [1, 7, 100_000] {
            assert_eq!(read(form.as_bytes(), size).text, 12);
        }
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
            let mut form = Form::new(&[bytes.first().copied().unwrap_or(1)]);
            bytes.chunks(7).for_each(|piece| form.see(piece));
            form.end();
        }
    }
}
