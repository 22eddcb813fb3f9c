//! `retrial_fuzz::policy_request` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    retrial_fuzz::policy_request(input);
});
