//! The API is what its description says.

use serde_json::Value;

use super::fixture::{Log, NAME};
use crate::link;

#[test]
fn the_description() {
    let description = serde_json::to_value(crate::routes::description()).unwrap();
    insta::assert_snapshot!(outline(&description).join("\n"));
}

/// Every route with its parameters and answers, every type with its fields, a line each.
fn outline(description: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            lines.push(format!(
                "{} {path}: {}",
                method.to_uppercase(),
                text(&operation["summary"])
            ));
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let need = if parameter["required"] == true { "" } else { "?" };
                let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
                lines.push(format!("    {name}{need} ({place}): {}", kind(&parameter["schema"])));
            }
            for (status, answer) in operation["responses"].as_object().unwrap() {
                for (media, body) in answer["content"].as_object().into_iter().flatten() {
                    lines.push(format!("    {status} {media}: {}", kind(&body["schema"])));
                }
            }
        }
    }
    for (name, schema) in description["components"]["schemas"].as_object().unwrap() {
        let words = schema["enum"].as_array().map(|words| serde_json::to_string(words).unwrap());
        lines.push(format!("{name} {}", words.unwrap_or_default()).trim_end().to_owned());
        let mut fields = fields(description, schema);
        fields.sort_unstable();
        lines.extend(fields);
    }
    lines
}

/// The fields of a type, those that it takes over from others included.
fn fields(description: &Value, schema: &Value) -> Vec<String> {
    let own = schema["properties"].as_object().into_iter().flatten();
    let own = own.map(|(field, schema)| format!("    {field}: {}", kind(schema)));
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(|part| {
        let path = part["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
        fields(description, path.and_then(|path| description.pointer(path)).unwrap_or(part))
    });
    own.chain(parts).collect()
}

/// The name of a type.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(parts) = schema["oneOf"].as_array() {
        return parts.iter().map(kind).collect::<Vec<_>>().join(" | ");
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("[{}]", kind(&schema["items"])),
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let of = |name: &Value| match name.as_str() {
                Some("array") => format!("[{}]", kind(&schema["items"])),
                other => other.unwrap_or_default().to_owned(),
            };
            names.iter().map(of).collect::<Vec<_>>().join(" | ")
        }
        _ => "any".into(),
    }
}

/// Values for the parameters of paths, and those that are required.
fn address(path: &str, operation: &Value) -> String {
    let mut path = path.to_owned();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        let value = match name {
            "run" => "one",
            "panel" => "reward",
            "step" => "1",
            "id" | "problem" => NAME,
            "trial" => "first",
            "position" => "0",
            _ => "",
        };
        if parameter["in"] == "path" {
            path = path.replace(&format!("{{{name}}}"), value);
        } else if parameter["required"] == true {
            query.push((name, value));
        }
    }
    link::with(&path, &query)
}

#[tokio::test]
async fn every_route_that_is_described_answers() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let description = asked.json("/openapi.json").await;
    let page = asked.page("/api").await;
    for (path, methods) in description["paths"].as_object().unwrap() {
        assert!(page.contains(&format!("<code>{path}</code>")), "{path} cannot be tried out");
        let Some(operation) = methods.get("get") else { continue };
        let kinds = operation["responses"]["200"]["content"].as_object().unwrap();
        let address = address(path, operation);
        let answer = asked.get(&address).await;
        assert_eq!(answer.status(), 200, "{address}");
        let kind = answer.headers()["content-type"].to_str().unwrap();
        let kind = kind.split(';').next().unwrap().to_owned();
        assert!(kinds.contains_key(&kind), "{address} is {kind}");
        let Some(name) = kinds[&kind]["schema"]["$ref"].as_str() else { continue };
        let schema = &description["components"]["schemas"][name.rsplit('/').next().unwrap()];
        let found: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        for key in schema["required"].as_array().into_iter().flatten() {
            assert!(found.get(key.as_str().unwrap()).is_some(), "{address} lacks {key}");
        }
        for key in found.as_object().unwrap().keys() {
            assert!(schema["properties"].get(key).is_some(), "{address} has {key}, undescribed");
        }
    }
}

#[tokio::test]
async fn tables_are_csv_too() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let answer = asked.get("/api/mistakes.csv?run=one&kind=wrong").await;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    let text = answer.text().await.unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(&reader.headers().unwrap()[1], "problem");
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), &rows[0][1]), (2, NAME));
    let steps = asked.get("/api/runs/one/steps.csv").await.text().await.unwrap();
    assert_eq!(steps.lines().count(), 4, "{steps}");
    let panel = asked.get("/api/runs/one/panels/reward/csv").await.text().await.unwrap();
    assert_eq!(panel.lines().next(), Some("step,smoothed,each step"));
    assert_eq!(panel.lines().nth(3), Some("3,0.25,0.25"));
    let runs = asked.get("/api/runs.csv").await.text().await.unwrap();
    assert_eq!(runs.lines().next().unwrap().split(',').next(), Some("name"), "{runs}");
    assert!(runs.lines().any(|line| line.starts_with("one,lte,")), "{runs}");
    let side = asked.get("/api/compare.csv?run=one&run=one").await.text().await.unwrap();
    assert_eq!(side.lines().take(2).collect::<Vec<_>>(), [",one", "steps,3"]);
}

#[tokio::test]
async fn numbers_of_pages_are_those_of_the_log() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let found = asked.json("/api/runs/one").await;
    assert_eq!(found["status"]["step"], 3);
    assert_eq!(found["status"]["weight_version"], 3);
    let tokens = found["status"]["tokens_per_second"].as_f64().unwrap();
    assert!((tokens - 5.0 / 0.75).abs() < 1e-9, "{tokens}");
    let reward = asked.json("/api/runs/one/panels/reward").await;
    assert_eq!(reward["series"][1]["values"], serde_json::json!([0.25, 0.25, 0.25]));
    let held_out = asked.json("/api/runs/one/panels/held-out-new").await;
    assert_eq!(held_out["x"], serde_json::json!([0, 3]));
    assert_eq!(held_out["series"][0]["values"], serde_json::json!([0.25, 0.75]));
    let step = asked.json("/api/runs/one/steps/2").await;
    let groups: Vec<(&str, i64)> = step["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["before"].as_str().unwrap(), group["correct"].as_i64().unwrap()))
        .collect();
    assert_eq!(groups, [("none", 0), ("all", 1)]);
    let compared = asked.json("/api/compare?run=one&run=two").await;
    assert_eq!(compared["settings"][0]["key"], "run.seed");
    assert_eq!(compared["settings"][0]["values"], serde_json::json!(["1", "2"]));
}

#[tokio::test]
async fn prometheus_gets_its_numbers() {
    let log = Log::new().await;
    let asked = log.asked().await;
    // Of the latest run, which has not begun.
    let text = asked.get("/metrics").await.text().await.unwrap();
    assert!(text.contains("retrial_step{run=\"two\"} 0.0"), "{text}");
    let info = "retrial_step_metric_info{name=\"kl\",unit=\"nats a token\",source=\"trainer\"";
    assert!(text.contains(info), "{text}");
    assert!(text.ends_with("# EOF\n"));
}
