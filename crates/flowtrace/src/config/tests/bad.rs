//! What is said of wrong configurations.

use std::fmt::Write as _;

use super::wrong;

const BAD: &[&str] = &[
    "max_flow: 1000\n",
    "scan-interval: 1s\n",
    "interface: [eth0]\n",
    "flows:\n  source: local\n",
    "source: local\n",
    "bearer: file:token\n",
    "zzz: 1\n",
    "flow:\n  sorce: local\n",
    "flow.source: local\n",
    "max_flows: 0\n",
    "max_flows: many\nscan_interval: 5\n",
    "max_flows:\n",
    "max_flows: [1]\n",
    "scan_interval: 0s\n",
    "interfaces: eth0\n",
    "interfaces: ['eth[']\n",
    "interfaces: ['/(/']\n",
    "interfaces: [[eth0]]\n",
    "flow: initiator\n",
    "flow:\n  source: initator\n",
    "flow:\n  key: [vlan, tunel_id]\n",
    "processes: maybe\n",
    "names: [host]\n",
    "hide_addresses: 000102030405060708090a0b0c0d0e0f\n",
    "names: [dns]\nhide_addresses: env:FLOWTRACE_TEST_UNSET\n",
    "timeouts:\n  upd: 30s\n",
    "timeouts: {udp: 30}\n",
    "timeouts: [udp=30s]\n",
    "timeouts: {udp: [1s]}\n",
    "udp_ports: {vxlan: 4789}\n",
    "udp_ports: {vxlan: [4789, 0]}\n",
    "udp_ports: {vxlna: [4789]}\n",
    "kubernetes: {enabled: sometimes}\n",
    "kubernetes:\n  name_forms:\n    pod: '{nam}'\n",
    "trace: {link_hosts: perhaps}\n",
    "attributes: [tunel]\n",
    "exclude: ['no.such.*']\n",
    "filter: source.prot == 1\n",
    "filter: 'source.port in [80, '\n",
    "filter: |\n  source.port == 80\n  and source.prot == 1\n",
    "output: {format: none, file: x}\n",
    "output: json\n",
    "otlp: http://localhost:4317\n",
    "otlp: [http://localhost:4317]\n",
    "otlp:\n- protocol: grpc\n",
    "otlp:\n- endpoint: localhost:4317\n",
    "otlp:\n- endpoint: ftp://localhost\n  compression: gzip\n",
    "otlp:\n- endpoint: http://localhost\n  protocol: grpcs\n  timeot: 3s\n",
    "otlp:\n- endpoint: https://localhost\n  tls:\n    ca: /nowhere/ca.pem\n",
    "otlp:\n- endpoint: http://localhost\n  bearer: sesame\n",
    "otlp:\n- endpoint: http://localhost\n  bearer: env:FLOWTRACE_TEST_UNSET\n",
    "otlp:\n- endpoint: http://localhost\n  bearer: file:a\n  basic: file:b\n",
    "otlp:\n- endpoint: http://localhost\n  headers:\n    'a b': sesame\n",
    "otlp:\n- endpoint: http://localhost\n  headers:\n    a: \"sesame\n",
    "otlp:\n- endpoint: http://localhost\n  filter: source.prot == 1\n",
    "otlp:\n- endpoint: http://${HOTS}:4317\n",
    "otlp:\n- endpoint: http://localhost\n  spool: {size: 2GiB, directory: s, mode: allways}\n",
    "otlp:\n- endpoint: http://localhost\n  spool: {directory: s, size: 1MiB}\n",
    "max_flows: 1\nmax_flows: 2\n",
    "max_flows: 1\n---\nmax_flows: 2\n",
    "max_flows: &a 1\n",
    "max_flows: !!int 1\n",
    "max_flows: 1\n\tscan_interval: 1s\n",
    "flow:\n  source: local\n tunnels: {}\n",
    "[a]: 1\n",
    "- max_flows: 1\n",
    "just text\n",
    "%YAML 1.2\n---\nmax_flows: 1\n",
];

#[test]
fn wrong_files_say_where_and_what() {
    let mut told = String::new();
    for text in BAD {
        let what = wrong(text);
        assert!(!what.is_empty(), "{text} is taken");
        assert!(!what.contains("sesame") && !what.contains("0a0b0c"), "a secret: {what}");
        writeln!(told, "{text}=> {what}\n").expect("a string");
    }
    insta::assert_snapshot!("bad", told);
}

#[test]
fn right_files_are_taken() {
    for text in [
        "",
        "# nothing\n",
        "---\n",
        "flow:\ninterfaces:\nfilter: ''\n",
        "otlp:\n- endpoint: http://${HOST}:4317\n  headers: {a: '${HOST}', b: \"$${x}\"}\n",
        "max_flows: 1e+06\nprocesses: yes\ncontainer_runtimes: \"off\"\n",
        "\u{feff}max_flows: 1\n",
        "filter: >\n  source.port == 80\n  and destination.port == 1\n",
        "otlp: [{endpoint: 'http://localhost', spool: {size: 1GiB}}]\n",
        "{\"max_flows\": 1, \"otlp\": [{\"endpoint\": \"unix:/run/otlp.sock\"}]}",
    ] {
        assert_eq!(wrong(text), "", "{text}");
    }
}

#[test]
fn not_more_than_some_problems_are_told() {
    let many: String = (0..100).map(|number| format!("zzzzz{number}: 1\n")).collect();
    assert!(wrong(&many).ends_with("\nand 80 more"));
}
