//! An input with several parts.

/// The separator of an input's parts.
const BETWEEN: &[u8] = b"\n====\n";

/// The input up to the first [`BETWEEN`], and what comes after it.
pub fn parts(input: &[u8]) -> (&[u8], &[u8]) {
    match input.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        Some(position) => (&input[..position], &input[position + BETWEEN.len()..]),
        None => (input, &[]),
    }
}

/// The first line, and the rest.
pub fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = input.splitn(2, |&byte| byte == b'\n');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}
