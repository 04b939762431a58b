//! Pods, and who has which address.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::nodes::{join, leave};
use super::{Cluster, Listed, Table};
use crate::object;
use crate::pod::{self, Pod, Slot};
use crate::time::Time;
use crate::view::Tenure;
use crate::{Kind, agents};

/// How many pods an address is known to have belonged to before. More than that within the time for which it is to be
/// known, and the oldest are forgotten.
const FORMER: usize = 8;

/// All pods.
#[derive(Debug, Default)]
pub(super) struct Pods {
    pub by_uid: Table<Arc<str>, Listed<Arc<Slot>>>,
    /// The live pods that say that they have an address.
    claims: Table<IpAddr, Vec<Arc<Slot>>>,
}

impl Cluster {
    pub(super) fn apply_pod(&mut self, from: &object::Pod, at: Time) {
        let pod = Arc::new(self.kept_pod(from, at));
        let after = pod.addresses.clone();
        let list = self.lists[Kind::Pod as usize];
        let uid = from.metadata.uid.as_str();
        if let Some(known) = self.pods.by_uid.get_mut(uid) {
            known.list = list;
            let slot = Arc::clone(&known.kept);
            let before = slot.now.swap(Arc::clone(&pod));
            self.change_addresses(&slot, &before.addresses, &after, at);
            self.change_agent(&slot, Some(&before), Some(&pod));
            return;
        }
        let uid: Arc<str> = uid.into();
        let mirrored = pod.mirrored.clone();
        let slot = Arc::new(Slot { now: ArcSwap::new(Arc::clone(&pod)), behind: self.slices.behind(&uid) });
        self.view.pods.insert(Arc::clone(&uid), Arc::clone(&slot));
        // A pod may say that it was made from a file by any uid; the pod that has that uid is the one that is meant.
        if let Some(uid) = mirrored.filter(|uid| !self.pods.by_uid.contains_key(uid)) {
            self.view.pods.insert(uid, Arc::clone(&slot));
        }
        self.pods.by_uid.insert(uid, Listed { list, kept: Arc::clone(&slot) });
        self.change_addresses(&slot, &[], &after, at);
        self.change_agent(&slot, None, Some(&pod));
    }

    pub(super) fn delete_pod(&mut self, uid: &str, at: Time) {
        let Some((uid, Listed { kept: slot, .. })) = self.pods.by_uid.remove_entry(uid) else { return };
        let before = slot.now.load_full();
        self.change_addresses(&slot, &before.addresses, &[], at);
        self.change_agent(&slot, Some(&before), None);
        self.gone.pod(uid, at);
    }

    /// A pod of flowtrace became ready, or is so no more.
    fn change_agent(&mut self, slot: &Arc<Slot>, before: Option<&Pod>, after: Option<&Pod>) {
        let place =
            |pod: &Pod| pod.agent.is_some().then(|| pod.node.as_ref().map(|node| Arc::clone(&node.bare.name)))?;
        let [before, after] = [before, after].map(|pod| pod.and_then(place));
        if before == after {
            return;
        }
        if let Some(node) = before {
            leave(&self.view.agents, node, |known| Arc::ptr_eq(known, slot));
        }
        if let Some(node) = after {
            join(&self.view.agents, node, Arc::clone(slot));
        }
    }

    /// A pod claims other addresses than before, or claims them more or less strongly.
    fn change_addresses(&mut self, slot: &Arc<Slot>, before: &[IpAddr], after: &[IpAddr], at: Time) {
        for address in before.iter().filter(|address| !after.contains(address)) {
            if let Some(claims) = self.pods.claims.get_mut(address) {
                claims.retain(|claim| !Arc::ptr_eq(claim, slot));
                if claims.is_empty() {
                    self.pods.claims.remove(address);
                }
            }
        }
        for address in after.iter().filter(|address| !before.contains(address)) {
            self.pods.claims.entry(*address).or_default().push(Arc::clone(slot));
        }
        for address in before.iter().chain(after).collect::<BTreeSet<_>>() {
            self.settle(*address, at);
        }
    }

    /// Decides who has an address from now on.
    fn settle(&mut self, address: IpAddr, at: Time) {
        let claims = self.pods.claims.get(&address).map_or(&[][..], Vec::as_slice);
        let holder = strongest(claims);
        let mut tenures = self.view.addresses.get(&address).unwrap_or_default().to_vec();
        let current = tenures.last_mut().filter(|last| last.until == Time::MAX);
        if current.as_ref().map(|current| Arc::as_ptr(&current.pod)) == holder.map(Arc::as_ptr) {
            return;
        }
        if let Some(current) = current {
            // While two live pods claim it, the address changed hands at some time after the newer one began.
            let is_live = claims.iter().any(|claim| Arc::ptr_eq(claim, &current.pod));
            let handed = holder.filter(|_| is_live).map_or(at, |holder| holder.now.load().started);
            current.until = handed.clamp(current.from, at.max(current.from));
            let is_disputed = is_live && holder.is_some();
            self.gone.address(address, at);
            self.begin(&mut tenures, holder, at, is_disputed);
        } else {
            self.begin(&mut tenures, holder, at, false);
        }
        tenures.retain(|tenure| tenure.from < tenure.until);
        let surplus = tenures.len().saturating_sub(FORMER + 1);
        tenures.drain(..surplus);
        if tenures.is_empty() {
            self.view.addresses.remove(&address);
        } else {
            self.view.addresses.insert(address, tenures.into());
        }
    }

    /// A pod has an address from its own begin on, as the word of it comes late; but not before the one that had it last
    /// gave it back, and where that is not known not before now.
    fn begin(&self, tenures: &mut Vec<Tenure>, holder: Option<&Arc<Slot>>, at: Time, is_disputed: bool) {
        let Some(pod) = holder.map(Arc::clone) else { return };
        let freed = tenures.last().map_or(0, |last| last.until);
        let from = if is_disputed { at } else { pod.now.load().started.clamp(freed.min(at), at) };
        tenures.push(Tenure { pod, from, until: Time::MAX });
    }

    fn kept_pod(&mut self, from: &object::Pod, at: Time) -> Pod {
        let metadata = &from.metadata;
        let (started, created) = pod::began(from, at);
        let node = Some(&from.spec.node_name).filter(|node| !node.is_empty());
        Pod {
            entity: Arc::new(self.entity(metadata)),
            selectable: self.selectable(metadata),
            namespace: self.references.namespace(&mut self.texts, &metadata.namespace),
            node: node.map(|node| self.references.node(&mut self.texts, node)),
            owner: self.owner(metadata),
            containers: pod::containers(from, |text| self.texts.get(text)),
            is_host_network: from.spec.host_network,
            addresses: pod::addresses(from),
            is_terminating: metadata.deletion_timestamp.is_some(),
            started,
            created,
            mirrored: pod::mirrored(from).map(|uid| self.texts.get(uid)),
            agent: agents::configuration(from).map(|hash| self.texts.get(hash)),
        }
    }
}

/// The pod with the strongest claim: one that is not told to go before one that is, then the one that began last. None
/// where two are equal.
fn strongest(claims: &[Arc<Slot>]) -> Option<&Arc<Slot>> {
    let claim = |slot: &Arc<Slot>| slot.now.load().claim();
    let best = claims.iter().max_by_key(|slot| claim(slot))?;
    let rivals = claims.iter().filter(|slot| claim(slot).cmp(&claim(best)) == Ordering::Equal).count();
    (rivals == 1).then_some(best)
}
