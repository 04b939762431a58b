//! A large cluster: 10,000 pods with 5,000 services, of which 5 % of the pods change a minute; memory, and the time that
//! a question takes. The figures are printed; the bounds that fail hold without optimisation too, where it says so.

#![allow(clippy::print_stdout, reason = "the figures are what this test is for")]

mod make;

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use flowtrace_kubernetes::{Cluster, End, Kind, Options, Port, Protocol, time::SECOND};
use make::object;
use serde_json::{Value, json};

struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "an allocator that counts: there is no other way to know what is allocated")]
// SAFETY: all is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        USED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those that are asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PODS: u32 = 10_000;
const SERVICES: u32 = 5_000;

fn v4(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0af4_0000 + number)
}

fn v6(number: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits((0xfd44_u128 << 112) + u128::from(number))
}

fn uid(kind: u32, number: u32) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}

/// A pod of a deployment for each two, with two containers, in one of 100 namespaces, with the addresses of its place.
fn pod(number: u32, place: u32) -> Value {
    let (app, namespace) = (place / 2, place / 2 % 100);
    let labels = json!({ "app": format!("app-{app}"), "pod-template-hash": "56b8f78d45", "tier": "web", "team": format!("t{namespace}"),
        "app.kubernetes.io/name": format!("app-{app}"), "app.kubernetes.io/part-of": "shop", "app.kubernetes.io/version": "1.4.2",
        "topology.kubernetes.io/region": "r1", "topology.kubernetes.io/zone": "r1a" });
    let owner = json!([{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("app-{app}-56b8f78d45"),
        "uid": uid(2, app), "controller": true }]);
    let container = |name: &str, port: u16| json!({ "name": name, "image": format!("registry.example.com/shop/app-{app}:1.4.2"), "ports": [{ "name": "http", "containerPort": port }] });
    let status =
        |name: &str| json!({ "name": name, "containerID": format!("containerd://{:064x}", u64::from(number) * 2) });
    json!({
        "metadata": { "name": format!("app-{app}-56b8f78d45-{number:05x}"), "namespace": format!("ns-{namespace}"),
            "uid": uid(1, number), "labels": labels, "ownerReferences": owner, "creationTimestamp": "2026-11-21T11:21:11Z",
            "annotations": { "example.com/owner": "web-team", "prometheus.io/scrape": "true" } },
        "spec": { "nodeName": format!("node-{}", place % 100), "containers": [container("web", 8080), container("proxy", 15001)] },
        "status": { "phase": "Running", "startTime": "2026-11-21T11:21:11Z",
            "podIPs": [{ "ip": v4(place) }, { "ip": v6(place) }],
            "containerStatuses": [status("web"), status("proxy")] },
    })
}

fn meta(kind: u32, number: u32, name: &str, owner: Option<Value>) -> Value {
    let namespace = format!("ns-{}", number % 100);
    json!({ "metadata": { "name": name, "namespace": namespace, "uid": uid(kind, number), "labels": { "app": name },
        "ownerReferences": owner.map(|owner| vec![owner]) } })
}

fn slice(app: u32, pods: [u32; 2], family: u32) -> Value {
    let endpoints = [0, 1].map(|nth| {
        let place = app * 2 + nth;
        let address = if family == 4 { IpAddr::from(v4(place)) } else { IpAddr::from(v6(place)) };
        json!({ "addresses": [address], "targetRef": { "kind": "Pod", "name": "x", "uid": uid(1, pods[nth as usize]) }, "nodeName": "n" })
    });
    json!({
        "metadata": { "name": format!("app-{app}-{family}"), "namespace": format!("ns-{}", app % 100), "uid": uid(20 + family, app),
            "labels": { "kubernetes.io/service-name": format!("app-{app}") } },
        "addressType": "IP", "endpoints": endpoints, "ports": [{ "name": "http", "port": 8080 }],
    })
}

fn fill(cluster: &mut Cluster, at: u64) {
    let mut add = |kind: Kind, value: Value| cluster.apply(kind, &object(kind, &value), at);
    for number in 0..100 {
        add(Kind::Namespace, json!({ "metadata": { "name": format!("ns-{number}"), "uid": uid(6, number) } }));
        let address = Ipv4Addr::from_bits(0x0a5f_0000 + number);
        add(
            Kind::Node,
            json!({ "metadata": { "name": format!("node-{number}"), "uid": uid(7, number) },
            "status": { "addresses": [{ "type": "InternalIP", "address": address }] } }),
        );
    }
    for app in 0..SERVICES {
        let owner = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": format!("app-{app}"), "uid": uid(3, app), "controller": true });
        add(Kind::Deployment, meta(3, app, &format!("app-{app}"), None));
        add(Kind::ReplicaSet, meta(2, app, &format!("app-{app}-56b8f78d45"), Some(owner)));
        let mut service = meta(4, app, &format!("app-{app}"), None);
        let addresses =
            json!([Ipv4Addr::from_bits(0x0a60_0000 + app), Ipv6Addr::from_bits((0xfd96 << 112) + u128::from(app))]);
        service["spec"] = json!({ "clusterIPs": addresses, "ipFamilies": ["IPv4", "IPv6"], "ports": [{ "name": "http", "port": 80 }] });
        add(Kind::Service, service);
        for family in [4, 6] {
            add(Kind::EndpointSlice, slice(app, [app * 2, app * 2 + 1], family));
        }
    }
    (0..PODS).for_each(|number| add(Kind::Pod, pod(number, number)));
}

/// Nanoseconds that a question takes: the lower quartile of batches, since others may use the machine.
fn ask(cluster: &Cluster, name: &str, among: u32, end: impl Fn(u32) -> End<'static>) -> f64 {
    let view = cluster.view();
    let ends: Vec<_> = (0..200_000_u32).map(|number| end(number.wrapping_mul(2_654_435_761) % among)).collect();
    let mut times = Vec::new();
    for batch in ends.chunks(500) {
        let begin = Instant::now();
        let found = batch.iter().filter(|end| view.workload(end).is_some()).count();
        times.push(begin.elapsed().as_nanos() as f64 / batch.len() as f64);
        assert_eq!(found, batch.len(), "{name}");
    }
    times.sort_by(f64::total_cmp);
    println!("{name}: {:.0} ns (fastest batch {:.0}, median {:.0})", times[100], times[0], times[200]);
    times[100]
}

#[test]
fn ten_thousand_pods() {
    let start = 1_795_260_100 * SECOND;
    let before = USED.load(Ordering::Relaxed);
    let mut cluster = Cluster::new(Options { has_policies: true, ..Options::default() });
    let begin = Instant::now();
    fill(&mut cluster, start);
    let used = || (USED.load(Ordering::Relaxed) - before) as f64 / f64::from(1 << 20);
    println!("filled in {:?} (with the making of the objects): {:.1} MiB", begin.elapsed(), used());
    assert!(used() < 60.0);
    let at = start + 1_000 * SECOND;
    let port = |number| Some(Port { number, protocol: Protocol::Tcp });
    let end = move |address: IpAddr, number| End { pod_uid: None, container_id: None, address, port: port(number), at };
    let pod = |number| end(v4(number).into(), 8080);
    let service = |number| end(Ipv4Addr::from_bits(0x0a60_0000 + number % SERVICES).into(), 80);
    // Those that talk much are in the processor's cache; of all at random, each is fetched from memory.
    let _ = ask(&cluster, "a pod by address, of all", PODS, pod);
    let _ = ask(&cluster, "a pod by IPv6 address, of all", PODS, |number| end(v6(number).into(), 50_000));
    let _ = ask(&cluster, "a service, of all", PODS, service);
    let often = [ask(&cluster, "a pod by address, of 50", 50, pod), ask(&cluster, "a service, of 50", 50, service)];
    if !cfg!(debug_assertions) {
        assert!(often.iter().all(|each| *each < 1_000.0), "{often:?}: five times what is aimed at, on a busy machine");
    }
    churn(&mut cluster, at);
    println!("after ten minutes of 5 % churn: {:.1} MiB", used());
    assert!(used() < 60.0);
}

/// Ten minutes in which 500 pods a minute go and others take their addresses. A sample is asked for all along.
fn churn(cluster: &mut Cluster, start: u64) {
    let mut holders: Vec<u32> = (0..PODS).collect();
    let mut spent = std::time::Duration::ZERO;
    for change in 0..5_000_u32 {
        let at = start + u64::from(change) * 120 * SECOND / 1_000;
        let place = change.wrapping_mul(2_654_435_761) % PODS;
        let (old, new) = (holders[place as usize], PODS + change);
        let gone = object(Kind::Pod, &pod(old, place));
        let come = object(Kind::Pod, &pod(new, place));
        holders[place as usize] = new;
        let app = place / 2;
        let pods = [holders[app as usize * 2], holders[app as usize * 2 + 1]];
        let slices = [4, 6].map(|family| object(Kind::EndpointSlice, &slice(app, pods, family)));
        let begin = Instant::now();
        cluster.delete(Kind::Pod, gone.metadata(), at);
        slices.iter().for_each(|slice| cluster.apply(Kind::EndpointSlice, slice, at));
        cluster.apply(Kind::Pod, &come, at + SECOND / 10);
        cluster.expire(at);
        spent += begin.elapsed();
        let end = End { pod_uid: None, container_id: None, address: v4(place).into(), port: None, at: at + SECOND / 5 };
        let then = End { at: at - 1, port: Some(Port { number: 8080, protocol: Protocol::Tcp }), ..end };
        let [now, then] =
            [end, then].map(|end| cluster.view().workload(&end).and_then(|found| found.pod).expect("a pod"));
        assert_eq!((now.uid.as_deref(), then.uid.as_deref()), (Some(&*uid(1, new)), Some(&*uid(1, old))));
    }
    println!("{:?} for a pod that goes and another that comes", spent / 5_000);
}
