//! What went a short time ago, and is to be known for a while: records come late.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use super::Cluster;
use crate::time::Time;

/// What went, in the order in which it did.
#[derive(Debug, Default)]
pub(super) struct Gone {
    pods: VecDeque<(Time, Arc<str>)>,
    addresses: VecDeque<(Time, IpAddr)>,
}

impl Gone {
    pub fn pod(&mut self, uid: Arc<str>, at: Time) {
        self.pods.push_back((at, uid));
    }

    pub fn address(&mut self, address: IpAddr, at: Time) {
        self.addresses.push_back((at, address));
    }
}

impl Cluster {
    pub(super) fn forget_gone(&mut self, now: Time) {
        let due = now.saturating_sub(self.options.retention);
        while let Some((_, address)) = self.gone.addresses.pop_front_if(|(at, _)| *at < due) {
            self.forget_tenures(address, due);
        }
        while let Some((_, uid)) = self.gone.pods.pop_front_if(|(at, _)| *at < due) {
            self.forget_pod(&uid);
        }
    }

    fn forget_tenures(&self, address: IpAddr, due: Time) {
        let Some(tenures) = self.view.addresses.get(&address) else { return };
        let kept: Arc<[_]> = tenures.iter().filter(|tenure| tenure.until >= due).cloned().collect();
        if kept.is_empty() {
            self.view.addresses.remove(&address);
        } else if kept.len() < tenures.len() {
            self.view.addresses.insert(address, kept);
        }
    }

    fn forget_pod(&mut self, uid: &Arc<str>) {
        if self.pods.by_uid.contains_key(uid) {
            return;
        }
        let Some(slot) = self.view.pods.get(&**uid) else { return };
        self.view.pods.remove(&**uid);
        let mirrored = slot.now.load().mirrored.clone();
        let is_own = |uid: &Arc<str>| self.view.pods.with(&**uid, |other| Arc::ptr_eq(other, &slot)) == Some(true);
        if let Some(mirrored) = mirrored.filter(is_own) {
            self.view.pods.remove(&*mirrored);
        }
        drop(slot);
        self.slices.forget(uid);
    }
}
