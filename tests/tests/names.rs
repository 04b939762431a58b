//! `--names`: what DNS answers and TLS tell of the ends of later conversations.

use flowtrace_tests::files::frames::{ACK, End, Host, SYN, pcap, tcp, udp};
use flowtrace_tests::files::program::{command, run_with};
use serde_json::Value;

/// Times are milliseconds.
const SECOND: u64 = 1000;

/// An answer of DNS: `name` is an alias of `alias`, which has the address.
fn answer(name: &str, alias: &str, address: [u8; 4]) -> Vec<u8> {
    let labels = |name: &str| {
        let parts = name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
        parts.chain([0]).collect::<Vec<u8>>()
    };
    let record = |owner: Vec<u8>, kind: u8, data: Vec<u8>| {
        [owner, vec![0, kind, 0, 1, 0, 0, 0, 60], (data.len() as u16).to_be_bytes().to_vec(), data].concat()
    };
    let head = vec![0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
    let question = [labels(name), vec![0, 1, 0, 1]].concat();
    [head, question, record(labels(name), 5, labels(alias)), record(labels(alias), 1, address.to_vec())].concat()
}

/// A ClientHello that asks for a server of this name (RFC 8446 4.1.2, RFC 6066 3).
fn client_hello(name: &str) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let extension = [vec![0, 0], sized(&sized(&[vec![0], sized(name.as_bytes())].concat()))].concat();
    let body = [vec![3, 3], vec![7; 32], vec![0], sized(&[0x13, 1]), vec![1, 0], sized(&extension)].concat();
    let length = (body.len() as u32).to_be_bytes();
    [vec![22, 3, 1], sized(&[&[1], &length[1..], &body].concat())].concat()
}

/// Begin of a connection, with data.
fn talk(at: u64, client: End, server: End, data: &[u8]) -> Vec<(u64, Vec<u8>)> {
    vec![
        (at, tcp(client, server, SYN, 1, 0, &[])),
        (at + 1, tcp(server, client, SYN | ACK, 1, 2, &[])),
        (at + 2, tcp(client, server, ACK, 2, 2, data)),
    ]
}

fn names(options: &[&str], capture: &[u8]) -> Vec<(String, String)> {
    let ended = run_with(command(&[&["read", "-q", "--output", "json"], options, &["-"]].concat()), capture);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let text = |record: &Value, name: &str| record["attributes"][name].as_str().expect("it is there").to_owned();
    let records = ended.text().lines().map(|line| serde_json::from_str::<Value>(line).expect("a record"));
    let of_tcp = records.filter(|record| record["attributes"]["network.transport"] == "tcp");
    of_tcp.map(|record| (text(&record, "client.address"), text(&record, "server.address"))).collect()
}

#[test]
fn answers_and_hellos_name_what_comes_after_them() {
    let [client, resolver, web, bare] = [1, 2, 3, 4].map(Host::v4);
    let (mut frames, dns) = (Vec::new(), answer("www.example.org", "cdn.example.net", [192, 0, 2, 3]));
    frames.extend(talk(SECOND, (client, 40_000), (web, 80), b"GET"));
    frames.push((2 * SECOND, udp((resolver, 53), (client, 5000), &dns)));
    frames.extend(talk(3 * SECOND, (client, 40_001), (web, 80), b"GET"));
    frames.extend(talk(4 * SECOND, (client, 40_002), (bare, 443), &client_hello("Shop.Example.com")));
    frames.extend(talk(5 * SECOND, (client, 40_003), (web, 443), &client_hello("other.example.com")));
    let capture = pcap(&frames);
    let [client, web, bare] = [1, 3, 4].map(|number| format!("192.0.2.{number}"));
    let (by_dns, by_tls, by_tls_too) = ("www.example.org", "shop.example.com", "other.example.com");
    let rows: [(&str, [&str; 4]); 4] = [
        ("hosts", [&*web, &web, &bare, &web]),
        ("dns", [&web, by_dns, &bare, by_dns]),
        ("tls", [&web, &web, by_tls, by_tls_too]),
        ("hosts,dns,tls", [&web, by_dns, by_tls, by_dns]),
    ];
    for (sources, servers) in rows {
        let expected = servers.map(|server| (client.clone(), server.to_owned()));
        assert_eq!(names(&["--names", sources], &capture), expected, "{sources}");
    }
}
