//! `docs/reference/attributes.md`: the attributes for people.

use std::fmt::Write as _;

use super::NOTICE;
use super::registry::{Attribute, Level, PlainType, Profile, Registry, Section, Type};

const HEAD: &str = "\
# Attributes

Every flow record becomes one span, `flow_<network.type>_<network.transport>`. These are its attributes, in the order in
which they are written.

- **Level** is OpenTelemetry's requirement level. Measurements are always there, 0 included; a fact that was not seen is
  absent, never 0 or empty. In parentheses stands the group by which `--attributes GROUP,...` turns the attribute on;
  attributes without a group are always on.
- **Values** lists all values where a set is fixed, otherwise examples.
- **Source** says where the value comes from. *Never* means that the attribute is declared and nothing can write it.
- A name that ends in `.<key>` is as many attributes as there are keys, one for each.
- Attributes of profile `proposal` are not written in profile `reference`, which is the default.
";

/// The page.
pub fn generate(registry: &Registry) -> String {
    let mut out = format!("<!-- {NOTICE} -->\n\n{HEAD}");
    groups(&mut out, registry);
    for part in &registry.sections {
        section(&mut out, part);
    }
    resource(&mut out, registry);
    out
}

fn groups(out: &mut String, registry: &Registry) {
    out.push_str("\n## Groups\n\n`--attributes` adds groups to those that are on anyway; `all` adds every one.\n\n| Group | Default | What |\n|---|---|---|\n");
    for group in &registry.groups {
        let _ = writeln!(out, "| `{}` | {} | {} |", group.name, if group.selected { "on" } else { "off" }, group.brief);
    }
}

fn section(out: &mut String, section: &Section) {
    let _ = write!(out, "\n## {}\n\n", section.title.trim_end_matches('.'));
    out.push_str("| Name | Type | Level | What | Values | Source |\n|---|---|---|---|---|---|\n");
    for attribute in &section.attributes {
        row(out, attribute);
    }
}

fn row(out: &mut String, attribute: &Attribute) {
    let annotation = &attribute.definition.annotations.flowtrace;
    let key = if matches!(attribute.definition.kind, Type::Plain(PlainType::Template)) { ".<key>" } else { "" };
    let group = annotation.group.as_deref().filter(|group| *group != "default");
    let group = group.map(|group| format!(" (`{group}`)")).unwrap_or_default();
    let _ = writeln!(
        out,
        "| `{}{key}` | {} | {}{group} | {} | {} | {} |",
        attribute.definition.key,
        kind(attribute),
        level(&attribute.level),
        cell(&meaning(attribute)),
        cell(&values(attribute)),
        cell(&source(attribute))
    );
}

/// Where the value comes from, after the word that nothing takes it from there.
fn source(attribute: &Attribute) -> String {
    let annotation = &attribute.definition.annotations.flowtrace;
    match &annotation.never {
        Some(why) => format!("*Never.* {} {why}", annotation.source),
        None => annotation.source.clone(),
    }
}

/// Type and unit.
fn kind(attribute: &Attribute) -> String {
    let name = match attribute.definition.kind {
        Type::Plain(PlainType::Text | PlainType::Template) | Type::Members { .. } => "string",
        Type::Plain(PlainType::Integer) => "integer",
        Type::Plain(PlainType::Texts) => "string[]",
    };
    match &attribute.definition.annotations.flowtrace.unit {
        Some(unit) => format!("{name}, {unit}"),
        None => name.to_owned(),
    }
}

fn level(level: &Level) -> String {
    match level {
        Level::Required => "required".to_owned(),
        Level::ConditionallyRequired(condition) => format!("conditional: {condition}"),
        Level::Recommended => "recommended".to_owned(),
        Level::OptIn => "opt-in".to_owned(),
    }
}

/// Brief, note, and what the profiles make of it.
fn meaning(attribute: &Attribute) -> String {
    let definition = &attribute.definition;
    let annotation = &definition.annotations.flowtrace;
    let mut out = definition.brief.clone();
    for more in [definition.note.trim(), &profiles(attribute)] {
        if !more.is_empty() {
            let _ = write!(out, " {more}");
        }
    }
    if let Some(other) = &annotation.proposal_level {
        let _ = write!(out, " In profile `proposal` {}.", level(other));
    }
    if annotation.addition {
        out.push_str(" An addition of flowtrace.");
    }
    out
}

/// All values with their meanings, or examples.
fn values(attribute: &Attribute) -> String {
    let definition = &attribute.definition;
    let all: Vec<_> = match &definition.kind {
        Type::Members { members } => members.iter().map(|one| format!("`{}`: {}", one.value, one.brief)).collect(),
        Type::Plain(_) => vec![definition.examples.iter().map(code).collect::<Vec<_>>().join(", ")],
    };
    all.join(" ")
}

fn code(example: &serde_json::Value) -> String {
    match example.as_str() {
        Some(text) => format!("`{text}`"),
        None => format!("`{example}`"),
    }
}

fn profiles(attribute: &Attribute) -> String {
    let annotation = &attribute.definition.annotations.flowtrace;
    let names: Vec<_> = annotation.same_fact.iter().map(|name| format!("`{name}`")).collect();
    match (annotation.profile, names.is_empty()) {
        (Some(Profile::Proposal), true) => "Profile `proposal` only.".to_owned(),
        (Some(Profile::Proposal), false) => format!("Profile `reference`: {}.", names.join(", ")),
        (_, true) => String::new(),
        (_, false) => format!("Profile `proposal`: {}.", names.join(", ")),
    }
}

fn resource(out: &mut String, registry: &Registry) {
    out.push_str("\n## Resource: who observes\n\n| Name | Level | What | Source |\n|---|---|---|---|\n");
    for attribute in &registry.resource {
        let definition = &attribute.definition;
        let note = if definition.note.is_empty() { String::new() } else { format!(" {}", definition.note) };
        let what = cell(&format!("{}{note}", definition.brief));
        let source = cell(&definition.annotations.flowtrace.source);
        let _ = writeln!(out, "| `{}` | {} | {what} | {source} |", definition.key, level(&attribute.level));
    }
}

/// Text as a table's cell: what would end the cell or begin a tag is escaped.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
