#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quatrix_proto::fuzzing::saved_session(data));
