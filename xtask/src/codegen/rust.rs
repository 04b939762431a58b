//! `crates/span/src/generated/attributes.rs`: the attributes as an enum with a table beside it.

use std::fmt::Write as _;

use super::NOTICE;
use super::registry::{Attribute, Level, PlainType, Profile, Registry, Type};

/// The file, before rustfmt.
pub fn generate(registry: &Registry) -> String {
    let mut out = format!(
        "// {NOTICE}\n\n\
         //! The attributes of a flow span and the groups in which they are chosen.\n\n\
         use crate::attribute::{{Definition, GroupDefinition, Level, Profile, Type}};\n\n\
         /// The identifier of this version of the registry, as OTLP's `schema_url` carries it.\n\
         pub const SCHEMA_URL: &str = {:?};\n\n",
        registry.schema_url
    );
    attributes(&mut out, registry);
    definitions(&mut out, registry);
    by_name(&mut out, registry);
    groups(&mut out, registry);
    out
}

/// `flow.ip.dscp.id` → `FlowIpDscpId`.
fn variant(name: &str) -> String {
    let mut out = String::new();
    for word in name.split(['.', '_']) {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

fn attributes(out: &mut String, registry: &Registry) {
    out.push_str(
        "/// An attribute of a flow span. The order is that of output.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]\n\
         #[repr(u8)]\n\
         pub enum Attribute {\n",
    );
    for attribute in registry.attributes() {
        let definition = &attribute.definition;
        let _ = writeln!(out, "/// `{}`: {}\n{},", definition.key, definition.brief, variant(&definition.key));
    }
    let count = registry.attributes().count();
    let _ = write!(out, "}}\n\nimpl Attribute {{\n/// All attributes, in the order of output.\n");
    let _ = writeln!(out, "pub const ALL: [Self; {count}] = [");
    for attribute in registry.attributes() {
        let _ = writeln!(out, "Self::{},", variant(&attribute.definition.key));
    }
    out.push_str("];\n}\n\n");
}

fn definitions(out: &mut String, registry: &Registry) {
    let count = registry.attributes().count();
    let _ =
        writeln!(out, "/// What the registry says, by attribute.\npub static DEFINITIONS: [Definition; {count}] = [");
    for attribute in registry.attributes() {
        definition(out, attribute);
    }
    out.push_str("];\n\n");
}

fn definition(out: &mut String, attribute: &Attribute) {
    let definition = &attribute.definition;
    let annotation = &definition.annotations.flowtrace;
    let value_type = match definition.kind {
        Type::Plain(PlainType::Text) | Type::Members { .. } => "Text",
        Type::Plain(PlainType::Integer) => "Integer",
        Type::Plain(PlainType::Texts) => "Texts",
        Type::Plain(PlainType::Template) => "Template",
    };
    let level = match &attribute.level {
        Level::Required => "Required".to_owned(),
        Level::ConditionallyRequired(condition) => format!("Conditional({condition:?})"),
        Level::Recommended => "Recommended".to_owned(),
        Level::OptIn => "OptIn".to_owned(),
    };
    let profile = match annotation.profile {
        Some(Profile::Proposal) => "Some(Profile::Proposal)",
        Some(Profile::Reference) => "Some(Profile::Reference)",
        Some(Profile::Both) | None => "None",
    };
    let _ = writeln!(
        out,
        "    Definition {{\n        name: {:?},\n        value_type: Type::{value_type},\n        level: Level::{level},\n        \
         group: Group::{},\n        profile: {profile},\n        written: {},\n        unit: {:?},\n        \
         brief: {:?},\n    }},",
        definition.key,
        variant(annotation.group.as_deref().unwrap_or("default")),
        attribute.is_written(),
        annotation.unit.as_deref().unwrap_or_default(),
        definition.brief,
    );
}

fn by_name(out: &mut String, registry: &Registry) {
    let mut names: Vec<_> = registry.attributes().map(|attribute| attribute.definition.key.as_str()).collect();
    names.sort_unstable();
    let _ = writeln!(
        out,
        "/// The attributes in the order of their names, for searching.\npub static BY_NAME: [Attribute; {}] = [",
        names.len()
    );
    for name in names {
        let _ = writeln!(out, "Attribute::{},", variant(name));
    }
    out.push_str("];\n\n");
}

fn groups(out: &mut String, registry: &Registry) {
    out.push_str(
        "/// A group in which attributes are chosen.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]\n\
         pub enum Group {\n/// Always on.\nDefault,\n",
    );
    for group in &registry.groups {
        let _ = writeln!(out, "/// {}\n{},", group.brief, variant(&group.name));
    }
    let _ = write!(
        out,
        "}}\n\n/// The groups that can be chosen.\npub static GROUPS: [GroupDefinition; {}] = [\n",
        registry.groups.len()
    );
    for group in &registry.groups {
        let _ = writeln!(
            out,
            "GroupDefinition {{ group: Group::{}, name: {:?}, selected: {}, brief: {:?} }},",
            variant(&group.name),
            group.name,
            group.selected,
            group.brief
        );
    }
    out.push_str("];\n");
}
