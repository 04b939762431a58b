//! The seeds of the fuzz target `kubernetes`, and every input that once crashed it.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/kubernetes.rs"]
mod checks;

const POD: &str = r#"a{"metadata":{"name":"web-1","namespace":"prod","uid":"p1","labels":{"app":"web"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"r1","controller":true}]},"spec":{"nodeName":"node-a","containers":[{"name":"main","image":"web:1","ports":[{"name":"http","containerPort":80}]}]},"status":{"phase":"Running","podIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],"startTime":"1970-01-01T00:00:10Z"}}"#;
const SERVICE: &str = r#"b{"metadata":{"name":"web","namespace":"prod","uid":"s1"},"spec":{"clusterIPs":["10.96.0.1"],"ports":[{"name":"http","port":80,"protocol":"TCP","nodePort":30080}]}}"#;
const SLICE: &str = r#"c{"metadata":{"name":"web-x","namespace":"prod","uid":"e1","labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"nodeName":"node-a","targetRef":{"kind":"Pod","name":"web-1","namespace":"prod","uid":"p1"}}],"ports":[{"name":"http","port":80,"protocol":"TCP"}]}"#;
const NODE: &str =
    r#"d{"metadata":{"name":"node-a","uid":"n1"},"status":{"addresses":[{"type":"InternalIP","address":"10.1.0.1"}]}}"#;
const OWNER: &str = r#"f{"metadata":{"name":"web","namespace":"prod","uid":"r1","ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"d1","controller":true}]}}"#;
const POLICY: &str = r#"l{"metadata":{"name":"only-web","namespace":"prod","uid":"y1"},"spec":{"podSelector":{"matchExpressions":[{"key":"app","operator":"In","values":["web"]}]},"policyTypes":["Ingress"],"ingress":[{"from":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["10.0.0.0/8"]}}],"ports":[{"port":"http","endPort":90}]}]}}"#;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let lines = |lines: &[&str]| lines.join("\n").into_bytes();
    let gone = format!("-{POD}");
    let reused = POD.replace("p1", "p2").replace("web-1", "web-2").replace("00:10Z", "00:20Z");
    vec![
        ("pod", lines(&[POD, OWNER, &gone])),
        ("service", lines(&[POD, SERVICE, SLICE, NODE])),
        ("policy", lines(&[POD, POLICY])),
        ("reuse", lines(&[POD, &POD.replace("Running", "Succeeded"), &reused, &gone])),
    ]
}

/// The seeds are written from here; where one is missing or old, it is repaired and the test fails once.
#[test]
fn seeds_are_current() {
    let folder = folder().join("seeds/kubernetes");
    fs::create_dir_all(&folder).unwrap();
    let mut repaired = Vec::new();
    for (name, bytes) in seeds() {
        let path = folder.join(name);
        if fs::read(&path).ok().as_ref() != Some(&bytes) {
            fs::write(&path, bytes).unwrap();
            repaired.push(path);
        }
    }
    assert!(repaired.is_empty(), "written anew, commit them: {repaired:?}");
}

#[test]
fn what_once_crashed_no_longer_does() {
    for set in ["seeds", "crashes"] {
        for entry in fs::read_dir(folder().join(set).join("kubernetes")).into_iter().flatten() {
            let path = entry.unwrap().path();
            checks::kubernetes(&fs::read(&path).unwrap());
        }
    }
}

/// What the fuzzer would try first, without a fuzzer: words of the seeds change places.
#[test]
fn shuffled_seeds_are_read() {
    let text: String = seeds().into_iter().map(|(_, seed)| String::from_utf8(seed).unwrap() + "\n").collect();
    let words: Vec<&str> = text.split('"').collect();
    let mut state = 1_u64;
    let mut next = || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as usize
    };
    for _ in 0..2_000 {
        let mut changed = words.clone();
        for _ in 0..1 + next() % 4 {
            // Every second one is in quotes.
            let [from, to] = [next(), next()].map(|place| (place % (words.len() / 2)) * 2 + 1);
            changed[to] = words[from];
        }
        checks::kubernetes(changed.join("\"").as_bytes());
    }
}
