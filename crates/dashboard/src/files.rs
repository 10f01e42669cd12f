//! The table of files, and how one is found.

use std::borrow::Cow;

/// What stands in the page where the base path is to be filled in.
pub const BASE: &str = "<base href=\"/\" />";

/// The page where there are no pages.
pub const NOTICE: &str = include_str!("notice.html");

/// A file of the dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it is, for `Content-Type`.
    pub media_type: &'static str,
    /// A digest of the content in hexadecimal digits; empty where it would have to be computed.
    pub digest: Cow<'static, str>,
    /// The content.
    pub raw: Cow<'static, [u8]>,
    /// The content compressed with brotli, if that is worth it.
    pub brotli: Option<&'static [u8]>,
}

/// A file as it is kept in the binary.
#[cfg_attr(not(embedded), allow(dead_code, reason = "development builds have an empty table"))]
struct Embedded {
    path: &'static str,
    digest: &'static str,
    raw: &'static [u8],
    brotli: Option<&'static [u8]>,
}

static FILES: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// The file at a path relative to the dashboard, such as `assets/index-abc.js`. The page itself is
/// not among them: see [`index`].
pub fn find(path: &str) -> Option<File> {
    if path == "index.html" {
        return None;
    }
    read(path)
}

/// The page, with [`BASE`] in it; `None` if this binary has none.
pub fn index() -> Option<String> {
    read("index.html").and_then(|file| String::from_utf8(file.raw.into_owned()).ok())
}

fn read(path: &str) -> Option<File> {
    let media_type = media_type(path)?;
    if let Some(file) = FILES.iter().find(|file| file.path == path) {
        return Some(File {
            media_type,
            digest: Cow::Borrowed(file.digest),
            raw: Cow::Borrowed(file.raw),
            brotli: file.brotli,
        });
    }
    on_disk(path).map(|raw| File {
        media_type,
        digest: Cow::Borrowed(""),
        raw: Cow::Owned(raw),
        brotli: None,
    })
}

/// What `npm run build` left, in a development build alone.
#[cfg(all(debug_assertions, not(embedded)))]
fn on_disk(path: &str) -> Option<Vec<u8>> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\\');
    if !path.split('/').all(is_plain) {
        return None;
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dashboard/dist");
    std::fs::read(format!("{folder}/{path}")).ok()
}

#[cfg(not(all(debug_assertions, not(embedded))))]
fn on_disk(_: &str) -> Option<Vec<u8>> {
    None
}

/// By the ending: the kinds of file the dashboard is built of.
fn media_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
#[path = "../build/table.rs"]
mod table;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leaves_the_folder() {
        for path in
            ["../package.json", "a/../../index.html", "/etc/x.txt", "..\\x.js", "index.html"]
        {
            assert_eq!(find(path), None, "{path}");
        }
    }

    #[test]
    fn a_folder_becomes_a_table_with_what_compressing_is_worth() {
        assert_eq!(table::EMPTY, "&[]");
        let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write =
            |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
        std::fs::create_dir(folder.path().join("assets")).unwrap();
        write("index.html", &"<p>".repeat(500));
        write("assets/a-1.js", &"let a = 1;".repeat(200));
        write("favicon.svg", "<svg/>");
        let table = table::of(folder.path(), out.path()).unwrap();
        let lines: Vec<&str> = table.lines().filter(|line| line.contains("Embedded {")).collect();
        let begins: Vec<bool> = ["assets/a-1.js", "favicon.svg", "index.html"]
            .iter()
            .zip(&lines)
            .map(|(path, line)| line.contains(&format!("path: {path:?}")))
            .collect();
        assert_eq!((begins, lines.len()), (vec![true; 3], 3));
        assert!(lines[0].contains("brotli: Some("));
        // What is too small gains nothing, and what is filled in cannot be compressed beforehand.
        assert!(lines[1].contains("brotli: None") && lines[2].contains("brotli: None"));
    }

    #[test]
    fn the_notice_says_how_to_build_and_where_the_interface_is() {
        assert!(NOTICE.contains("make run") && NOTICE.contains("/api/v1"));
        assert!(NOTICE.contains(BASE));
    }
}
