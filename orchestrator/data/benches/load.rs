//! A million rows: seconds to load them and peak memory.
//!
//! `cargo bench -p retrial-data` writes GSM8K-like rows, loads them, and fails above 20 s or 500 MB.
//! A number after `--` is another number of rows.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::time::Instant;

use retrial_data::{DataSet, HubSettings, MAX_LEFT_OUT, Request, Sources, Split};

const ROWS: usize = 1_000_000;
const MOST_SECONDS: f64 = 20.0;
const MOST_MEGABYTES: f64 = 500.0;

fn main() {
    let rows = std::env::args().find_map(|text| text.parse().ok()).unwrap_or(ROWS);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("rows.jsonl");
    write(&path, rows);
    let size = std::fs::metadata(&path).map_or(0, |file| file.len()) as f64 / 1e6;
    let sources = Sources::one(path.to_string_lossy());
    let request = Request {
        set: "train",
        sources: &sources,
        columns: None,
        split: Split::Train,
        max_left_out: MAX_LEFT_OUT,
        solutions: false,
        reward: None,
        held_out: &[],
    };
    let (begun, before) = (Instant::now(), processor());
    let set = DataSet::load(&request, &HubSettings::from_env(), |_, _| Ok(()));
    let set = set.unwrap_or_else(|error| panic!("{error}"));
    let (loaded, computed) = (begun.elapsed().as_secs_f64(), processor() - before);
    let begun = Instant::now();
    let fingerprint = set.fingerprint();
    let pinned = begun.elapsed().as_secs_f64();
    let memory = peak();
    println!(
        "{rows} rows, {size:.0} MB: loaded in {loaded:.1} s ({computed:.1} s on the processor), \
         fingerprint {} in {pinned:.1} s, at most {memory:.0} MB of memory",
        &fingerprint.content[..16]
    );
    println!("{}", set.report());
    assert!(loaded < MOST_SECONDS, "more than {MOST_SECONDS} s");
    assert!(memory < MOST_MEGABYTES, "more than {MOST_MEGABYTES} MB");
}

/// Rows of about the length of GSM8K's: 240 characters of question, 280 of worked answer. One in a
/// hundred is there twice, one in a thousand is broken.
fn write(path: &std::path::Path, rows: usize) {
    let mut file = BufWriter::new(std::fs::File::create(path).expect("a file"));
    let mut line = String::new();
    for row in 0..rows {
        line.clear();
        let number = if row % 100 == 99 { row - 1 } else { row };
        let question = "Natalia sold clips to some of her friends in April, and then she sold half \
                        as many clips in May, and a few more in June when the fair came to town. ";
        let worked = "Natalia sold half of them in May. ".repeat(8);
        let _ = write!(
            line,
            "{{\"question\": \"{question}She began with {number} clips and bought {} more. How many \
             clips did she have in the end?\", \"answer\": \"{worked}\\n#### {}\"}}",
            number % 97,
            number + number % 97
        );
        if row % 1000 == 500 {
            line.truncate(40);
        }
        line.push('\n');
        file.write_all(line.as_bytes()).expect("a line is written");
    }
    file.flush().expect("the file is written");
}

/// Processor time of this process: on a busy machine less than the elapsed time.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15, in hundredths of a second; the second is a name in parentheses.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Peak memory of this process, in megabytes.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kibibytes.unwrap_or_default() * 1024.0 / 1e6
}
