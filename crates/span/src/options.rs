//! What the user chose about spans.

use crate::Selection;

/// What the user chose about spans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The attributes that are on, and their profile.
    pub selection: Selection,
    /// The seed of `flow.community_id`; 0 unless set.
    pub community_id_seed: u16,
}
