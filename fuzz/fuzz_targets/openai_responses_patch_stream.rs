//! Streams passed on in their own dialect.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::patch_stream(protocol::Dialect::OpenaiResponses, data);
});
