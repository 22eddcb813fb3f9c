//! The code in a response.

/// The content of the last complete fenced block whose language is Python or not named.
pub(super) fn last_block(response: &str) -> Option<&str> {
    let mut last = None;
    let mut open: Option<(usize, bool)> = None;
    let mut at = 0;
    for line in response.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let Some(rest) = line.trim_start().strip_prefix("```") else { continue };
        if let Some((from, is_python)) = open.take() {
            if is_python {
                last = Some(&response[from..start]);
            }
        } else {
            let language = rest.trim().to_ascii_lowercase();
            open = Some((at, matches!(&*language, "" | "python" | "python3" | "py")));
        }
    }
    last.filter(|code| !code.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_complete_block_of_python_counts() {
        for (response, expected) in [
            ("```python\nx = 1\n```", Some("x = 1\n")),
            ("```\na\n```\nBetter:\n```py\nb\n```\n", Some("b\n")),
            ("```python\na\n```\nIt prints\n```text\n3\n```", Some("a\n")),
            ("```python\na\n```\nand\n```python\nb", Some("a\n")),
            ("```python\n\n```", None),
            ("x = 1", None),
        ] {
            assert_eq!(last_block(response), expected, "{response}");
        }
    }
}
