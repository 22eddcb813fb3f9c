//! Python's methods and its `%`, as far as minijinja and its contrib crate lack them.

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

/// A method that minijinja does not know.
pub(super) fn method(
    state: &mut State,
    value: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    match value.as_str().map(|text| of_text(text, name, arguments)) {
        Some(Some(result)) => Ok(result),
        _ if name == "copy" && matches!(value.kind(), ValueKind::Map | ValueKind::Seq) => {
            Ok(value.clone())
        }
        _ => pycompat::unknown_method_callback(state, value, name, arguments),
    }
}

/// A method of a text; none if it is not one of these, or the arguments do not fit.
fn of_text(text: &str, name: &str, arguments: &[Value]) -> Option<Value> {
    let argument = arguments.first().and_then(Value::as_str);
    Some(match (name, argument, arguments.len()) {
        ("removeprefix", Some(affix), 1) => text.strip_prefix(affix).unwrap_or(text).into(),
        ("removesuffix", Some(affix), 1) => text.strip_suffix(affix).unwrap_or(text).into(),
        ("rsplit", Some(separator), 1) if !separator.is_empty() => {
            text.split(separator).map(Value::from).collect()
        }
        ("rsplit", Some(separator), 2) if !separator.is_empty() => {
            let most = usize::try_from(arguments[1].as_i64()?).unwrap_or(usize::MAX);
            let mut found: Vec<&str> = text.rsplitn(most.saturating_add(1), separator).collect();
            found.reverse();
            found.into_iter().map(Value::from).collect()
        }
        ("partition", Some(separator), 1) if !separator.is_empty() => {
            let (before, after) = text.split_once(separator).unwrap_or((text, ""));
            let found = if text.contains(separator) { separator } else { "" };
            triple([before, found, after])
        }
        ("rpartition", Some(separator), 1) if !separator.is_empty() => {
            let (before, after) = text.rsplit_once(separator).unwrap_or(("", text));
            let found = if text.contains(separator) { separator } else { "" };
            triple([before, found, after])
        }
        ("index", Some(part), 1) => {
            let at = text.find(part)?;
            Value::from(text[..at].chars().count())
        }
        ("casefold", None, 0) => text.to_lowercase().into(),
        ("swapcase", None, 0) => {
            let swapped = |c: char| -> String {
                if c.is_uppercase() {
                    c.to_lowercase().collect()
                } else {
                    c.to_uppercase().collect()
                }
            };
            text.chars().map(swapped).collect::<String>().into()
        }
        _ => return None,
    })
}

fn triple(parts: [&str; 3]) -> Value {
    Value::from(Tuple::from(parts.map(Value::from)))
}

/// Whether a value has a length and items in Python.
pub(super) fn is_sequence(value: &Value) -> bool {
    use ValueKind::{Map, Seq, String, Undefined};
    matches!(value.kind(), Map | Seq | String | Undefined)
}

/// `left % right`: a remainder, or string formatting.
pub(super) fn modulo(left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(text) = left.as_str() {
        let values: Vec<Value> =
            if right.is_tuple() { right.try_iter()?.collect() } else { vec![right.clone()] };
        return format(FormatStyle::Printf, text, &values).map(Value::from);
    }
    let undivided =
        || Error::new(ErrorKind::InvalidOperation, format!("cannot divide {left} by {right}"));
    if let (Some(a), Some(b)) = (left.as_i64(), right.as_i64()) {
        let remainder = a.checked_rem(b).ok_or_else(undivided)?;
        // The sign of the result is the divisor's.
        let other_sign = remainder != 0 && (remainder < 0) != (b < 0);
        return Ok(Value::from(if other_sign { remainder + b } else { remainder }));
    }
    let float = |value: &Value| f64::try_from(value.clone()).ok();
    match (float(left), float(right)) {
        (Some(a), Some(b)) if b != 0.0 => Ok(Value::from(a - b * (a / b).floor())),
        _ => Err(undivided()),
    }
}
