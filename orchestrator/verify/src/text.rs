//! Normalization of texts before they are compared.

/// A text in lower case with single spaces, without `$`, `\text{}` and a final point.
pub(crate) fn normal(text: &str) -> String {
    let mut text = text.trim();
    loop {
        let before = text;
        text = text.trim_matches('$').trim();
        if let Some(inner) = text.strip_prefix(r"\text{").and_then(|rest| rest.strip_suffix('}')) {
            text = inner.trim();
        }
        if text == before {
            break;
        }
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
