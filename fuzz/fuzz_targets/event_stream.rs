//! A stream of binary messages cut anywhere is the same stream.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    checks::event_stream(data);
});
