//! Which attributes are on.

use crate::Attribute;

/// The attributes that are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {}

impl Selection {
    /// Whether the attribute is on.
    pub fn contains(&self, _attribute: Attribute) -> bool {
        true
    }
}
