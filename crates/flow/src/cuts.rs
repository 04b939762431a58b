//! Live: windows that wait because records have nowhere to go.

use crate::Table;

/// How many windows may be cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cuts {
    left: u64,
    waiting: u64,
}

impl Default for Cuts {
    fn default() -> Self {
        Self { left: u64::MAX, waiting: 0 }
    }
}

impl Cuts {
    /// Whether a window that is full may be cut now.
    pub(crate) fn next(&mut self) -> bool {
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        self.waiting += u64::from(!may);
        may
    }
}

impl Table {
    /// Until this is called again, at most so many full windows are cut; the others go on, with all that is counted in
    /// them, and are cut later. Flows that end are closed as ever. Readings only; without a call there is no limit.
    pub fn allow_cuts(&mut self, most: u64) {
        self.cuts = Cuts { left: most, waiting: 0 };
    }

    /// How many windows could not be cut since [`Self::allow_cuts`].
    pub fn waiting_cuts(&self) -> u64 {
        self.cuts.waiting
    }
}
