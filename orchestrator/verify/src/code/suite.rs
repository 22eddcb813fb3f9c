//! The tests of a problem, in the forms that data sets use.

use serde::Deserialize;

/// The tests of a problem.
#[derive(Debug, PartialEq)]
pub(super) enum Suite {
    /// Inputs and the outputs expected for them.
    Pairs(Vec<Pair>),
    /// Statements that must succeed after the code has run.
    Assertions(Vec<String>),
}

/// An input and its expected output.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Pair {
    #[serde(alias = "input")]
    pub(super) stdin: String,
    #[serde(alias = "output")]
    stdout: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    /// MBPP.
    Statements(Vec<String>),
    List(Vec<Pair>),
    Assertions {
        assertions: OneOrMany,
    },
    Pairs {
        #[serde(alias = "stdin_stdout")]
        pairs: Vec<Pair>,
    },
    /// APPS, TACO, and verl after them.
    Columns {
        inputs: Vec<String>,
        outputs: Vec<String>,
        fn_name: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Suite {
    /// Reads the tests of a problem.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let written: Written = serde_json::from_str(text).map_err(|_| {
            "the tests are none of: {\"assertions\": [..]}, {\"pairs\": [{\"stdin\": .., \
             \"stdout\": ..}]}, {\"inputs\": [..], \"outputs\": [..]}"
                .to_owned()
        })?;
        let suite = match written {
            Written::Statements(assertions) => Self::Assertions(assertions),
            Written::Assertions { assertions: OneOrMany::One(text) } => {
                Self::Assertions(vec![text])
            }
            Written::Assertions { assertions: OneOrMany::Many(all) } => Self::Assertions(all),
            Written::List(pairs) | Written::Pairs { pairs } => Self::Pairs(pairs),
            Written::Columns { fn_name: Some(_), .. } => {
                return Err("tests that call a function by `fn_name` are not supported".into());
            }
            Written::Columns { inputs, outputs, .. } if inputs.len() == outputs.len() => {
                let pairs = inputs.into_iter().zip(outputs);
                Self::Pairs(pairs.map(|(stdin, stdout)| Pair { stdin, stdout }).collect())
            }
            Written::Columns { .. } => {
                return Err("the tests have unequal numbers of inputs and outputs".into());
            }
        };
        let is_empty = match &suite {
            Self::Pairs(pairs) => pairs.is_empty(),
            Self::Assertions(assertions) => assertions.is_empty(),
        };
        if is_empty { Err("the problem has no tests".into()) } else { Ok(suite) }
    }
}

impl Pair {
    /// Whether an output is right, ignoring white space at the ends of lines and of the text.
    pub(super) fn is_answered_by(&self, stdout: &str) -> bool {
        let lines = |text: &str| -> Vec<String> {
            text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
        };
        lines(&self.stdout) == lines(stdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_read_as_data_sets_write_them() {
        let pair = || Suite::Pairs(vec![Pair { stdin: "1".into(), stdout: "2".into() }]);
        let assertion = || Suite::Assertions(vec!["assert f(1) == 2".into()]);
        for (text, expected) in [
            (r#"{"pairs": [{"stdin": "1", "stdout": "2"}]}"#, pair()),
            (r#"[{"input": "1", "output": "2"}]"#, pair()),
            (r#"{"inputs": ["1"], "outputs": ["2"]}"#, pair()),
            (r#"{"assertions": ["assert f(1) == 2"]}"#, assertion()),
            (r#"{"assertions": "assert f(1) == 2"}"#, assertion()),
            (r#"["assert f(1) == 2"]"#, assertion()),
        ] {
            assert_eq!(Suite::read(text), Ok(expected), "{text}");
        }
        for text in ["42", "[]", r#"{"inputs": ["1"], "outputs": []}"#, r#"{"assertions": []}"#] {
            assert!(Suite::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn white_space_at_the_ends_does_not_count() {
        let pair = Pair { stdin: String::new(), stdout: "1 2\n3\n".into() };
        assert!(pair.is_answered_by("1 2  \n3") && !pair.is_answered_by("12\n3"));
    }
}
