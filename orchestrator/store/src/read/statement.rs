//! Recognises statements in a text of SQL.

/// Statements that open or write other files, even on a read-only
/// connection.
const BEYOND: [&str; 3] = ["ATTACH", "DETACH", "VACUUM"];

/// The first statement of a query that accesses other files, by its first word.
pub(super) fn beyond_the_log(query: &str) -> Option<&'static str> {
    statements(query).into_iter().find_map(|statement| {
        let word: String = statement.chars().take_while(char::is_ascii_alphabetic).collect();
        BEYOND.into_iter().find(|beyond| word.eq_ignore_ascii_case(beyond))
    })
}

/// Each statement from its first word on. Quoted texts and comments are skipped.
fn statements(query: &str) -> Vec<&str> {
    let (mut found, mut begun, mut rest) = (Vec::new(), false, query);
    while let Some(first) = rest.chars().next() {
        let token = match first {
            '\'' | '"' | '`' => quoted(rest, first),
            '[' => quoted(rest, ']'),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            _ => first.len_utf8(),
        };
        let comment = rest.starts_with("--") || rest.starts_with("/*");
        match first {
            ';' => begun = false,
            _ if begun || comment || first.is_whitespace() || first == '\u{feff}' => {}
            _ => {
                begun = true;
                found.push(rest);
            }
        }
        rest = &rest[token..];
    }
    found
}

/// Bytes of a quoted text with its quotes. A doubled quote counts as two adjacent texts.
fn quoted(text: &str, end: char) -> usize {
    text[1..].find(end).map_or(text.len(), |at| at + 1 + end.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_reach_beyond_the_log_are_found() {
        for (query, found) in [
            ("SELECT 1", None),
            ("VACUUM INTO 'copy.db'", Some("VACUUM")),
            ("  vacuum", Some("VACUUM")),
            ("-- a comment; select\n attach 'x' as y", Some("ATTACH")),
            ("/* ' */ /* ; */ ATTACH 'x' AS y", Some("ATTACH")),
            ("SELECT 1; VACUUM INTO 'x'", Some("VACUUM")),
            ("SELECT ';' ; ; detach y", Some("DETACH")),
            ("SELECT 'it''s; VACUUM' FROM runs", None),
            ("SELECT \"; VACUUM\", [; ATTACH], `; VACUUM`", None),
            ("SELECT 1 -- ; VACUUM", None),
            ("SELECT 'open; VACUUM", None),
            ("\u{feff}VACUUM", Some("VACUUM")),
            ("SELECT vacuum FROM t", None),
            ("SELECT 'ä'; VACUUM", Some("VACUUM")),
        ] {
            assert_eq!(beyond_the_log(query), found, "{query}");
        }
    }
}
