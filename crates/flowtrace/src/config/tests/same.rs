//! Each option means the same in the file, in the environment and on the command line.

use super::super::check::parse;
use super::super::keys::{KEYS, Key, Place, Shape};
use super::{compared, run};

/// A key with values that are not its defaults.
pub struct Sample {
    /// Where it stands.
    pub path: String,
    /// What stands behind its name.
    pub yaml: &'static str,
    /// The option's values on the command line.
    pub words: &'static [&'static str],
}

const ENDPOINT: &str = "http://one.example:4317";

const SAMPLES: &[(&str, &str, &[&str])] = &[
    ("interfaces", "['eth*', '!eth1', '/^en.*$/']", &["eth*", "!eth1", "/^en.*$/"]),
    ("max_flows", "1000", &["1000"]),
    ("scan_interval", "5s", &["5s"]),
    ("namespaces", "own", &["own"]),
    ("processes", "off", &["off"]),
    ("container_runtimes", "false", &["off"]),
    ("names", "[hosts, dns]", &["hosts", "dns"]),
    ("hide_addresses", "env:FLOWTRACE_TEST_KEY", &["env:FLOWTRACE_TEST_KEY"]),
    ("timeouts", "{udp: 30s, active: 10s}", &["udp=30s", "active=10s"]),
    ("flow.source", "local", &["local"]),
    ("flow.key", "[vlan, tunnel_id]", &["vlan", "tunnel_id"]),
    ("flow.active_jitter", "5%", &["5%"]),
    ("flow.community_id_seed", "7", &["7"]),
    ("tunnels.count", "both", &["both"]),
    ("tunnels.depth", "2", &["2"]),
    ("udp_ports", "{vxlan: [4789, 7777], vxlan_gpe: [], gtp: [1]}", &["vxlan=4789,7777", "vxlan-gpe=", "gtp=1"]),
    ("kubernetes.enabled", "false", &["off"]),
    ("kubernetes.kubeconfig", "k.yaml", &["k.yaml"]),
    ("kubernetes.scope", "node", &["node"]),
    ("kubernetes.node_name", "node-1", &["node-1"]),
    ("kubernetes.cluster_name", "prod", &["prod"]),
    ("kubernetes.cluster_domain", "cluster.local", &["cluster.local"]),
    ("kubernetes.name_forms", "{pod: '{name}', node: 'n-{name}'}", &["pod={name}", "node=n-{name}"]),
    ("kubernetes.labels", "[app, '!x*']", &["app", "!x*"]),
    ("kubernetes.annotations", "[]", &[""]),
    ("kubernetes.network_policies", "port", &["port"]),
    ("kubernetes.wait", "1s", &["1s"]),
    ("trace.link_hosts", "true", &["true"]),
    ("trace.configuration_hash", "abc", &["abc"]),
    ("attributes", "[tunnel, debug]", &["tunnel,debug"]),
    ("semconv", "proposal", &["proposal"]),
    ("include", "['flow.*', network.transport]", &["flow.*,network.transport"]),
    ("exclude", "['*.mac']", &["*.mac"]),
    ("filter", "'source.port == 80'", &["source.port == 80"]),
    ("output.format", "json", &["json"]),
    ("output.color", "never", &["never"]),
    ("output.file", "records.json", &["records.json"]),
    ("output.rotate_size", "100MiB", &["100MiB"]),
    ("output.rotate_age", "1h", &["1h"]),
    ("output.rotate_keep", "3", &["3"]),
    ("otlp[].endpoint", ENDPOINT, &[ENDPOINT]),
    ("otlp[].protocol", "http/json", &["http/json"]),
    ("otlp[].headers", "{a: b, c: 'env:HOME'}", &["a=b", "c=env:HOME"]),
    ("otlp[].bearer", "env:HOME", &["env:HOME"]),
    ("otlp[].basic", "env:HOME", &["env:HOME"]),
    ("otlp[].compression", "zstd", &["zstd"]),
    ("otlp[].timeout", "3s", &["3s"]),
    ("otlp[].concurrency", "2", &["2"]),
    ("otlp[].tls.ca", "ca.pem", &["ca.pem"]),
    ("otlp[].tls.cert", "cert.pem", &["cert.pem"]),
    ("otlp[].tls.key", "key.pem", &["key.pem"]),
    ("otlp[].tls.server_name", "a.example", &["a.example"]),
    ("otlp[].tls.min_version", "1.3", &["1.3"]),
    ("otlp[].tls.insecure_skip_verify", "true", &["true"]),
    ("otlp[].spool.directory", "spool", &["spool"]),
    ("otlp[].spool.size", "8388608", &["8388608"]),
    ("otlp[].spool.mode", "always", &["always"]),
    ("otlp[].spool.sync", "1s", &["1s"]),
    ("shutdown_timeout", "1m", &["1m"]),
    ("http", "127.0.0.1:9999", &["127.0.0.1:9999"]),
];

pub fn samples() -> Vec<Sample> {
    let samples = SAMPLES.iter();
    samples.map(|(path, yaml, words)| Sample { path: (*path).to_owned(), yaml, words }).collect()
}

impl Sample {
    /// A file with the key, what it needs, and in a receiver, if it is of one, beside another one.
    pub fn file(&self) -> String {
        match self.path.strip_prefix("otlp[].") {
            None => nested(&self.path, self.yaml, self.need("output.")),
            Some("endpoint") => format!("otlp: [{{endpoint: '{ENDPOINT}'}}, {{endpoint: 'http://two.example'}}]"),
            Some(path) => {
                let own = nested(path, self.yaml, self.need("spool."));
                format!("otlp: [{{endpoint: '{ENDPOINT}', {own}}}, {{endpoint: 'http://two.example'}}]")
            }
        }
    }

    fn key(&self) -> &'static Key {
        KEYS.iter().find(|key| key.shown_path() == self.path).expect("a key")
    }

    fn need(&self, group: &str) -> String {
        let need = self.key().needs.and_then(super::super::keys::of_option);
        need.map_or_else(String::new, |key| format!("{}: x, ", key.path.trim_start_matches(group)))
    }

    /// The same on a command line.
    fn line(&self) -> Vec<String> {
        let key = self.key();
        let need = key.needs.map(|option| format!("--{option}=x"));
        let own = self.words.iter().map(|word| format!("--{}={word}", key.option));
        let own = need.into_iter().chain(own);
        match (key.place, key.option) {
            (Place::Top | Place::Output, _) => own.collect(),
            (Place::Receiver, "otlp") => own.chain(["--otlp=http://two.example".to_owned()]).collect(),
            (Place::Receiver, _) => {
                let first = [format!("--otlp={ENDPOINT}")].into_iter().chain(own);
                first.chain(["--otlp=http://two.example".to_owned()]).collect()
            }
        }
    }
}

/// A value below a path, with something before it in the same group.
fn nested(path: &str, yaml: &str, before: String) -> String {
    match path.split_once('.') {
        Some((group, name)) => format!("{group}: {{{before}{name}: {yaml}}}"),
        None => format!("{path}: {yaml}"),
    }
}

/// Without checking that files and secrets are there, which these are not.
fn unchecked(file: &str) -> Vec<std::ffi::OsString> {
    let root = super::super::yaml::read(file).unwrap_or_else(|problem| panic!("{problem:?}: {file}"));
    let (words, problems) = super::super::words::words(root, &|_| None);
    assert!(problems.is_empty(), "{problems:?}: {file}");
    let receivers = words.receivers.iter().flat_map(|receiver| &receiver.words);
    words.common.iter().chain(receivers).map(super::super::words::Word::on_line).collect()
}

#[test]
fn every_key_has_a_sample_and_means_what_its_option_means() {
    assert_eq!(SAMPLES.len(), KEYS.len());
    for sample in samples() {
        let [by_file, by_line] = [unchecked(&sample.file()), sample.line().into_iter().map(Into::into).collect()]
            .map(|line| format!("{:#?}", parse(line).unwrap_or_else(|error| panic!("{}: {error}", sample.path))));
        assert_eq!(by_file, by_line, "{}", sample.path);
        assert_ne!(by_file, format!("{:#?}", parse([]).expect("nothing")), "{}: no default", sample.path);
    }
}

/// Those that need no files are taken through all layers.
#[test]
fn every_variable_means_what_its_option_means() {
    let mut checked = 0;
    for sample in samples() {
        let key = sample.key();
        // An empty variable is none.
        let is_elsewhere = ["hide_addresses", "kubernetes.annotations"].contains(&sample.path.as_str())
            || sample.path.starts_with("otlp[].tls.");
        if is_elsewhere || key.needs.is_some() {
            continue;
        }
        let joined = matches!(key.shape, Shape::Many) && key.option != "interface";
        let value = sample.words.join(if joined { "," } else { " " });
        let variable = key.variable();
        let line: Vec<_> = sample.words.iter().map(|word| format!("--{}={word}", key.option)).collect();
        let by_variable = run("", &[(&variable, &value)], &[]);
        let by_line = run("", &[], &line.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(compared(by_variable), compared(by_line), "{variable}");
        checked += 1;
    }
    assert!(checked > 25, "{checked}");
}

#[test]
fn the_command_line_goes_above_the_environment_and_that_above_the_file() {
    let file = "scan_interval: 2s\ninterfaces: [a, b]\nmax_flows: 1000\ntimeouts: {udp: 1s, tcp: 2s, icmp: 3s}\n";
    let variables =
        [("FLOWTRACE_SCAN_INTERVAL", "3s"), ("FLOWTRACE_INTERFACE", "c d"), ("FLOWTRACE_TIMEOUT", "tcp=4s icmp=5s")];
    let seconds = |options: &crate::cli::RunOptions| options.scan_interval.as_secs();
    let times = |options: &crate::cli::RunOptions| {
        let timeouts = crate::settings::flow_settings(&options.common).expect("good").timeouts;
        [timeouts.udp, timeouts.tcp, timeouts.icmp].map(|time| time / 1_000_000_000)
    };
    let by_file = run(file, &[], &[]);
    assert_eq!((seconds(&by_file), by_file.max_flows, times(&by_file)), (2, 1000, [1, 2, 3]));
    assert_eq!(by_file.interfaces, ["a", "b"]);
    let by_variables = run(file, &variables, &[]);
    assert_eq!((seconds(&by_variables), by_variables.max_flows, times(&by_variables)), (3, 1000, [1, 4, 5]));
    assert_eq!(by_variables.interfaces, ["c", "d"]);
    let by_line = run(file, &variables, &["--scan-interval", "4s", "-i", "e", "-t", "icmp=6s"]);
    assert_eq!((seconds(&by_line), by_line.max_flows, times(&by_line)), (4, 1000, [1, 4, 6]));
    assert_eq!(by_line.interfaces, ["e"]);
    let by_empty = run(file, &[("FLOWTRACE_SCAN_INTERVAL", " ")], &[]);
    assert_eq!(seconds(&by_empty), 2, "empty is not set");
}

const RECEIVERS: &str = "attributes: [debug]\notlp:\n- endpoint: http://a\n  timeout: 1s\n  attributes: [all]\n  headers: \
     {x: '1', y: '2'}\n- endpoint: http://b\n  spool: {directory: s, size: 9MiB}\n";

/// Of a receiver: URL, seconds, attributes, headers, size of the spool.
type Told = (String, Option<u64>, String, String, Option<u64>);

fn told(options: &crate::cli::RunOptions) -> Vec<Told> {
    let receivers = options.common.receivers.iter();
    let told = receivers.map(|(url, output)| {
        let spool = output.spool.spool.as_ref().map(|_| output.spool.spool_size >> 20);
        let seconds = output.otlp.otlp_timeout.map(|time| time.as_secs());
        (url.clone(), seconds, output.attributes.clone(), output.otlp.otlp_headers.join(" "), spool)
    });
    told.collect()
}

/// The same, written shorter.
type Row<'a> = (&'a str, Option<u64>, &'a str, &'a str, Option<u64>);

fn expected(rows: &[Row<'_>]) -> Vec<Told> {
    let owned = rows.iter().map(|(url, time, names, headers, size)| {
        ((*url).to_owned(), *time, (*names).to_owned(), (*headers).to_owned(), *size)
    });
    owned.collect()
}

#[test]
fn receivers_are_layered() {
    let file = run(RECEIVERS, &[], &[]);
    let own = [("http://a", Some(1), "all", "x=1 y=2", None), ("http://b", None, "debug", "", Some(9))];
    assert_eq!(told(&file), expected(&own));
    assert_eq!((file.common.shown.attributes.as_str(), file.common.shown.spool.spool.is_some()), ("debug", false));

    let line = ["--otlp-timeout", "5s", "--attributes", "tunnel", "--otlp-header", "X=3", "--spool-size", "10MiB"];
    let above = run(RECEIVERS, &[], &line);
    let both = [("http://a", Some(5), "tunnel", "X=3 y=2", None), ("http://b", Some(5), "tunnel", "X=3", Some(10))];
    assert_eq!(told(&above), expected(&both));

    let variables = [("FLOWTRACE_OTLP_TIMEOUT", "6s"), ("FLOWTRACE_OTLP_HEADER", "z=1 y=4")];
    let between = run(RECEIVERS, &variables, &line[..2]);
    let both = [("http://a", Some(5), "all", "z=1 y=4 x=1", None), ("http://b", Some(5), "debug", "z=1 y=4", Some(9))];
    assert_eq!(told(&between), expected(&both));

    let replaced = run(RECEIVERS, &variables, &["--otlp", "http://c"]);
    assert_eq!(told(&replaced), expected(&[("http://c", Some(6), "debug", "z=1 y=4", None)]));
    let two = run(RECEIVERS, &[], &["--otlp", "http://c", "--otlp-timeout", "7s", "--otlp", "http://d"]);
    assert_eq!(
        told(&two),
        expected(&[("http://c", Some(7), "debug", "", None), ("http://d", None, "debug", "", None)])
    );
    let by_variable = run(RECEIVERS, &[("FLOWTRACE_OTLP", "http://e http://f")], &["--otlp-timeout", "8s"]);
    let both = [("http://e", Some(8), "debug", "", None), ("http://f", Some(8), "debug", "", None)];
    assert_eq!(told(&by_variable), expected(&both));
}

#[test]
fn what_a_key_needs_may_come_from_above() {
    let rotate = "output: {rotate_size: 9MiB}";
    assert_eq!(run(rotate, &[], &["--output-file", "x"]).common.file.rotate_size, Some(9 << 20));
    assert_eq!(run(rotate, &[("FLOWTRACE_OUTPUT_FILE", "x")], &[]).common.file.rotate_size, Some(9 << 20));
    let error = super::arguments(rotate, &[], &["run"]).expect_err("no file");
    assert!(error.contains("1:23: `output.rotate_size` says nothing without `output.file`"), "{error}");
    assert!(super::arguments("output: {rotate_keep: 10}", &[], &["run"]).is_ok(), "that is the default");
}

#[test]
fn read_takes_what_it_has() {
    let file = "max_flows: 1000\nscan_interval: 2s\nflow: {source: local}\n";
    let options = match super::arguments(file, &[("FLOWTRACE_NAMESPACES", "own")], &["-v", "read", "x.pcap"]) {
        Ok(crate::cli::Arguments { command: crate::cli::Command::Read(options), .. }) => options,
        other => panic!("{other:?}"),
    };
    assert_eq!((options.max_flows, options.common.source), (1_000_000, crate::cli::Source::Local));
}

#[test]
fn layers_that_do_not_fit_say_so() {
    let error = super::arguments("names: [dns]", &[], &["run", "--hide-addresses", "env:HOME"]).expect_err("conflict");
    assert!(error.contains("does not fit to") && error.contains("cannot be used with"), "{error}");
    let error = super::arguments("", &[("FLOWTRACE_MAX_FLOWS", "0")], &["run"]).expect_err("wrong");
    assert_eq!(error, "FLOWTRACE_MAX_FLOWS: `0`: 0 is not in 1..=16777216");
    let error = super::arguments("", &[], &["run", "--max-flow", "1"]).expect_err("wrong");
    assert!(error.contains("a similar argument exists: '--max-flows'"), "{error}");
}
