//! What the registry says about each attribute.

use crate::generated::attributes::{BY_NAME, DEFINITIONS, GROUPS};
use crate::{Attribute, Group};

/// What the registry says about an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name; of a [`Type::Template`] the part before `.<key>`.
    pub name: &'static str,
    /// What its values are.
    pub value_type: Type,
    /// How necessary it is.
    pub level: Level,
    /// The group in which it is chosen.
    pub group: Group,
    /// The only profile that has it; `None` where both do.
    pub profile: Option<Profile>,
    /// Whether something writes it. What is not written has no source yet, or none at all.
    pub written: bool,
    /// The unit as UCUM writes it; empty without one.
    pub unit: &'static str,
    /// One sentence.
    pub brief: &'static str,
}

/// The type of an attribute's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// A string.
    Text,
    /// An integer of 64 bits (`long`).
    Integer,
    /// A list of strings (`string[]`).
    Texts,
    /// One string for each key, under the attribute's name and the key.
    Template,
}

/// OpenTelemetry's requirement level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// Always there; ports are the exception, absent for protocols without them.
    Required,
    /// There whenever the condition holds.
    Conditional(&'static str),
    /// There whenever it is known.
    Recommended,
    /// There when its group is chosen and it is known.
    OptIn,
}

/// A naming of the same facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// The attribute reference.
    #[default]
    Reference,
    /// The older proposal.
    Proposal,
}

/// What the registry says about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupDefinition {
    /// Which group.
    pub group: Group,
    /// Its name on the command line.
    pub name: &'static str,
    /// Whether it is on without being asked for.
    pub selected: bool,
    /// One sentence.
    pub brief: &'static str,
}

impl Attribute {
    /// How many attributes there are.
    pub const COUNT: usize = Self::ALL.len();

    /// What the registry says about it.
    pub const fn definition(self) -> &'static Definition {
        &DEFINITIONS[self as usize]
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.definition().name
    }

    /// The attribute of this name, by binary search.
    pub fn from_name(name: &str) -> Option<Self> {
        BY_NAME.binary_search_by(|attribute| attribute.name().cmp(name)).ok().map(|index| BY_NAME[index])
    }
}

impl Profile {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Reference, Self::Proposal];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Proposal => "proposal",
        }
    }

    /// The profile of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// Whether it has the attribute.
    pub const fn has(self, attribute: Attribute) -> bool {
        match attribute.definition().profile {
            Some(only) => only as u8 == self as u8,
            None => true,
        }
    }
}

impl Group {
    /// The groups that can be chosen, in the order of the documentation.
    pub fn all() -> &'static [GroupDefinition] {
        &GROUPS
    }

    /// The group of this name that can be chosen.
    pub fn from_name(name: &str) -> Option<Self> {
        GROUPS.iter().find(|definition| definition.name == name).map(|definition| definition.group)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, attribute) in Attribute::ALL.into_iter().enumerate() {
            assert_eq!(attribute as usize, index, "{}", attribute.name());
        }
    }

    #[test]
    fn names_lead_back_to_their_attributes() {
        for attribute in Attribute::ALL {
            assert_eq!(Attribute::from_name(attribute.name()), Some(attribute));
        }
        let names: BTreeSet<_> = Attribute::ALL.map(Attribute::name).into();
        assert_eq!(names.len(), Attribute::COUNT);
        assert_eq!(Attribute::from_name("source.addres"), None);
    }

    #[test]
    fn what_needs_a_choice_has_a_group() {
        for attribute in Attribute::ALL {
            let definition = attribute.definition();
            if definition.level == Level::OptIn && definition.profile != Some(Profile::Proposal) {
                assert_ne!(definition.group, Group::Default, "{}", definition.name);
            }
        }
    }

    #[test]
    fn profiles_know_their_names_and_attributes() {
        for profile in Profile::ALL {
            assert_eq!(Profile::from_name(profile.name()), Some(profile));
        }
        assert_eq!(Profile::from_name("both"), None);
        for (attribute, expected) in [
            (Attribute::TunnelType, [true, true]),
            (Attribute::FlowIpsecEspSpi, [true, false]),
            (Attribute::TunnelSpi, [false, true]),
        ] {
            assert_eq!(Profile::ALL.map(|profile| profile.has(attribute)), expected, "{}", attribute.name());
        }
    }
}
