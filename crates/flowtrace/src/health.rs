//! Health, true to the facts: alive, started, ready, and what there is to say against it.

use std::time::Instant;

use serde_json::{Value, json};

use crate::metrics::{Published, Snapshot};

/// An answer: whether it is so, and the body that says why.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Whether it is so.
    pub is_well: bool,
    /// `{"status": "…", "reasons": [{"component": "…", "is_fatal": …, "message": "…"}]}`
    pub body: Value,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq)]
struct Reason {
    component: String,
    /// Whether it makes the answer a no.
    is_fatal: bool,
    message: String,
}

impl Reason {
    fn fatal(component: &str, message: String) -> Self {
        Self { component: component.to_owned(), is_fatal: true, message }
    }

    fn known(component: String, message: String) -> Self {
        Self { component, is_fatal: false, message }
    }
}

/// Whether the main loop goes round. While it starts it is alive, and while it ends.
pub fn live(published: &Published, now: Instant) -> Health {
    health("alive", "stuck", stuck(published, published.latest().as_deref(), now).into_iter().collect())
}

/// Whether the programs are loaded and a first scan was made.
pub fn started(published: &Published) -> Health {
    health("started", "starting", starting(published.latest().as_deref()).into_iter().collect())
}

/// Whether flows are recorded. What is missing around that is said, and does not matter: nobody is to restart the
/// program because a receiver is away.
pub fn ready(published: &Published, now: Instant) -> Health {
    let latest = published.latest();
    let latest = latest.as_deref();
    let ending = published.is_ending().then(|| Reason::fatal("main", "it is ending".to_owned()));
    let mut reasons: Vec<_> = ending.into_iter().chain(starting(latest)).chain(stuck(published, latest, now)).collect();
    reasons.extend(latest.into_iter().flat_map(|latest| around(latest, now)));
    let troubles = published.kubernetes.iter().flat_map(|progress| progress.troubles());
    reasons.extend(troubles.map(|(kind, trouble)| Reason::known(format!("kubernetes {}", kind.name()), trouble)));
    health("ready", "not ready", reasons)
}

fn health(yes: &str, no: &str, reasons: Vec<Reason>) -> Health {
    let is_well = !reasons.iter().any(|reason| reason.is_fatal);
    let reasons: Vec<_> = reasons
        .into_iter()
        .map(|Reason { component, is_fatal, message }| json!({ "component": component, "is_fatal": is_fatal, "message": message }))
        .collect();
    Health { is_well, body: json!({ "status": if is_well { yes } else { no }, "reasons": reasons }) }
}

fn starting(latest: Option<&Snapshot>) -> Option<Reason> {
    latest.is_none().then(|| Reason::fatal("main", "the kernel programs are being loaded".to_owned()))
}

fn stuck(published: &Published, latest: Option<&Snapshot>, now: Instant) -> Option<Reason> {
    let silent = now.saturating_duration_since(latest?.at);
    let is_stuck = silent > published.patience && !published.is_ending();
    is_stuck.then(|| Reason::fatal("main", format!("the last scan was {} s ago", silent.as_secs())))
}

/// Of interfaces and outputs.
fn around(latest: &Snapshot, now: Instant) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if latest.interfaces == 0 {
        reasons.push(Reason::fatal("interfaces", "the kernel programs are attached to no interface".to_owned()));
    }
    // The table begins to end the idlest flows early.
    if latest.kernel_flows * 10 >= latest.kernel_flows_max * 9 {
        let (flows, most) = (latest.kernel_flows, latest.kernel_flows_max);
        reasons.push(Reason::known("kernel".to_owned(), format!("{flows} flows, and room for {most} (--max-flows)")));
    }
    for output in &latest.outputs {
        if let Some(down) = output.exporter.as_ref().and_then(|exporter| exporter.down) {
            let since = now.saturating_duration_since(down).as_secs();
            reasons.push(Reason::known(output.name.clone(), format!("it takes no spans since {since} s")));
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::sample;

    fn messages(health: &Health) -> Vec<String> {
        let reasons = health.body["reasons"].as_array().expect("a list");
        reasons.iter().map(|reason| reason["message"].as_str().expect("text").to_owned()).collect()
    }

    #[test]
    fn before_the_first_scan_it_is_alive_and_nothing_else() {
        let (published, now) = (Published::new(Duration::from_secs(1), None), Instant::now());
        assert!(live(&published, now).is_well && !started(&published).is_well && !ready(&published, now).is_well);
        assert_eq!(messages(&ready(&published, now)), ["the kernel programs are being loaded"]);
    }

    #[test]
    fn what_makes_it_not_ready_and_what_does_not() {
        type Change = fn(&mut Snapshot);
        let table: [(Change, bool, &[&str]); 4] = [
            (|_| {}, true, &[]),
            (|snapshot| snapshot.interfaces = 0, false, &["the kernel programs are attached to no interface"]),
            (|snapshot| snapshot.kernel_flows = 90, true, &["90 flows, and room for 100 (--max-flows)"]),
            (
                |snapshot| {
                    let exporter = snapshot.outputs.iter_mut().find_map(|output| output.exporter.as_mut());
                    exporter.expect("one receiver").down = Some(snapshot.at);
                },
                true,
                &["it takes no spans since 3 s"],
            ),
        ];
        for (change, is_ready, expected) in table {
            let published = Published::new(Duration::from_secs(1), None);
            let mut snapshot = sample::snapshot();
            snapshot.kernel_flows_max = 100;
            change(&mut snapshot);
            let now = snapshot.at + Duration::from_secs(3);
            published.put(snapshot);
            let ready = ready(&published, now);
            assert_eq!(
                (ready.is_well, messages(&ready)),
                (is_ready, expected.iter().map(ToString::to_string).collect())
            );
            assert!(started(&published).is_well && live(&published, now).is_well);
        }
    }

    #[test]
    fn a_main_loop_that_does_not_go_round_is_not_alive_unless_it_is_ending() {
        let published = Published::new(Duration::from_secs(2), None);
        let snapshot = sample::snapshot();
        let at = snapshot.at;
        published.put(snapshot);
        for (seconds, is_alive) in [(0, true), (20, true), (21, false)] {
            let now = at + Duration::from_secs(seconds);
            assert_eq!(
                (live(&published, now).is_well, ready(&published, now).is_well),
                (is_alive, is_alive),
                "{seconds}"
            );
        }
        published.end();
        let now = at + Duration::from_secs(21);
        assert!(live(&published, now).is_well && !ready(&published, now).is_well);
        assert_eq!(messages(&ready(&published, now)), ["it is ending"]);
    }
}
