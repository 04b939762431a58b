//! Captures of our own with snapshots of what the program writes of them.
//!
//! The captures are made by code and committed, so that they can be looked at with other programs; a test makes them
//! again. After a change that is meant: `cargo insta review`, or run the tests with `INSTA_UPDATE=always`.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::path::{Path, PathBuf};

use flowtrace_tests::files::scenes::{SCENES, Scene};
use flowtrace_tests::files::span::Span;
use flowtrace_tests::files::summary::Summary;
use flowtrace_tests::files::{program, text};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

fn path(scene: &Scene) -> PathBuf {
    folder().join(format!("{}.pcap", scene.name))
}

#[test]
fn captures_are_what_the_code_makes() {
    let stale = SCENES.iter().filter(|scene| std::fs::read(path(scene)).ok() != Some(scene.file()));
    let repaired: Vec<_> = stale.map(|scene| std::fs::write(path(scene), scene.file()).map(|()| scene.name)).collect();
    assert!(repaired.is_empty(), "captures were not up to date and have been written again: {repaired:?}");
}

/// Flows, ends and losses as told by hand.
#[test]
fn records_show_what_they_must() {
    for scene in SCENES {
        let run = program::read(&["--output", "json"], &path(&scene));
        assert_eq!(run.code, 0, "{}: {}", scene.name, run.stderr);
        let spans = Span::parse_all(run.text()).unwrap();
        let shown: Vec<_> = spans.iter().map(shown).collect();
        assert_eq!(shown, scene.shows, "{}", scene.name);
        let losses = Summary::parse(&run.stderr).unwrap().losses;
        let losses: Vec<_> = losses.iter().map(|(reason, packets)| (reason.as_str(), *packets)).collect();
        assert_eq!(losses, scene.losses, "{}", scene.name);
    }
}

fn shown(span: &Span) -> String {
    let line = format!(
        "{} {}/{} {} {}",
        span.text("network.transport"),
        span.count("flow.packets.delta"),
        span.count("flow.reverse.packets.delta"),
        span.text("flow.end_reason"),
        span.text("error.type"),
    );
    line.trim_end().to_owned()
}

/// All there is to see of each capture, in every form.
#[test]
fn output_is_as_before() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for scene in SCENES {
            for (form, depth) in [("text", 0), ("json", 2), ("otlp-json", 8)] {
                let run = program::read(&["--output", form], &path(&scene));
                let lines: Vec<_> = run.text().lines().map(|line| text::broken(&text::mask(line), depth)).collect();
                let all = format!("{}\n--- standard error\n{}", lines.join("\n"), run.stderr);
                insta::assert_snapshot!(format!("{}.{form}", scene.name), all);
            }
        }
    });
}
