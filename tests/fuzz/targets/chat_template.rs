//! `retrial_fuzz::chat_template` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    retrial_fuzz::chat_template(input);
});
