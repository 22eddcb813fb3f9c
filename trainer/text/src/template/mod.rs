//! The chat template of a model folder, rendered as transformers 5 renders it.
//!
//! Folders are not trusted: a template sees only the messages and its variables, and is
//! stopped when it takes too long.

pub(crate) mod files;
mod json;
mod python;
mod source;

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value, context};

use crate::special::SpecialTokens;
use crate::{Message, TextError};

/// Limit on the instructions of a template for one conversation. Qwen3's needs about 150 a message;
/// an endless one is stopped within a second.
const FUEL: u64 = 1_000_000;

/// The name of the template.
const NAME: &str = "chat template";

/// A compiled template.
pub(crate) struct ChatTemplate {
    environment: Environment<'static>,
}

impl ChatTemplate {
    /// Compiles a template. `now` is the time that it sees.
    pub(crate) fn compile(source: &str, now: DateTime) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(python::method);
        environment
            .add_filter(source::MODULO, |left: Value, right: Value| python::modulo(&left, &right));
        environment
            .add_filter("tojson", |value: Value, options: Kwargs| json::tojson(&value, &options));
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, "").with_source(Raised(message)))
        });
        environment.add_function("strftime_now", move |format: String| {
            strtime::format(&format, now)
                .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
        });
        // As in Python, a text is a sequence and so is a mapping; None is not, and undefined is empty.
        environment.add_test("sequence", |value: Value| python::is_sequence(&value));
        environment.add_test("iterable", |value: Value| {
            value.kind() == ValueKind::Iterable || python::is_sequence(&value)
        });
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
        environment.set_syntax(syntax);
        environment.add_template_owned(NAME, source::translate(source))?;
        Ok(Self { environment })
    }

    /// The text of a conversation. `variables` go before the special tokens, as in transformers.
    pub(crate) fn render(
        &self,
        messages: &[Message],
        generation_prompt: bool,
        special: &SpecialTokens,
        variables: &BTreeMap<String, serde_json::Value>,
    ) -> Result<String, TextError> {
        let messages: Vec<Value> = messages
            .iter()
            .map(|m| context! { role => m.role.as_str(), content => m.content.as_str() })
            .collect();
        let tokens = special.named().map(|(name, token)| (name, Value::from(token)));
        let given = variables.iter().map(|(name, value)| (name.as_str(), variable(value)));
        let variables: BTreeMap<&str, Value> = tokens.chain(given).collect();
        let context = context! {
            ..variables,
            ..context! {
                messages,
                add_generation_prompt => generation_prompt,
                tools => Value::from(()),
                documents => Value::from(()),
            },
        };
        self.environment
            .get_template(NAME)
            .and_then(|template| template.render(context))
            .map_err(failure)
    }
}

/// A variable of a template.
fn variable(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(switch) => Value::from(*switch),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Value::from(integer),
            (None, Some(integer)) => Value::from(integer),
            (None, None) => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => items.iter().map(variable).collect(),
        serde_json::Value::Object(map) => {
            Value::from_pairs(map.iter().map(|(name, value)| (name.as_str(), variable(value))))
        }
    }
}

/// The message of a template's `raise_exception`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(String);

/// Why rendering failed: by `raise_exception`, or otherwise.
fn failure(error: Error) -> TextError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(cause) = source {
        if let Some(Raised(message)) = cause.downcast_ref() {
            return TextError::Refused(message.clone());
        }
        source = cause.source();
    }
    TextError::Template(error)
}
