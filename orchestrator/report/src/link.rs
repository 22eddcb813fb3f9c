//! URLs of the dashboard's pages. Names are escaped, whatever characters they have.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text, escaped as a part of a URL.
pub fn part(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, PLAIN)
}

/// `path?key=value&...`, without empty values.
pub fn with(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut link = path.to_owned();
    let mut mark = '?';
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(link, "{mark}{}={}", part(key), part(value));
        mark = '&';
    }
    link
}

/// A run.
pub fn run(name: &str) -> String {
    format!("/runs/{}", part(name))
}

/// The steps of a run.
pub fn steps(run_name: &str) -> String {
    format!("{}/steps", run(run_name))
}

/// A panel of a run, large.
pub fn panel(run_name: &str, id: &str) -> String {
    format!("{}/panels/{}", run(run_name), part(id))
}

/// A step.
pub fn step(run_name: &str, number: u64) -> String {
    format!("{}/{number}", steps(run_name))
}

/// The problems of a run.
pub fn problems(run_name: &str) -> String {
    format!("{}/problems", run(run_name))
}

/// A problem, at a step if there is one. The name is a query parameter, because it may be `..`.
pub fn problem(run_name: &str, id: &str, at: Option<u64>) -> String {
    let at = at.map(|step| step.to_string()).unwrap_or_default();
    with(&format!("{}/problem", run(run_name)), &[("id", id), ("step", &at)])
}

/// The JSON twin of a page.
pub fn twin(page: &str) -> String {
    format!("/api{page}")
}

/// The CSV twin of a page.
pub fn csv(page: &str) -> String {
    let (path, query) =
        page.split_once('?').map_or((page, None), |(path, query)| (path, Some(query)));
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("/api{path}.csv{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_one_part() {
        assert_eq!(run("a b/c?d"), "/runs/a%20b%2Fc%3Fd");
        assert_eq!(
            problem("r", "../x&y=<z>", Some(3)),
            "/runs/r/problem?id=..%2Fx%26y%3D%3Cz%3E&step=3"
        );
        assert_eq!(problem("r", "7", None), "/runs/r/problem?id=7");
        assert_eq!(with("/mistakes", &[("run", ""), ("answer", "1+1")]), "/mistakes?answer=1%2B1");
        assert_eq!(csv("/mistakes?run=r"), "/api/mistakes.csv?run=r");
        assert_eq!(csv("/runs/r/steps"), "/api/runs/r/steps.csv");
    }
}
