//! What no schema of the YAML files can say: references lead somewhere, and every attribute is complete.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use super::model::{File, Type};
use super::{Attribute, Section, SelectionGroup};

/// Every kind of span has all groups of attributes, in the order in which they are declared.
pub fn spans(file: &File) -> Result<()> {
    for span in &file.spans {
        let referred = span.attributes.iter().map(|reference| &reference.ref_group);
        ensure!(
            referred.eq(file.attribute_groups.iter().map(|group| &group.id)),
            "span {} of registry/spans.yaml does not refer to all groups in their order",
            span.kind
        );
    }
    Ok(())
}

/// Every attribute has a profile, a group that exists, an example or members; what it names exists.
pub fn attributes(sections: &[Section], groups: &[SelectionGroup]) -> Result<()> {
    let all = || sections.iter().flat_map(|section| &section.attributes);
    let names: BTreeSet<_> = all().map(|attribute| attribute.definition.key.as_str()).collect();
    for attribute in all() {
        complete(attribute, groups).with_context(|| format!("attribute {}", attribute.definition.key))?;
        for other in &attribute.definition.annotations.flowtrace.same_fact {
            ensure!(
                names.contains(other.as_str()),
                "{} names {other}, which is not declared",
                attribute.definition.key
            );
        }
    }
    Ok(())
}

fn complete(attribute: &Attribute, groups: &[SelectionGroup]) -> Result<()> {
    let definition = &attribute.definition;
    let annotation = &definition.annotations.flowtrace;
    ensure!(annotation.profile.is_some(), "has no profile");
    let group = annotation.group.as_deref().context("has no group")?;
    ensure!(group == "default" || groups.iter().any(|known| known.name == group), "has an unknown group {group}");
    let explained = matches!(definition.kind, Type::Members { .. }) || !definition.examples.is_empty();
    ensure!(explained, "has neither examples nor members");
    ensure!(annotation.source.ends_with('.'), "says its source without a full stop");
    if let Some(why) = &annotation.never {
        ensure!(why.ends_with('.'), "says why it is never written without a full stop");
    }
    Ok(())
}
