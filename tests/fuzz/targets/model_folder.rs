//! `retrial_fuzz::model_folder` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    retrial_fuzz::model_folder(input);
});
