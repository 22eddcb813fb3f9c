//! Log lines of Retrial's programs: plain text for a person at a terminal, or JSON lines for
//! log collectors (`RETRIAL_LOG_FORMAT=json`).
//!
//! - All lines go to standard error. `RUST_LOG` filters them.
//! - In JSON mode every line is a JSON object, including errors and panics. The
//!   object `span` has the `run`, `step` and `phase` of a line ([`at`]).

use std::error::Error;
use std::io::IsTerminal as _;
use std::str::FromStr;
use std::sync::OnceLock;

use tracing::Span;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// The variable that chooses the format.
const VARIABLE: &str = "RETRIAL_LOG_FORMAT";

static FORMAT: OnceLock<Format> = OnceLock::new();

/// Format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Text for a person.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// An unknown format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{VARIABLE} is `{0}`, it must be text or json")]
pub struct UnknownFormat(String);

/// Another subscriber of the lines.
pub type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging; call it once in a program. `usual` is the level of text lines unless
/// `RUST_LOG` is set; for JSON it is `info`.
pub fn init(usual: &str, listener: Option<Listener>) -> Result<(), UnknownFormat> {
    let format: Format = std::env::var(VARIABLE).unwrap_or_default().parse()?;
    let usual = if format == Format::Json { "info" } else { usual };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| usual.into());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Listener = match format {
        Format::Json => {
            lines.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed()
        }
        Format::Text => {
            let coloured =
                std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.with_ansi(coloured).with_filter(filter).boxed()
        }
    };
    let layers: Vec<Listener> = listener.into_iter().chain([lines]).collect();
    tracing_subscriber::registry().with(layers).init();
    if format == Format::Json {
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    }
    FORMAT.get_or_init(|| format);
    Ok(())
}

/// The format in this program.
pub fn format() -> Format {
    FORMAT.get().copied().unwrap_or_default()
}

/// Prints a message for whoever started the program, whatever the log level.
pub fn tell(text: &str) {
    match format() {
        Format::Text => eprintln!("{text}"),
        Format::Json => tracing::info!("{text}"),
    }
}

/// Prints an error and its causes.
pub fn tell_error(error: &(dyn Error + 'static)) {
    let text = with_causes(error);
    match format() {
        Format::Text => eprintln!("error: {text}"),
        Format::Json => tracing::error!("{text}"),
    }
}

/// The message of an error and of its causes, each once: some errors name their cause themselves.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = error.source();
    }
    text
}

/// A span for the log lines of a piece of work. It has the highest level, so that no filter removes
/// it from the lines that are shown.
pub fn at(run: &str, step: u64, phase: &str) -> Span {
    tracing::error_span!("at", run, step, phase)
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "" | "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(UnknownFormat(other.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Told {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    fn told(text: &'static str, source: Option<Told>) -> Told {
        Told { text, source: source.map(Box::new) }
    }

    #[test]
    fn each_cause_is_said_once() {
        let missing = || Some(told("no such file", None));
        for (error, text) in [
            (told("a", None), "a"),
            (told("cannot read x", missing()), "cannot read x: no such file"),
            (told("cannot read x: no such file", missing()), "cannot read x: no such file"),
            (
                told("the run", Some(told("cannot read x: no such file", missing()))),
                "the run: cannot read x: no such file",
            ),
        ] {
            assert_eq!(with_causes(&error), text);
        }
    }

    #[test]
    fn formats_have_names() {
        let found = ["", "text", "json"].map(str::parse);
        assert_eq!(found, [Ok(Format::Text), Ok(Format::Text), Ok(Format::Json)]);
        let error = "yaml".parse::<Format>().unwrap_err().to_string();
        assert_eq!(error, "RETRIAL_LOG_FORMAT is `yaml`, it must be text or json");
    }
}
