//! What fuzzing found worth keeping: a file for each target, which tests read on every run.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// The longest input that is kept, in bytes: what a long one finds a shorter one mostly does.
const LONGEST: u64 = 4 * 1024;

/// Where they are kept, from the repository's root.
const FOLDER: &str = "fuzz/corpora";

/// Packs the corpora of a run, a folder for each target, over those that are kept. Tells how many
/// inputs of how many targets.
pub fn pack(repository: &Path, run: &Path) -> Result<String> {
    let (mut targets, mut inputs) = (0, 0);
    for folder in sorted(run)? {
        let Some(target) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        for file in sorted(&folder)? {
            if fs::metadata(&file)?.len() > LONGEST {
                continue;
            }
            let bytes = fs::read(&file)?;
            packed.write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
            packed.write_all(&bytes)?;
            inputs += 1;
        }
        let path = repository.join(FOLDER).join(format!("{target}.zlib"));
        fs::create_dir_all(repository.join(FOLDER))?;
        fs::write(&path, packed.finish()?).with_context(|| path.display().to_string())?;
        targets += 1;
    }
    Ok(format!("{inputs} inputs of {targets} targets"))
}

/// Unpacks what is kept to where `cargo fuzz run` looks for it: a folder for each target.
pub fn unpack(repository: &Path, into: &Path) -> Result<String> {
    let (mut targets, mut inputs) = (0, 0);
    for path in sorted(&repository.join(FOLDER))? {
        let Some(target) = path.file_stem() else { continue };
        let folder = into.join(target);
        fs::create_dir_all(&folder)?;
        for (at, input) in read(&path)?.into_iter().enumerate() {
            fs::write(folder.join(format!("{at:05}")), input)?;
            inputs += 1;
        }
        targets += 1;
    }
    Ok(format!("{inputs} inputs of {targets} targets"))
}

/// The inputs in a file.
fn read(path: &Path) -> Result<Vec<Vec<u8>>> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).with_context(|| path.display().to_string())?;
    ZlibDecoder::new(file).read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let mut inputs = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length))?;
        let Some((input, after)) = after.split_at_checked(length) else {
            bail!("{} ends within an input", path.display());
        };
        inputs.push(input.to_vec());
        rest = after;
    }
    Ok(inputs)
}

fn sorted(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let folder = std::env::temp_dir().join(format!("trunkline-corpora-{}", std::process::id()));
        let run = folder.join("run");
        fs::create_dir_all(run.join("lines")).unwrap();
        fs::write(run.join("lines/b"), b"two").unwrap();
        fs::write(run.join("lines/a"), b"").unwrap();
        fs::write(run.join("lines/c"), vec![0; 5_000]).unwrap();
        assert_eq!(pack(&folder, &run).unwrap(), "2 inputs of 1 targets");
        assert_eq!(unpack(&folder, &folder.join("again")).unwrap(), "2 inputs of 1 targets");
        assert_eq!(fs::read(folder.join("again/lines/00000")).unwrap(), b"");
        assert_eq!(fs::read(folder.join("again/lines/00001")).unwrap(), b"two");
        fs::remove_dir_all(&folder).unwrap();
    }
}
