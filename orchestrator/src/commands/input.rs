//! Input of commands that read lines: a file, or standard input.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use retrial_loop::failure::Failure;

/// Opens a file; `-` is standard input.
pub fn open(file: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()));
    Ok(Box::new(BufReader::new(opened.map_err(Failure::Input)?)))
}
