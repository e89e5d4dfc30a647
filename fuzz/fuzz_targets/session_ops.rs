#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quatrix_tests::story::session_ops(data));
