//! `docs/reference/flow-span.schema.json`: JSON Schema of one line of `--output json`.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::NOTICE;
use super::registry::{Attribute, Level, PlainType, Profile, Registry, Type};

/// The schema, JSON Schema 2020-12.
pub fn generate(registry: &Registry) -> Result<String> {
    let text = serde_json::to_string_pretty(&span(registry))?;
    // The first line names the source, as in the other generated files.
    Ok(text.replacen("{\n  ", "{ ", 1) + "\n")
}

fn span(registry: &Registry) -> Value {
    json!({
        "$comment": NOTICE,
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Flow span",
        "description": "One line of `--output json`: one flow record.",
        "type": "object",
        "additionalProperties": false,
        "required": [
            "trace_id", "span_id", "name", "kind", "start_time_unix_nano", "end_time_unix_nano", "attributes", "resource"
        ],
        "properties": {
            "trace_id": hex(32, "Trace id: the same in all records of one connection."),
            "span_id": hex(16, "Span id of this record."),
            "parent_span_id": hex(16, "Span id of the flow's first record; absent in that record itself."),
            "name": {
                "description": "`flow_<network.type>_<network.transport>`.",
                "type": "string",
                "pattern": "^flow_ipv[46]_[^ A-Z]+$"
            },
            "kind": {
                "description": "The observer's perspective: initiator's side, responder's side, unknown.",
                "enum": ["CLIENT", "SERVER", "INTERNAL"]
            },
            "start_time_unix_nano": nanoseconds("Begin of the window"),
            "end_time_unix_nano": nanoseconds("End of the window"),
            "status": {
                "description": "Absent when unset; 2 is OTLP's `STATUS_CODE_ERROR`.",
                "type": "object",
                "additionalProperties": false,
                "required": ["code"],
                "properties": { "code": { "const": 2 } }
            },
            "attributes": attributes(registry),
            "resource": resource(registry)
        }
    })
}

fn hex(digits: usize, description: &str) -> Value {
    json!({ "description": description, "type": "string", "pattern": format!("^[0-9a-f]{{{digits}}}$") })
}

fn nanoseconds(what: &str) -> Value {
    let description = format!("{what}: nanoseconds since the Unix epoch, as decimal text.");
    json!({ "description": description, "type": "string", "pattern": "^[0-9]{1,20}$" })
}

/// The attributes that profile `reference` can have.
fn attributes(registry: &Registry) -> Value {
    let mut properties = Map::new();
    let mut patterns = Map::new();
    let mut required = Vec::new();
    for attribute in registry.attributes() {
        let definition = &attribute.definition;
        let annotation = &definition.annotations.flowtrace;
        if annotation.profile == Some(Profile::Proposal) {
            continue;
        }
        if matches!(definition.kind, Type::Plain(PlainType::Template)) {
            patterns.insert(format!("^{}\\..+$", definition.key.replace('.', "\\.")), value(attribute));
            continue;
        }
        if attribute.level == Level::Required && annotation.absent.is_none() {
            required.push(definition.key.clone());
        }
        properties.insert(definition.key.clone(), value(attribute));
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
        "patternProperties": patterns
    })
}

fn value(attribute: &Attribute) -> Value {
    let definition = &attribute.definition;
    let brief = &definition.brief;
    match &definition.kind {
        Type::Members { members } => {
            let values: Vec<_> = members.iter().map(|member| &member.value).collect();
            json!({ "description": brief, "enum": values })
        }
        Type::Plain(PlainType::Text) => json!({ "description": brief, "type": "string", "minLength": 1 }),
        // Labels and annotations may be empty: that is what they say.
        Type::Plain(PlainType::Template) => json!({ "description": brief, "type": "string" }),
        Type::Plain(PlainType::Integer) => json!({ "description": brief, "type": "integer", "minimum": 0 }),
        Type::Plain(PlainType::Texts) => {
            json!({ "description": brief, "type": "array", "items": { "type": "string", "minLength": 1 } })
        }
    }
}

/// The resource; the environment may add attributes of any name.
fn resource(registry: &Registry) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for attribute in &registry.resource {
        let definition = &attribute.definition;
        if attribute.level == Level::Required {
            required.push(definition.key.clone());
        }
        properties.insert(definition.key.clone(), json!({ "description": definition.brief, "type": "string" }));
    }
    let other = json!({ "type": ["string", "integer", "array"], "items": { "type": "string" } });
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": other })
}
