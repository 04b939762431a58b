//! The interfaces that the programs are on, as the capture and whoever ends the process share them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::attach::Attachment;

/// All attachments of one capture. Locked while one is made or removed, so that nothing is attached that is not here.
#[derive(Clone, Default)]
pub struct Attached(Arc<Mutex<HashMap<u32, Attachment>>>);

impl Attached {
    /// Takes the programs off all interfaces, for good: a thread that would attach to another one waits from now on
    /// until the process ends. For another thread than the capture's, which then ends the process.
    pub fn remove_for_good(&self) {
        let mut attached = self.lock();
        attached.clear();
        std::mem::forget(attached);
    }

    /// The attachments by interface.
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<u32, Attachment>> {
        // Whoever panicked with the lock: what is there is attached.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attached")
    }
}
