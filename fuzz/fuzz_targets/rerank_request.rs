//! Rerank requests, written in every form.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::vectors::rerank_request(data);
});
