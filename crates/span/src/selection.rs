//! Which attributes are on.

use crate::attribute::Profile;
use crate::{Attribute, Group};

const WORDS: usize = Attribute::COUNT.div_ceil(u64::BITS as usize);

/// A set of attributes: one bit each, the first attribute in the lowest bit of the first word.
type Words = [u64; WORDS];

/// The attributes that something writes, by profile: selecting others costs nothing.
const AVAILABLE: [Words; 2] = [available(Profile::Reference, true), available(Profile::Proposal, true)];

/// The same without those that only say what lies around packets: most records have none of them.
const BARE: [Words; 2] = [available(Profile::Reference, false), available(Profile::Proposal, false)];

/// The attributes that are on, and the profile out of which they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The attributes of the groups that are on, whatever profile they are of.
    words: Words,
    profile: Profile,
}

/// A name that `--attributes` does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no group of attributes is called {name:?}{}; the groups are {}, and all for every one of them", hint(.nearest), known())]
pub struct UnknownGroup {
    /// What was written.
    pub name: String,
    /// The group whose name is most like it, if one is.
    pub nearest: Option<&'static str>,
}

impl Default for Selection {
    /// Of profile `reference` the required and recommended attributes, and the groups that the registry selects:
    /// `tunnel`, `ipip`, `ipsec`.
    fn default() -> Self {
        let mut selection = Self { words: [0; WORDS], profile: Profile::Reference };
        selection.add(Group::Default);
        for definition in Group::all().iter().filter(|definition| definition.selected) {
            selection.add(definition.group);
        }
        selection
    }
}

impl Selection {
    /// Every attribute of profile `reference`.
    pub fn all() -> Self {
        let mut selection = Self::default();
        for definition in Group::all() {
            selection.add(definition.group);
        }
        selection
    }

    /// What `--attributes GROUP,...` means: these groups besides those that are on anyway; `all` is every group.
    /// Spaces around a name do not matter, empty names are skipped.
    pub fn parse(text: &str) -> Result<Self, UnknownGroup> {
        let mut selection = Self::default();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name == "all" {
                selection = Self::all();
                continue;
            }
            let unknown = || UnknownGroup { name: name.to_owned(), nearest: nearest(name) };
            selection.add(Group::from_name(name).ok_or_else(unknown)?);
        }
        Ok(selection)
    }

    /// Only those of them that are wanted.
    #[must_use]
    pub fn only(mut self, wanted: impl Fn(Attribute) -> bool) -> Self {
        for attribute in Attribute::ALL {
            if !wanted(attribute) {
                self.words[attribute as usize / 64] &= !bit(attribute);
            }
        }
        self
    }

    /// The same groups in the words of this profile.
    pub const fn with_profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// The profile.
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Whether the attribute is on.
    pub const fn contains(&self, attribute: Attribute) -> bool {
        self.words[attribute as usize / 64] & bit(attribute) != 0 && self.profile.has(attribute)
    }

    /// The attributes that are on and that something writes; of a record that is not `wrapped` without the groups `tunnel`, `ipip` and `ipsec`.
    #[inline]
    pub(crate) fn available(&self, wrapped: bool) -> Available {
        let available = if wrapped { &AVAILABLE } else { &BARE }[self.profile as usize];
        Available(std::array::from_fn(|word| self.words[word] & available[word]))
    }

    fn add(&mut self, group: Group) {
        for attribute in Attribute::ALL {
            if attribute.definition().group == group {
                self.words[attribute as usize / 64] |= bit(attribute);
            }
        }
    }
}

/// The attributes that a record can have.
pub(crate) struct Available(Words);

impl Available {
    /// Whether the attribute is one of them.
    #[inline]
    pub(crate) const fn has(&self, attribute: Attribute) -> bool {
        self.0[attribute as usize / 64] & bit(attribute) != 0
    }
}

const fn bit(attribute: Attribute) -> u64 {
    1 << (attribute as usize % 64)
}

const fn available(profile: Profile, wrapped: bool) -> Words {
    let mut words = [0; WORDS];
    let mut index = 0;
    while index < Attribute::COUNT {
        let attribute = Attribute::ALL[index];
        let definition = attribute.definition();
        let around = matches!(definition.group, Group::Tunnel | Group::Ipip | Group::Ipsec);
        if definition.written && profile.has(attribute) && (wrapped || !around) {
            words[index / 64] |= bit(attribute);
        }
        index += 1;
    }
    words
}

/// The group whose name is nearest, if at most a third of the letters differ.
fn nearest(name: &str) -> Option<&'static str> {
    let names = Group::all().iter().map(|definition| definition.name).chain(["all"]);
    let (distance, nearest) = names.map(|known| (distance(name, known), known)).min()?;
    (distance * 3 <= nearest.len()).then_some(nearest)
}

/// Levenshtein's distance in bytes; what is longer than any name counts as far.
fn distance(left: &str, right: &str) -> usize {
    if left.len() > 64 {
        return usize::MAX / 3;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in right.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}

fn known() -> String {
    let names: Vec<_> = Group::all().iter().map(|definition| definition.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_add_to_the_default() {
        use Attribute::{
            NetworkPolicyIngress, SourceAddress, SourceK8sPodUid, TunnelBytesTotal, TunnelKey, TunnelType,
        };
        let all = [SourceAddress, TunnelType, TunnelBytesTotal, SourceK8sPodUid, NetworkPolicyIngress, TunnelKey];
        for (text, expected) in [
            ("", [true, true, true, false, false, false]),
            ("k8s.uid", [true, true, true, true, false, false]),
            (" k8s.uid , network.policy,", [true, true, true, true, true, false]),
            ("tunnel", [true, true, true, false, false, false]),
            ("all", [true, true, true, true, true, false]),
            ("k8s.uid,all", [true, true, true, true, true, false]),
        ] {
            let selection = Selection::parse(text).unwrap();
            assert_eq!(all.map(|attribute| selection.contains(attribute)), expected, "{text:?}");
        }
    }

    #[test]
    fn only_those_that_are_wanted_are_left() {
        let selection = Selection::default().only(|attribute| attribute.name().starts_with("network.vlan."));
        let on = Attribute::ALL.into_iter().filter(|attribute| selection.available(true).has(*attribute));
        let names: Vec<_> = on.map(Attribute::name).collect();
        assert_eq!(names, ["network.vlan.id"]);
    }

    #[test]
    fn a_profile_has_its_own_names() {
        use Attribute::{FlowIpsecEspSpi, SourceAddress, SourceK8sPodUid, TunnelKey, TunnelType};
        let all = [SourceAddress, TunnelType, FlowIpsecEspSpi, TunnelKey, SourceK8sPodUid];
        for (profile, text, expected) in [
            (Profile::Reference, "", [true, true, true, false, false]),
            (Profile::Proposal, "", [true, true, false, true, false]),
            (Profile::Proposal, "all", [true, true, false, true, false]),
        ] {
            let selection = Selection::parse(text).unwrap().with_profile(profile);
            assert_eq!(selection.profile(), profile);
            assert_eq!(all.map(|attribute| selection.contains(attribute)), expected, "{profile:?} {text:?}");
        }
    }

    #[test]
    fn what_lies_around_packets_is_available_where_something_does() {
        let of = |available: Available| Attribute::ALL.into_iter().filter(move |attribute| available.has(*attribute));
        for profile in Profile::ALL {
            let selection = Selection::all().with_profile(profile);
            let expected = |attribute: &Attribute| attribute.definition().written && profile.has(*attribute);
            let expected: Vec<_> = Attribute::ALL.into_iter().filter(expected).collect();
            assert_eq!(of(selection.available(true)).collect::<Vec<_>>(), expected);
            let bare: Vec<_> = of(selection.available(false)).collect();
            let names = ["tunnel.", "ipip.", "flow.ipsec.", "flow.reverse.ipsec."];
            let around = |name: &str| names.iter().any(|start| name.starts_with(start));
            assert!(bare.iter().all(|attribute| !around(attribute.name()) && expected.contains(attribute)));
            let left_out = expected.iter().filter(|attribute| !bare.contains(attribute));
            assert!(left_out.map(|attribute| attribute.name()).all(around));
        }
    }

    #[test]
    fn an_unknown_group_names_the_known_ones() {
        for (text, nearest) in
            [("k8s.uids", Some("k8s.uid")), ("tunel", Some("tunnel")), ("al", Some("all")), ("zzz", None), ("Ä", None)]
        {
            let error = Selection::parse(text).unwrap_err();
            assert_eq!((error.name.as_str(), error.nearest), (text, nearest));
            assert!(error.to_string().contains("k8s.annotations"), "{error}");
        }
        let message = Selection::parse("tunel").unwrap_err().to_string();
        let expected =
            "no group of attributes is called \"tunel\" (did you mean tunnel?); the groups are tunnel, ipip,";
        assert!(message.starts_with(expected), "{message}");
    }
}
