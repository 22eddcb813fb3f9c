//! `retrial_fuzz::configuration` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    retrial_fuzz::configuration(input);
});
