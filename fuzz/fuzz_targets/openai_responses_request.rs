//! Requests of the dialect, written for every dialect.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::request(protocol::Dialect::OpenaiResponses, data);
});
