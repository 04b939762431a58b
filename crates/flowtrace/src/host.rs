//! What this host says of itself.

use std::fs;
use std::ops::RangeInclusive;

use crate::cli::kubernetes::KubernetesOptions;
use crate::kubernetes;
use flowtrace_span::{Environment, EnvironmentError, Facts, Resource, random_instance};

/// The resource of all spans. A reader of files has no `instance`: the same file gives the same spans.
pub fn resource(instance: Option<String>, kubernetes: &KubernetesOptions) -> Result<Resource, EnvironmentError> {
    let system = rustix::system::uname();
    let text = |value: &std::ffi::CStr| value.to_str().ok().map(str::to_owned);
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let facts = Facts {
        instance,
        host_name: host_name(),
        host_id: host_id(),
        cluster_name: kubernetes::cluster_name(kubernetes),
        node_name: kubernetes::node_name(kubernetes),
        host_arch: Some(architecture().to_owned()),
        os_type: Some("linux".to_owned()),
        os_name: os_release(&release, "NAME"),
        os_version: os_release(&release, "VERSION_ID"),
        os_description: match (text(system.release()), os_release(&release, "PRETTY_NAME")) {
            (Some(kernel), Some(name)) => Some(format!("{name}, Linux {kernel}")),
            (kernel, name) => name.or(kernel),
        },
        ..Facts::default()
    };
    let (name, attributes) = (std::env::var("OTEL_SERVICE_NAME").ok(), std::env::var("OTEL_RESOURCE_ATTRIBUTES").ok());
    Resource::new(&facts, Environment { service_name: name.as_deref(), attributes: attributes.as_deref() })
}

/// A name for this run of the program.
pub fn instance() -> String {
    random_instance(random())
}

/// Who observes: the host's id, else its name.
pub fn observer() -> String {
    host_id().or_else(host_name).unwrap_or_else(|| "unknown".to_owned())
}

/// The range of ports that this host gives its clients (`net.ipv4.ip_local_port_range`, IPv6 included).
pub fn ephemeral_ports() -> RangeInclusive<u16> {
    /// The kernel's default.
    const DEFAULT: RangeInclusive<u16> = 32_768..=60_999;
    let Ok(text) = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range") else { return DEFAULT };
    let mut ports = text.split_whitespace().map_while(|port| port.parse().ok());
    match (ports.next(), ports.next()) {
        (Some(first), Some(last)) if first <= last => first..=last,
        _ => DEFAULT,
    }
}

fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.trim().to_owned();
    (!name.is_empty() && name != "(none)").then_some(name)
}

fn host_id() -> Option<String> {
    let id = fs::read_to_string("/etc/machine-id").ok()?.trim().to_owned();
    (!id.is_empty() && id != "uninitialized").then_some(id)
}

/// OpenTelemetry's names of architectures.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "x86",
        other => other,
    }
}

/// A value of `/etc/os-release` (os-release(5)).
fn os_release(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty()).is_err() {
        bytes[..4].copy_from_slice(&std::process::id().to_ne_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_values_lose_their_quotes() {
        let text = "PRETTY_NAME=\"Debian 12\"\nNAME='Debian'\nVERSION_ID=12\nEMPTY=\n";
        assert_eq!(os_release(text, "PRETTY_NAME").as_deref(), Some("Debian 12"));
        assert_eq!(os_release(text, "NAME").as_deref(), Some("Debian"));
        assert_eq!(os_release(text, "VERSION_ID").as_deref(), Some("12"));
        assert_eq!(os_release(text, "EMPTY"), None);
        assert_eq!(os_release(text, "ID"), None);
    }
}
