//! Answers with vectors of every form, told to callers.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::vectors::embeddings_response(data);
});
