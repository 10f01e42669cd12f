//! A stream of lines cut anywhere is the same stream.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::lines(data);
});
