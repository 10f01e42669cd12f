//! Errors of the dialect, told in every dialect.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::error(protocol::Dialect::OpenaiResponses, data);
});
