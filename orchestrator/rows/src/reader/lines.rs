//! JSON Lines: an object a line. A faulty line does not affect the others.

use std::io::BufRead;

use super::row::{Sink, Stopped, broken, line, row};

/// The longest line, bytes, to limit memory.
const LONGEST: u64 = 64 << 20;

pub(super) fn read(mut stream: impl BufRead, sink: &mut Sink<'_>) -> Stopped {
    let mut buffer = Vec::new();
    let mut number = 0;
    while line(&mut stream, LONGEST, &mut buffer).map_err(|error| broken(&error))? {
        number += 1;
        let cut = buffer.len() as u64 == LONGEST && !buffer.ends_with(b"\n");
        let given = if cut {
            skip(&mut stream).map_err(|error| broken(&error))?;
            sink(number, Err(format!("the line is longer than {} MiB", LONGEST >> 20)))
        } else {
            let json = buffer.trim_ascii();
            if json.is_empty() {
                continue;
            }
            sink(number, row(json))
        };
        if given.is_break() {
            break;
        }
    }
    Ok(())
}

/// Skips the rest of a line.
fn skip(stream: &mut impl BufRead) -> std::io::Result<()> {
    stream.skip_until(b'\n').map(drop)
}
