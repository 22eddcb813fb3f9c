//! `retrial_fuzz::tokenizer` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    retrial_fuzz::tokenizer(input);
});
