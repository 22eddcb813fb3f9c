//! Settings of the hub, from the variables of `huggingface_hub`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the hub is reached and where its files are stored.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The hub's address, `HF_ENDPOINT`.
    pub endpoint: String,
    /// The folder of downloaded files, `HF_HUB_CACHE`, or `hub` in `HF_HOME`.
    pub cache: PathBuf,
    /// The token: `HF_TOKEN`, or the file that `hf auth login` writes.
    pub token: Option<Token>,
    /// Offline: no request to the hub, `HF_HUB_OFFLINE`.
    pub offline: bool,
    /// The pause before the second try of a failed request; each later one is twice as long.
    pub pause: Duration,
}

/// A token. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token; none if the text is blank.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Settings {
    /// The settings in the environment.
    pub fn from_env() -> Self {
        Self::from(|name| std::env::var(name).ok())
    }

    fn from(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let user = set("HOME").map_or_else(std::env::temp_dir, PathBuf::from);
        let path = |text: String| match text.strip_prefix("~/") {
            Some(rest) => user.join(rest),
            None => PathBuf::from(text),
        };
        let caches = set("XDG_CACHE_HOME").map_or_else(|| user.join(".cache"), path);
        let home = set("HF_HOME").map_or_else(|| caches.join("huggingface"), path);
        let cache = set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE"));
        let named = set("HF_TOKEN").or_else(|| set("HUGGING_FACE_HUB_TOKEN"));
        let token = named.and_then(|text| Token::new(&text)).or_else(|| {
            if set("HF_HUB_DISABLE_IMPLICIT_TOKEN").is_some_and(|text| is_true(&text)) {
                return None;
            }
            let file = set("HF_TOKEN_PATH").map_or_else(|| home.join("token"), path);
            token_in(&file)
        });
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".into());
        Self {
            endpoint: endpoint.trim().trim_end_matches('/').to_owned(),
            cache: cache.map_or_else(|| home.join("hub"), path),
            token,
            offline: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
                .iter()
                .any(|name| set(name).is_some_and(|text| is_true(&text))),
            pause: Duration::from_secs(1),
        }
    }
}

fn is_true(text: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&text.trim().to_ascii_uppercase().as_str())
}

fn token_in(file: &Path) -> Option<Token> {
    Token::new(&std::fs::read_to_string(file).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Settings {
        let variables: Vec<(String, String)> =
            variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Settings::from(move |name| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        })
    }

    #[test]
    fn nothing_set_is_the_public_hub_and_the_ordinary_cache() {
        let settings = read(&[("HOME", "/home/ann")]);
        assert_eq!(settings.endpoint, "https://huggingface.co");
        assert_eq!(settings.cache, Path::new("/home/ann/.cache/huggingface/hub"));
        assert!(settings.token.is_none() && !settings.offline);
    }

    #[test]
    fn the_cache_is_where_the_variables_say() {
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[("HF_HOME", "/data/hf")], "/data/hf/hub"),
            (&[("HF_HOME", "/data/hf"), ("HF_HUB_CACHE", "/fast")], "/fast"),
            (&[("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("HOME", "/home/ann"), ("HF_HOME", "~/hf")], "/home/ann/hf/hub"),
        ];
        for (variables, expected) in cases {
            assert_eq!(read(variables).cache, Path::new(expected), "{variables:?}");
        }
    }

    #[test]
    fn the_token_comes_from_the_variable_or_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "from-file\n").unwrap();
        let home = folder.path().to_str().unwrap();
        let secret = |variables: &[(&str, &str)]| {
            read(variables).token.map(|token| token.secret().to_owned())
        };
        assert_eq!(secret(&[("HF_HOME", home)]).as_deref(), Some("from-file"));
        let both = [("HF_HOME", home), ("HF_TOKEN", "named")];
        assert_eq!(secret(&both).as_deref(), Some("named"));
        let kept = [("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")];
        assert_eq!(secret(&kept), None);
        assert!(!format!("{:?}", read(&both)).contains("named"), "a token is never shown");
    }

    #[test]
    fn offline_is_a_truth() {
        for (value, expected) in [("1", true), ("true", true), ("Yes", true), ("0", false)] {
            assert_eq!(read(&[("HF_HUB_OFFLINE", value)]).offline, expected, "{value}");
        }
        assert!(read(&[("TRANSFORMERS_OFFLINE", "ON")]).offline);
    }
}
