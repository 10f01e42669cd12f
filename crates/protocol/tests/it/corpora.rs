//! What fuzzing found worth keeping, once more: each input takes another way through its reader.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;

use crate::checks::targets::TARGETS;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The names of the files in a folder, without what ends them.
fn names(folder: &Path) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_target_has_a_program_and_inputs() {
    let listed: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&fuzz().join("fuzz_targets")), listed);
    assert_eq!(names(&fuzz().join("corpora")), listed);
}

#[test]
fn what_fuzzing_found_still_holds() {
    for (name, check) in TARGETS {
        let packed = std::fs::File::open(fuzz().join(format!("corpora/{name}.zlib"))).unwrap();
        let mut bytes = Vec::new();
        ZlibDecoder::new(packed).read_to_end(&mut bytes).unwrap();
        let mut rest = bytes.as_slice();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap();
            let (input, after) = after.split_at(length);
            let held = std::panic::catch_unwind(|| check(input));
            assert!(held.is_ok(), "{name}: {}", String::from_utf8_lossy(input));
            rest = after;
        }
        assert!(rest.is_empty(), "{name} ends within an input");
    }
}
