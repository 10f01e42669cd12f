//! A folder of files as a table in Rust.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// The table of no files.
pub const EMPTY: &str = "&[]";

/// What compressing must save at least to be worth a second copy in the binary.
const WORTH: usize = 64;

/// The files of `folder` as an expression. Compressed copies are written below `out`.
pub fn of(folder: &Path, out: &Path) -> Result<String, Box<dyn Error>> {
    let compressed = out.join("brotli");
    std::fs::create_dir_all(&compressed)?;
    let mut table = String::from("&[\n");
    for (at, path) in files_below(folder)?.into_iter().enumerate() {
        let raw = std::fs::read(&path)?;
        let name = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
        let small = brotli(&raw)?;
        let brotli = if small.len() + WORTH < raw.len() && name != "index.html" {
            let place = compressed.join(at.to_string());
            std::fs::write(&place, small)?;
            format!("Some(include_bytes!({place:?}))")
        } else {
            "None".to_owned()
        };
        let digest: String =
            Sha256::digest(&raw)[..12].iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
        let path = path.canonicalize()?;
        let _ = writeln!(
            table,
            "    Embedded {{ path: {name:?}, digest: {digest:?}, raw: include_bytes!({path:?}), \
             brotli: {brotli} }},"
        );
    }
    table.push(']');
    Ok(table)
}

fn brotli(raw: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut small = Vec::new();
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    brotli::BrotliCompress(&mut &*raw, &mut small, &parameters)?;
    Ok(small)
}

/// All files below a folder in the order of their paths; a file is itself.
pub fn files_below(place: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    if place.is_file() {
        return Ok(vec![place.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place)? {
        files.extend(files_below(&entry?.path())?);
    }
    files.sort();
    Ok(files)
}
