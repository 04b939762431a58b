//! What must hold of objects of Kubernetes: whoever may make pods writes most of what is in them.

use std::net::IpAddr;

use flowtrace_kubernetes::{
    Cluster, Conversation, Depth, End, KeyPatterns, Kind, Object, Options, Port, Protocol, Scope, View,
};

/// A time that is long after everything was forgotten.
const NEVER: u64 = u64::MAX / 2;

/// Lines: `-` where the object goes, a letter for its kind, and its JSON.
///
/// # Panics
/// Where something does not hold.
pub fn kubernetes(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for scope in [Scope::Cluster, Scope::Node] {
        let all = || KeyPatterns::new(["*"]);
        let options = Options { labels: all(), annotations: all(), has_policies: true, scope, ..Options::default() };
        let mut cluster = Cluster::new(options);
        let view = cluster.view();
        let mut addresses = vec![IpAddr::from([10, 0, 0, 1]), IpAddr::from([0; 16])];
        for (at, line) in (1_000_000_000_000..).zip(text.lines().take(64)) {
            change(&mut cluster, line, at);
            addresses.extend(line.split('"').filter_map(|word| word.parse::<IpAddr>().ok()));
            ask(&view, &addresses, at);
        }
        for kind in Kind::ALL {
            cluster.replace(kind, [], NEVER);
        }
        cluster.expire(u64::MAX - 1);
        assert_eq!(view.pods(), 0);
        for address in addresses {
            assert_eq!(view.workload(&end(address, None, u64::MAX - 1)), None, "{address} belongs to nobody any more");
        }
    }
}

fn change(cluster: &mut Cluster, line: &str, at: u64) {
    let (is_delete, line) = line.strip_prefix('-').map_or((false, line), |rest| (true, rest));
    let mut rest = line.chars();
    let Some(kind) = rest.next().map(|letter| Kind::ALL[letter as usize % Kind::ALL.len()]) else { return };
    let Ok(object) = Object::parse(kind, rest.as_str()) else { return };
    if is_delete {
        cluster.delete(kind, object.metadata(), at);
    } else {
        cluster.apply(kind, &object, at);
    }
}

fn end(address: IpAddr, port: Option<Port>, at: u64) -> End<'static> {
    End { pod_uid: None, container_id: None, address, port, at }
}

/// Every question has an answer, and it agrees with itself.
fn ask(view: &View, addresses: &[IpAddr], at: u64) {
    let port = Some(Port { number: 80, protocol: Protocol::Tcp });
    let found: Vec<_> = addresses.iter().map(|address| view.workload(&end(*address, port, at))).collect();
    for workload in found.iter().flatten() {
        assert!(workload.pod.is_none() || workload.namespace.is_some(), "{workload:?}");
        assert!(workload.owners.is_empty() || workload.pod.is_some(), "{workload:?}");
        assert!(workload.service_port.is_none() || workload.service.is_some(), "{workload:?}");
    }
    let both = |number: usize| (addresses[number], found[number].as_ref());
    let flow = Conversation { source: both(0), destination: both(addresses.len() - 1), port };
    let [all, by_port, allowing] =
        [Depth::Selecting, Depth::Port, Depth::Allowing].map(|depth| view.policies(&flow, depth));
    for (fewer, more) in [(&by_port, &all), (&allowing, &by_port)] {
        for (fewer, more) in [(&fewer.ingress, &more.ingress), (&fewer.egress, &more.egress)] {
            let known = fewer.iter().flatten().all(|name| more.iter().flatten().any(|known| known == name));
            assert!(known, "deeper is fewer: {fewer:?} of {more:?}");
        }
    }
}
