//! The registry against the specification's list of attributes, which lies beside the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use super::registry::{Attribute, Level, PlainType, Profile, Registry, Type};
use super::root;

/// A row of the list.
struct Row {
    profile: String,
    /// Type and requirement level, as the list spells them.
    says: (String, String),
}

/// The list by name, without `.<key>`; `None`, loudly, where it is not there.
fn specification() -> Option<BTreeMap<String, Vec<Row>>> {
    let path: PathBuf = root().join("../shared/spec/attributes.csv");
    if !path.exists() {
        // Straight to standard error: what the macros print is hidden while a test passes.
        let absent = path.display();
        writeln!(std::io::stderr(), "\n*** NOT TESTED: registry against specification; {absent} is absent ***\n")
            .unwrap();
        return None;
    }
    let mut all = BTreeMap::<_, Vec<Row>>::new();
    for record in csv::Reader::from_path(path).unwrap().records() {
        let record = record.unwrap();
        let column = |index: usize| record[index].to_owned();
        let row = Row { profile: column(0), says: (column(3), column(4)) };
        all.entry(column(2).replace(".<key>", "")).or_default().push(row);
    }
    Some(all)
}

/// Type and requirement level as the list spells them.
fn says(attribute: &Attribute, level: &Level) -> (String, String) {
    let kind = match attribute.definition.kind {
        Type::Plain(PlainType::Integer) => "long",
        Type::Plain(PlainType::Texts) => "string[]",
        Type::Plain(PlainType::Text | PlainType::Template) | Type::Members { .. } => "string",
    };
    let level = match level {
        Level::Required => "required".to_owned(),
        Level::ConditionallyRequired(condition) => format!("conditionally_required: {condition}"),
        Level::Recommended => "recommended".to_owned(),
        Level::OptIn => "opt_in".to_owned(),
    };
    (kind.to_owned(), level)
}

#[test]
fn every_attribute_of_the_specification_is_declared_and_no_other() {
    let Some(specification) = specification() else { return };
    let registry = Registry::load(&root().join("registry")).unwrap();
    let (additions, declared): (Vec<_>, Vec<_>) =
        registry.attributes().partition(|attribute| attribute.definition.annotations.flowtrace.addition);
    let names: BTreeSet<_> = declared.iter().map(|attribute| &attribute.definition.key).collect();
    assert_eq!(names, specification.keys().collect());
    for addition in additions {
        let name = &addition.definition.key;
        assert!(!specification.contains_key(name), "{name} is no addition: the specification has it");
    }
}

#[test]
fn types_levels_and_profiles_are_those_of_the_specification() {
    let Some(specification) = specification() else { return };
    let registry = Registry::load(&root().join("registry")).unwrap();
    for attribute in registry.attributes() {
        let name = &attribute.definition.key;
        let Some(rows) = specification.get(name) else { continue };
        let annotation = &attribute.definition.annotations.flowtrace;
        let of = |profile: &str| rows.iter().find(|row| row.profile == profile);
        let profile = match (of("reference"), of("proposal")) {
            (Some(_), Some(_)) => Profile::Both,
            (Some(_), None) => Profile::Reference,
            _ => Profile::Proposal,
        };
        assert!(annotation.profile == Some(profile), "{name} is of another profile");
        let row = of("reference").or(of("proposal")).unwrap();
        assert_eq!(says(attribute, &attribute.level), row.says, "{name}");
        if let (Some(_), Some(proposal)) = (of("reference"), of("proposal")) {
            let level = annotation.proposal_level.as_ref().unwrap_or(&attribute.level);
            assert_eq!(says(attribute, level), proposal.says, "{name} in profile proposal");
        }
    }
}

/// Where both profiles say one fact, each says so.
#[test]
fn the_same_fact_is_the_same_from_both_sides() {
    let registry = Registry::load(&root().join("registry")).unwrap();
    let same: BTreeMap<_, _> = registry
        .attributes()
        .map(|attribute| (&attribute.definition.key, &attribute.definition.annotations.flowtrace.same_fact))
        .collect();
    for (name, others) in &same {
        for other in *others {
            assert!(same[other].contains(name), "{name} names {other}, but not the other way");
        }
    }
}
