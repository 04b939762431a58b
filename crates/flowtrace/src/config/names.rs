//! The names that options with several values know.

use std::time::Duration;

use flowtrace_flow::Settings;
use flowtrace_kubernetes::Names;
use flowtrace_wire::Service;

use super::keys::Known;
use crate::settings::TIMEOUTS;

/// The timeouts, with their defaults.
pub fn timeouts() -> Vec<Known> {
    let mut settings = Settings::default();
    let known = TIMEOUTS.iter().map(|(name, place)| {
        let default = humantime::format_duration(Duration::from_nanos(*place(&mut settings)));
        // `1m` is right, but the other documents say 60s.
        let default = if default.to_string() == "1m" { "60s".to_owned() } else { default.to_string() };
        Known { name: (*name).to_owned(), of_option: (*name).to_owned(), default: vec![default] }
    });
    known.collect()
}

/// The services that are known by UDP ports, with those.
pub fn udp_ports() -> Vec<Known> {
    let known = |service: Service| Known {
        name: service.name().replace('-', "_"),
        of_option: service.name().to_owned(),
        default: service.default_ports().iter().map(u16::to_string).collect(),
    };
    Service::ALL.into_iter().map(known).collect()
}

/// How ends are named in Kubernetes.
pub fn name_forms() -> Vec<Known> {
    let Names { pod, service, node, .. } = Names::default();
    let known =
        |(name, form): (&str, String)| Known { name: name.to_owned(), of_option: name.to_owned(), default: vec![form] };
    [("pod", pod), ("service", service), ("node", node)].into_iter().map(known).collect()
}
