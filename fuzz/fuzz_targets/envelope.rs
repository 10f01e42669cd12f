//! The index of a body against a full JSON reader.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::envelope(data);
});
