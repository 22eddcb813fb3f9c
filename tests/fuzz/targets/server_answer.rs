//! `retrial_fuzz::server_answer` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    retrial_fuzz::server_answer(input);
});
