//! The API page: a form for each route, made from its description.

use maud::{Markup, html};
use serde_json::Value;

use super::frame::{Frame, page};

/// The API page.
pub fn api(description: &Value) -> Markup {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let content = html! {
        h1 { "API" }
        p { (text(&description["info"]["description"])) }
        p {
            a href="/openapi.json" { "openapi.json" } " describes it for programs. "
            a href="/metrics" { "/metrics" } " is for Prometheus, " code { "/events?run=NAME" }
            " sends what changes (server-sent events), " a href="/healthz" { "/healthz" } " says that the server is there."
        }
        @for (tag, operations) in by_tag(description) {
            section {
                h2 { (tag) }
                @for operation in operations {
                    details.operation {
                        summary {
                            code.method { (operation.method) } " " code { (operation.path) } " " span { (operation.summary) }
                        }
                        @if !operation.description.is_empty() { p { (operation.description) } }
                        form.try action="/api/go" data-method=(operation.method) data-path=(operation.path) {
                            @if operation.method == "GET" { input type="hidden" name="path" value=(operation.path); }
                            @for parameter in &operation.parameters {
                                label {
                                    code { (parameter.name) } @if parameter.required { " *" } " "
                                    input name=(parameter.name) required[parameter.required];
                                    span.when { (parameter.description) }
                                }
                            }
                            @if operation.method == "GET" { button { "Send" } }
                            @else { code { "curl -X " (operation.method) " -H 'Authorization: Bearer TOKEN' ADDRESS" (operation.path) } }
                            output {}
                        }
                    }
                }
            }
        }
    };
    page(&Frame { title: "API", ..Frame::default() }, &content)
}

struct Operation {
    method: String,
    path: String,
    summary: String,
    description: String,
    parameters: Vec<Parameter>,
}

struct Parameter {
    name: String,
    required: bool,
    description: String,
}

fn by_tag(description: &Value) -> Vec<(String, Vec<Operation>)> {
    let mut tags: Vec<(String, Vec<Operation>)> = Vec::new();
    let paths = description["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().map(move |(method, found)| (path, method, found))
    });
    for (path, method, found) in operations {
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        let tag = found["tags"][0].as_str().unwrap_or("other").to_owned();
        let operation = Operation {
            method: method.to_uppercase(),
            path: path.clone(),
            summary: text("summary"),
            description: text("description"),
            parameters: found["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .map(parameter)
                .collect(),
        };
        match tags.iter_mut().find(|(known, _)| *known == tag) {
            Some((_, operations)) => operations.push(operation),
            None => tags.push((tag, vec![operation])),
        }
    }
    tags
}

fn parameter(found: &Value) -> Parameter {
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    Parameter {
        name: text("name"),
        required: found["required"].as_bool().unwrap_or(false),
        description: text("description"),
    }
}
