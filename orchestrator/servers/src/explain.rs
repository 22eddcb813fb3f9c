//! Messages in the bodies of errors, shortened.

use serde_json::Value;

/// Longest message that is shown.
const LONGEST: usize = 600;
/// Longest excerpt of a body that should have been JSON.
const BEGINNING: usize = 80;

/// The message of a body: that of a JSON error, the title of a page, or its beginning.
pub fn said(body: &[u8]) -> String {
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        return shortened(&message(&json).unwrap_or_else(|| json.to_string()));
    }
    let text = String::from_utf8_lossy(body);
    match page(&text) {
        Some(page) => page,
        None => shortened(text.trim()),
    }
}

/// Why the body of a success is not the expected JSON.
pub fn no_json(body: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(body);
    if let Some(page) = page(&text) {
        return format!(
            "it is {page}, not JSON\n\
             hint: is it a login page, or another program at this port? check the address"
        );
    }
    if text.trim().is_empty() {
        return "it is empty\nhint: is another program at this port? check the address".into();
    }
    let beginning: String =
        text.lines().next().unwrap_or_default().chars().take(BEGINNING).collect();
    format!("{error}; it begins with `{}`", plain(&beginning))
}

/// The message in a JSON error of vLLM, `SGLang`, `FastAPI` or Retrial's own services.
fn message(json: &Value) -> Option<String> {
    let at = [&json["error"]["message"], &json["error"], &json["message"], &json["detail"]];
    at.into_iter().find_map(Value::as_str).map(str::to_owned)
}

/// Describes an HTML page.
fn page(text: &str) -> Option<String> {
    let beginning = text.trim_start().get(..15).unwrap_or(text.trim_start()).to_ascii_lowercase();
    if !beginning.starts_with("<!doctype html") && !beginning.starts_with("<html") {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        let end = start + lower[start..].find("</title>")?;
        text.get(start..end)
    });
    Some(match title {
        Some(title) => format!("an HTML page, `{}`", shortened(title.trim())),
        None => "an HTML page".into(),
    })
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short += "...";
    }
    plain(&short)
}

/// Without control characters, which could change a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|&c| c == '\n' || !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_each_kind_of_server_is_found() {
        for (body, expected) in [
            (r#"{"error":{"message":"too long","type":"BadRequestError"}}"#, "too long"),
            (r#"{"object":"error","message":"flat","code":400}"#, "flat"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (r#"{"error":"ours"}"#, "ours"),
            (r#"{"success":false}"#, r#"{"success":false}"#),
            ("plain \u{1b}[31mtext\n", "plain [31mtext"),
            ("<!DOCTYPE html><html><head><title>Sign in</title>", "an HTML page, `Sign in`"),
            ("<html><body>502</body></html>", "an HTML page"),
        ] {
            assert_eq!(said(body.as_bytes()), expected);
        }
        assert_eq!(said("x".repeat(5000).as_bytes()).len(), LONGEST + 3);
    }

    #[test]
    fn what_is_no_json_is_shown_by_its_beginning() {
        let explained = |body: &str| {
            let error = serde_json::from_str::<Value>(body).unwrap_err();
            no_json(body.as_bytes(), &error)
        };
        assert!(explained("<html>").contains("a login page, or another program"));
        assert!(explained("").contains("it is empty"));
        assert!(explained(r#"{"choices": [{"#).contains(r#"it begins with `{"choices": [{`"#));
    }
}
