//! Records as CSV that is safe to open. A spreadsheet executes a cell that starts like a formula, and a
//! terminal obeys escape codes; both may occur in model output.

use std::borrow::Cow;
use std::io::Write;

use serde::Serialize;

/// First characters by which a spreadsheet recognises a formula. Some languages treat the full-width ones
/// like the ordinary ones.
const STARTS_A_FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Writes records with a header, a column for each field, each text escaped by [`cell`].
pub fn write(out: &mut impl Write, records: &[impl Serialize]) -> csv::Result<()> {
    let mut raw = csv::Writer::from_writer(Vec::new());
    records.iter().try_for_each(|record| raw.serialize(record))?;
    let raw = raw.into_inner().map_err(csv::IntoInnerError::into_error)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(raw.as_slice());
    let mut out = csv::Writer::from_writer(out);
    for row in reader.records() {
        out.write_record(row?.iter().map(|text| cell(text).into_owned()))?;
    }
    Ok(out.flush()?)
}

/// A text as a cell: an apostrophe before a formula, as OWASP advises, and no control
/// characters except tabs and line ends. Numbers are unchanged.
pub fn cell(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| c.is_control() && !matches!(c, '\t' | '\n');
    let shown: Cow<'_, str> = if text.contains(harmful) {
        let lines = text.replace("\r\n", "\n");
        Cow::Owned(lines.chars().map(|c| if harmful(c) { '\u{fffd}' } else { c }).collect())
    } else {
        text.into()
    };
    if text.starts_with(STARTS_A_FORMULA) && !is_number(text) {
        Cow::Owned(format!("'{shown}"))
    } else {
        shown
    }
}

/// Whether it is a plain number, such as -1.5e-3. `-inf` and `-1/2` are not.
fn is_number(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    text.chars().all(plain) && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_an_escape_code() {
        let cases = [
            ("=HYPERLINK(\"http://a\")", "'=HYPERLINK(\"http://a\")"),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\u{fffd}=1"),
            ("\n=1", "'\n=1"),
            ("＝1", "'＝1"),
            ("-inf", "'-inf"),
            ("-1/2", "'-1/2"),
            // Harmless texts are unchanged.
            ("-1", "-1"),
            ("+1.5e-3", "+1.5e-3"),
            ("x = 1", "x = 1"),
            ("", ""),
            ("one\ntwo\tthree", "one\ntwo\tthree"),
            ("one\r\ntwo", "one\ntwo"),
            ("a\u{1b}[31mb\u{9b}2Jc\u{7}\u{0}", "a\u{fffd}[31mb\u{fffd}2Jc\u{fffd}\u{fffd}"),
        ];
        for (text, expected) in cases {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }

    #[test]
    fn records_are_written_cell_by_cell() {
        #[derive(Serialize)]
        struct Record {
            answer: &'static str,
            times: i64,
        }
        let records =
            [Record { answer: "=1\n2", times: -3 }, Record { answer: "a, \"b\"", times: 4 }];
        let mut out = Vec::new();
        write(&mut out, &records).unwrap();
        let expected = "answer,times\n\"'=1\n2\",-3\n\"a, \"\"b\"\"\",4\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
