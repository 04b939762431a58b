//! The program as its users meet it: what it takes, what it says, how it ends.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use flowtrace_tests::files::frames::{many_flows, pcap};
use flowtrace_tests::files::program::{Ended, command, run, run_with};
use flowtrace_tests::files::scenes::SCENES;
use flowtrace_tests::files::span::Span;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Bytes of a pcap file's header, and of a record's.
const HEADERS: (usize, usize) = (24, 16);

fn scene(name: &str) -> Vec<u8> {
    SCENES.iter().find(|scene| scene.name == name).expect("a scene").file()
}

/// A folder with a file in it.
fn stored(content: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("capture.pcap");
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

/// The records as JSON, without their resource, which says what run it was.
fn records(ended: &Ended) -> Vec<String> {
    let spans = Span::parse_all(ended.text()).unwrap();
    spans.iter().map(|span| span.line.split(",\"resource\":").next().unwrap_or_default().to_owned()).collect()
}

fn read_stdin(content: &[u8]) -> Ended {
    run_with(command(&["read", "--output", "json", "-"]), content)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A file and standard input, plain and compressed, say the same.
#[test]
fn input_may_come_in_any_way() {
    let content = scene("pings");
    let (_folder, path) = stored(&content);
    let plain = run(&["read", "--output", "json", path.to_str().unwrap()]);
    assert_eq!((plain.code, records(&plain).len()), (0, 3));
    for input in [content.clone(), gzip(&content), zstd::encode_all(&content[..], 0).unwrap()] {
        let (_folder, path) = stored(&input);
        for ended in [read_stdin(&input), run(&["read", "--output", "json", path.to_str().unwrap()])] {
            assert_eq!((ended.code, records(&ended), &ended.stderr), (0, records(&plain), &plain.stderr));
        }
    }
}

/// Several files are one capture: a connection that goes on in the next file is one flow.
#[test]
fn files_are_read_as_one_capture() {
    let whole = scene("handshake_v4");
    let fifth = (0..5).fold(HEADERS.0, |at, _| {
        let length = u32::from_le_bytes(whole[at + 8..at + 12].try_into().unwrap());
        at + HEADERS.1 + length as usize
    });
    let (_one, first) = stored(&whole[..fifth]);
    let (_two, second) = stored(&gzip(&[&whole[..HEADERS.0], &whole[fifth..]].concat()));
    let parts = run(&["read", "--output", "json", first.to_str().unwrap(), second.to_str().unwrap()]);
    assert_eq!((parts.code, records(&parts)), (0, records(&read_stdin(&whole))), "{}", parts.stderr);
}

/// What cannot be done ends with its own status and a sentence, and nothing on standard output.
#[test]
fn failures_say_what_and_what_to_do() {
    let (folder, path) = stored(&scene("dns"));
    let good = path.to_str().unwrap();
    let (text, empty) = (folder.path().join("text"), folder.path().join("empty"));
    std::fs::write(&text, "hello\n").unwrap();
    std::fs::write(&empty, "").unwrap();
    let (text, empty) = (text.to_str().unwrap(), empty.to_str().unwrap());
    let rows: [(&[&str], i32, &str); 24] = [
        (&["read", "/nowhere/x.pcap"], 1, "cannot open /nowhere/x.pcap: No such file"),
        (&["read", "/"], 1, "cannot open /: is a directory"),
        (&["read", text], 1, "is not a capture: it begins with the bytes 68 65 6c 6c 6f 0a. Formats read: pcap"),
        (&["read", empty], 1, "is not a capture: it is empty"),
        (&["read", "-"], 1, "standard input is not a capture: it is empty"),
        (&["read", "--timeout", "upd=1s", good], 1, "there is no timeout `upd`; write it as udp=30s, with one of"),
        (&["read", "--timeout", "udp", good], 1, "there is no `=`"),
        (&["read", "--timeout", "udp=0s", good], 1, "it must be longer than 0"),
        (&["read", "--attributes", "tunel", good], 1, "did you mean tunnel"),
        (&["read", "--exclude", "no.such.*", good], 1, "--exclude no.such.*: no attribute has such a name"),
        (&["read", "--filter", "source.prot == 1", good], 1, "did you mean source.port?"),
        (&["read", "--hide-addresses", "00", good], 1, "--hide-addresses: write where the key is, file:PATH or env:"),
        (&["read", "--hide-addresses", "env:HOME", good], 1, "the key must be 32 hexadecimal digits"),
        (&["read", "--names", "host", good], 2, "hosts"),
        (&["read", "--spool-size", "1GiB", good], 2, "--spool <DIR>"),
        (
            &["read", "--otlp", "http://a", "--otlp", "http://b", "--attributes", "tunel", good],
            1,
            "did you mean tunnel",
        ),
        (&["read", "--otlp", "localhost:4317", good], 1, "did you mean `http://localhost:4317`?"),
        (&["read", "--outptu", "json", good], 2, "a similar argument exists: '--output'"),
        (&["read", "--output", "xml", good], 2, "possible values: text, json, otlp-json, none"),
        (&["read", "--community-id-seed", "70000", good], 2, "70000 is not in 0..=65535"),
        (&["read", "--color", "sometimes", good], 2, "possible values: auto, always, never"),
        (&["read"], 2, "<FILE>..."),
        (&["reed", good], 2, "a similar subcommand exists: 'read'"),
        (&["read", "-q", "-v", good], 2, "cannot be used with"),
    ];
    for (arguments, code, message) in rows {
        let ended = run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(message), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.text(), "", "{arguments:?}");
        assert!(!ended.stderr.contains("panicked"), "{arguments:?}: {}", ended.stderr);
    }
    let ended = run(&[""; 0]);
    assert_eq!((ended.code, ended.stderr.contains("Usage: flowtrace")), (2, true), "{}", ended.stderr);
}

/// Resource attributes that cannot be read are refused before anything is.
#[test]
fn wrong_environment_is_an_error() {
    let (_folder, path) = stored(&scene("dns"));
    let mut command = command(&["read", path.to_str().unwrap()]);
    command.env("OTEL_RESOURCE_ATTRIBUTES", "bad");
    let ended = run_with(command, &[]);
    assert_eq!((ended.code, ended.text()), (1, ""));
    assert!(ended.stderr.contains("OTEL_RESOURCE_ATTRIBUTES: pair 1 `bad` has no `=`"), "{}", ended.stderr);
}

/// A file that ends too early: every flow up to there, the offset, and a status of its own; the next file is read.
#[test]
fn truncation_costs_only_what_is_behind_it() {
    let flows = 50;
    let content = pcap(&many_flows(flows));
    let record = (content.len() - HEADERS.0) / flows as usize;
    let kept = 30;
    let offset = HEADERS.0 + kept * record;
    for cut in [offset + 1, offset + HEADERS.1, offset + record - 1] {
        let (_folder, path) = stored(&content[..cut]);
        let (_other, good) = stored(&scene("pings"));
        let ended = run(&["read", "--output", "json", path.to_str().unwrap(), good.to_str().unwrap()]);
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        assert_eq!(records(&ended).len(), kept + 3);
        assert!(ended.stderr.contains(&format!("byte {offset}: the file is cut short")), "{}", ended.stderr);
    }
    let squeezed = gzip(&content);
    let ended = read_stdin(&squeezed[..squeezed.len() - 20]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(!records(&ended).is_empty() && ended.stderr.contains("of what gzip decompresses to"), "{}", ended.stderr);
}

/// A record that cannot be, in the middle of a file.
#[test]
fn damage_costs_only_what_is_behind_it() {
    let mut content = pcap(&many_flows(50));
    let record = (content.len() - HEADERS.0) / 50;
    let offset = HEADERS.0 + 30 * record;
    content[offset + 8..offset + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let ended = read_stdin(&content);
    assert_eq!((ended.code, records(&ended).len()), (3, 30), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("standard input: byte {offset}: the file is damaged")), "{}", ended.stderr);
}

/// One file that is not there does not keep the others from being read.
#[test]
fn a_missing_file_is_an_error_and_the_rest_is_read() {
    let (_folder, path) = stored(&scene("pings"));
    let ended = run(&["read", "--output", "json", "/nowhere/x.pcap", path.to_str().unwrap()]);
    assert_eq!((ended.code, records(&ended).len()), (1, 3), "{}", ended.stderr);
    assert!(ended.stderr.contains("/nowhere/x.pcap"));
}

/// `| head -1`.
#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let (_folder, path) = stored(&pcap(&many_flows(20_000)));
    for output in ["text", "json", "otlp-json"] {
        let mut child = command(&["read", "--output", output, path.to_str().unwrap()]).spawn().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        assert!(reader.read_line(&mut String::new()).unwrap() > 0);
        drop(reader);
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{output}: {errors}");
        assert!(!errors.contains("ipe") && !errors.contains("panicked"), "{output}: {errors}");
    }
}

/// A full disk is no quiet end.
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let (_folder, path) = stored(&scene("dns"));
    let mut command = command(&["read", path.to_str().unwrap()]);
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    let ended = run_with(command, &[]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("No space left on device"), "{}", ended.stderr);
}

/// Records and nothing else on standard output, whatever else is said; with `--quiet` nothing else is.
#[test]
fn standard_output_is_for_records() {
    let content = scene("vlan");
    let plain = read_stdin(&content);
    for extra in [&["--quiet"][..], &["-v"], &["-vvv"], &[]] {
        let arguments = [&["read", "--output", "json", "-"], extra].concat();
        let ended = run_with(command(&arguments), &content);
        assert_eq!((ended.code, records(&ended)), (0, records(&plain)), "{extra:?}");
        assert_eq!(ended.stderr.is_empty(), extra == ["--quiet"], "{extra:?}: {}", ended.stderr);
    }
    let none = run_with(command(&["read", "--output", "none", "-"]), &content);
    assert_eq!((none.code, none.text(), &none.stderr), (0, "", &plain.stderr));
}

/// Text is what is written without options: names of columns, a line a record, colours only when asked.
#[test]
fn text_is_the_default() {
    let content = scene("refused");
    let plain = run_with(command(&["read", "-"]), &content);
    let lines: Vec<_> = plain.text().lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("TIME ") && lines[1].ends_with("refused"), "{lines:?}");
    assert!(!plain.text().contains('\x1b'));
    let coloured = run_with(command(&["read", "--color", "always", "-"]), &content);
    assert!(coloured.text().contains("\x1b[31m"));
}

/// The seed of the Community ID is an option.
#[test]
fn the_seed_changes_the_community_id() {
    let content = scene("handshake_v4");
    let id = |seed: &str| {
        let ended = run_with(command(&["read", "--output", "json", "--community-id-seed", seed, "-"]), &content);
        Span::parse_all(ended.text()).unwrap()[0].text("flow.community_id").to_owned()
    };
    assert_eq!(id("0"), Span::parse_all(read_stdin(&content).text()).unwrap()[0].text("flow.community_id"));
    assert_ne!(id("0"), id("1"));
}

/// Every command explains itself.
#[test]
fn help_is_there() {
    for (arguments, words) in [
        (&["--help"][..], &["Exit status:", "run", "read"][..]),
        (&["read", "--help"], &["Examples:", "--output", "--otlp", "--timeout", "--attributes", "--community-id-seed"]),
        (&["run", "--help"], &["Examples:", "--interface", "--max-flows", "--output", "--otlp", "--timeout"]),
        (&["--version"], &[env!("CARGO_PKG_VERSION")]),
    ] {
        let ended = run(arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}");
        for word in words {
            assert!(ended.text().contains(word), "{word} in {}", ended.text());
        }
    }
}

/// Nobody listens: the records are lost, which the status says.
#[test]
fn what_is_not_delivered_is_said() {
    let content = scene("pings");
    let ended = run_with(command(&["read", "--otlp", "http://127.0.0.1:1", "-"]), &content);
    assert_eq!((ended.code, ended.text()), (4, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("otlp: sent=0 rejected=0") && ended.stderr.contains("refused"), "{}", ended.stderr);
}

/// Each output has its own filter; what it leaves out is counted, and is no loss.
#[test]
fn each_output_has_its_filter() {
    let content = scene("pings");
    let filters = ["--filter", "network.type == \"ipv4\"", "--otlp", "http://127.0.0.1:1"];
    let other = ["--otlp", "http://127.0.0.1:2", "--filter", "source.port == 1", "--output", "json", "-"];
    let ended = run_with(command(&[&["read"], &filters[..], &other].concat()), &content);
    let all = run_with(command(&["read", "--output", "json", "-"]), &content);
    let (kept, lines) = (ended.text().lines().count(), all.text().lines().count());
    assert!(0 < kept && kept < lines, "{}", ended.stderr);
    assert!(ended.text().lines().all(|line| line.contains("\"network.type\":\"ipv4\"")));
    for line in [
        format!("filtered: records={}", lines - kept),
        format!("filtered={} to http://127.0.0.1:1", lines - kept),
        format!(
            "sent=0 rejected=0 queue_full=0 refused=0 too_large=0 unreachable=0 shutdown=0 filtered={lines} to http"
        ),
    ] {
        assert!(ended.stderr.contains(&line), "{line} in {}", ended.stderr);
    }
}

/// The same address has the same pseudonym; nothing of it is left, nor of what would tell it.
#[test]
fn hidden_addresses_are_nowhere() {
    let content = scene("pings");
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "000102030405060708090a0b0c0d0e0f\n").unwrap();
    let key = format!("file:{}", key.display());
    let lines = |options: &[&str]| {
        let ended = run_with(
            command(&[&["read", "--output", "json", "--attributes", "all"], options, &["-"]].concat()),
            &content,
        );
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        ended.text().lines().map(parse).collect::<Vec<_>>()
    };
    let (plain, hidden) = (lines(&[]), lines(&["--hide-addresses", &key]));
    assert_eq!(plain.len(), hidden.len());
    let mut pseudonyms = std::collections::BTreeMap::new();
    for (plain, hidden) in plain.iter().zip(&hidden) {
        for end in ["source.address", "destination.address"] {
            let (address, pseudonym) = (&plain["attributes"][end], &hidden["attributes"][end]);
            let address = address.as_str().unwrap();
            assert!(pseudonym.as_str().unwrap().starts_with("2001:db8:"), "{hidden}");
            assert!(!hidden.to_string().contains(&format!("\"{address}\"")), "{address} in {hidden}");
            assert_eq!(pseudonyms.entry(address.to_owned()).or_insert(pseudonym), &pseudonym);
        }
        assert_ne!(plain["trace_id"], hidden["trace_id"]);
        assert_ne!(plain["attributes"]["flow.community_id"], hidden["attributes"]["flow.community_id"]);
        assert_eq!(hidden["attributes"]["network.interface.mac"], serde_json::Value::Null);
    }
}

/// The receiver of the environment is one like that of `--otlp`.
#[test]
fn the_environment_names_a_receiver() {
    let mut command = command(&["read", "-"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:1").env("OTEL_EXPORTER_OTLP_INSECURE", "true");
    let ended = run_with(command, &scene("pings"));
    assert_eq!((ended.code, ended.text()), (4, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("otlp: sent=0 rejected=0"), "{}", ended.stderr);
}

/// A secret is never repeated, whatever is wrong.
#[test]
fn secrets_are_not_repeated() {
    let content = scene("pings");
    for (options, message) in [
        (["--otlp-bearer", "sesame"], "--otlp-bearer: write where the secret is"),
        (["--otlp-header", "sesame"], "--otlp-header: write it as NAME=VALUE"),
        (["--otlp-header", "x=se\nsame"], "the value of the header `x`"),
    ] {
        let options = [&["read", "--otlp", "http://127.0.0.1:1"][..], &options, &["-"]].concat();
        let ended = run_with(command(&options), &content);
        assert!(ended.code == 1 && ended.stderr.contains(message), "{} {}", ended.code, ended.stderr);
        assert!(!ended.stderr.contains("same"), "{}", ended.stderr);
    }
}

/// SIGINT and SIGTERM end the reading of a pipe that stays open; every flow is written.
#[test]
fn a_signal_closes_every_flow() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut command = command(&["read", "--output", "json", "-"]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // A pipe holds 64 KiB: when this is written, most was read.
        input.write_all(&pcap(&many_flows(3_000))).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        let (mut output, mut errors) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{signal}: {status}: {errors}");
        let spans = Span::parse_all(&output).unwrap();
        assert!(spans.len() > 1_000, "{signal}: {} records", spans.len());
        assert!(spans.iter().all(|span| span.text("flow.end_reason") == "forced_end"), "{signal}");
        drop(input);
    }
}

/// A configuration file says what options say; what is wrong with it is told before anything is read, with its place.
#[test]
fn options_may_stand_in_a_file() {
    let (folder, path) = stored(&scene("pings"));
    let file = folder.path().join("flowtrace.yaml");
    let (capture, config) = (path.to_str().unwrap(), file.to_str().unwrap());
    let default = run(&["config", "default"]);
    assert_eq!((default.code, default.stderr.as_str()), (0, ""));
    std::fs::write(&file, &default.stdout).unwrap();
    let right = run(&["config", "check", config]);
    assert_eq!((right.code, right.stderr.ends_with("is right\n")), (0, true), "{}", right.stderr);
    let plain = run(&["read", capture]);
    let configured = run(&["read", "--config", config, capture]);
    assert_eq!((configured.code, configured.text(), &configured.stderr), (0, plain.text(), &plain.stderr));

    std::fs::write(&file, "output: {format: json}\nfilter: network.type == \"ipv6\"\n").unwrap();
    let mut by_variable = command(&["read", "--filter", "network.type == \"ipv4\"", capture]);
    by_variable.env("FLOWTRACE_CONFIG", config);
    let by_variable = run_with(by_variable, &[]);
    assert_eq!(by_variable.code, 0, "{}", by_variable.stderr);
    assert!(by_variable.text().starts_with('{') && by_variable.text().contains("\"ipv4\""), "{}", by_variable.text());
    assert!(!by_variable.text().contains("\"ipv6\""), "the command line goes above the file");

    std::fs::write(&file, "otlp:\n- endpoint: http://127.0.0.1:1\n  filtre: 'true'\n").unwrap();
    let message = format!("flowtrace: {config}:3:3: there is no key `filtre`; did you mean `filter`?\n");
    for arguments in
        [&["config", "check", config][..], &["run", "--config", config], &["read", "--config", config, capture]]
    {
        let ended = run(arguments);
        assert_eq!((ended.code, ended.text()), (1, ""), "{arguments:?}");
        assert!(ended.stderr.starts_with(&message) && ended.stderr.ends_with("|   ^^^^^^\n"), "{}", ended.stderr);
    }
    let schema = run(&["config", "schema"]);
    assert!(schema.text().contains("\"scan_interval\"") && schema.code == 0);
    let nothing = run(&["config", "check"]);
    assert!(nothing.code == 1 && nothing.stderr.contains("FLOWTRACE_CONFIG"), "{}", nothing.stderr);
}
