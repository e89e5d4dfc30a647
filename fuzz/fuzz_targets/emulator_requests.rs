#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| quatrix_emulator::fuzzing::emulator_requests(data));
