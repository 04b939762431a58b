//! Captures nobody here made, against the flows that tshark sees in them.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::process::{Command, Stdio};

use flowtrace_tests::files::compare::{Verdict, compare};
use flowtrace_tests::files::corpus::differences::{DIFFERENCES, Difference, WITHOUT_TRUTH};
use flowtrace_tests::files::corpus::{Capture, captures};
use flowtrace_tests::files::span::Span;
use flowtrace_tests::files::{each, is_ci, program, say};

/// Every so many files, the corpus' own script is asked too.
const SAMPLE: usize = 6;

fn judged(capture: &Capture) -> (Verdict, Vec<u8>) {
    let run = program::read(&["--output", "json", "--quiet"], &capture.path);
    assert!(matches!(run.code, 0 | 1 | 3), "{}: status {}: {}", capture.name, run.code, run.stderr);
    let spans = Span::parse_all(run.text()).unwrap_or_else(|error| panic!("{}: {error}", capture.name));
    let verdict = compare(&capture.truth, &spans).unwrap_or_else(|error| panic!("{}: {error}", capture.name));
    (verdict, run.stdout)
}

/// Every file agrees with its truth or is on one of the two lists, and every file on them differs.
#[test]
fn flows_are_those_of_the_truth() {
    let captures = captures();
    if captures.is_empty() {
        return;
    }
    let verdicts = each(&captures, judged);
    let mut wrong = Vec::new();
    let mut differ = [0, 0];
    for (capture, (verdict, _)) in captures.iter().zip(&verdicts) {
        let is_listed = [
            DIFFERENCES.iter().any(|difference| difference.file == capture.name),
            WITHOUT_TRUTH.iter().any(|(file, _)| *file == capture.name),
        ];
        if is_listed[usize::from(capture.has_truth())] {
            wrong.push(format!("{}: on the other list, since its truth is {}", capture.name, capture.has_truth()));
        }
        match (verdict.agrees(), is_listed[0] || is_listed[1]) {
            (true, true) => wrong.push(format!("{}: agrees, and is on a list all the same", capture.name)),
            (false, false) => {
                wrong.push(format!("{}: {}; {}", capture.name, verdict.line, verdict.differences.join("; ")));
            }
            (agrees, _) => differ[usize::from(!capture.has_truth())] += usize::from(!agrees),
        }
    }
    let agree = verdicts.iter().filter(|(verdict, _)| verdict.agrees()).count();
    say(&format!(
        "corpus: {} files: {agree} agree, {} differ with a reason, {} of those that have no defined truth",
        captures.len(),
        differ[0],
        differ[1],
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(differ, [DIFFERENCES.len(), WITHOUT_TRUTH.len()], "files on the lists are in the corpus");
}

/// The list is short, and says why.
#[test]
fn differences_are_few_and_explained() {
    assert!(DIFFERENCES.len() <= 10);
    for difference in DIFFERENCES {
        let Difference { file, packets, tshark, flowtrace, decides } = &difference;
        assert!([tshark, flowtrace].iter().all(|text| text.len() > 5) && !packets.is_empty(), "{file}");
        assert!(decides.contains("RFC"), "{file}");
    }
}

/// The judgement above is the script's.
#[test]
fn the_comparison_is_that_of_the_corpus() {
    let captures: Vec<_> = captures().into_iter().step_by(SAMPLE).collect();
    if let Err(error) = Command::new("python3").arg("--version").output() {
        say(&format!("NOT TESTED against compare.py of the corpus: python3: {error}"));
        assert!(!is_ci(), "python3 is needed");
        return;
    }
    let checked = each(&captures, |capture| {
        let (verdict, output) = judged(capture);
        let folder = capture.truth_path.ancestors().nth(3).expect("corpus/truth/GROUP/FILE");
        let mut command = Command::new("python3");
        command.arg(folder.join("compare.py")).arg(&capture.truth_path).stdout(Stdio::piped());
        // Of an empty input nothing needs to be written.
        let script = program::run_with(command, &output);
        let line = String::from_utf8_lossy(&script.stdout);
        let line = line.trim().split(';').next().unwrap_or_default().to_owned();
        assert_eq!((verdict.line, i32::from(!verdict.differences.is_empty())), (line, script.code), "{}", capture.name);
    });
    say(&format!("corpus: compare.py says the same of {} files", checked.len()));
}

/// The comparison finds what is wrong: one packet, one byte, one flag, another sender.
#[test]
fn the_comparison_sees_every_difference() {
    let truth = serde_json::json!({"flows": [{
        "src": "192.0.2.1", "dst": "192.0.2.2", "sport": 5, "dport": 6, "proto": 6, "community_id": "1:x",
        "fwd": {"packets": 2, "bytes_ip": 80, "tcp_flags": 18}, "rev": {"packets": 0},
    }]});
    let line = |packets: u64, bytes: u64, flags: u64, port: u64| {
        let attributes = serde_json::json!({
            "flow.community_id": "1:x", "network.transport": "tcp", "source.address": "192.0.2.1", "source.port": port,
            "destination.address": "192.0.2.2", "destination.port": 6, "flow.packets.delta": packets,
            "flow.bytes.delta": bytes, "flow.tcp.flags.bits": flags,
        });
        Span::parse(&serde_json::json!({"attributes": attributes, "resource": {}}).to_string()).unwrap()
    };
    let whole = line(2, 80, 18, 5);
    assert!(compare(&truth, &[whole]).unwrap().agrees());
    assert!(compare(&truth, &[line(1, 40, 2, 5), line(1, 40, 16, 5)]).unwrap().agrees(), "records are summed");
    for wrong in [line(3, 80, 18, 5), line(2, 81, 18, 5), line(2, 80, 2, 5), line(2, 80, 18, 7)] {
        assert!(!compare(&truth, std::slice::from_ref(&wrong)).unwrap().agrees(), "{}", wrong.line);
    }
    assert!(!compare(&truth, &[]).unwrap().agrees());
}
