//! `retrial_fuzz::data_set` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    retrial_fuzz::data_set(input);
});
