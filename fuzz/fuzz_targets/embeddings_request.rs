//! Requests for embeddings, written in every form.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::vectors::embeddings_request(data);
});
