//! Who reports: the resource of all spans, from the facts of the host and the `OTEL_*` variables.

mod environment;

pub use environment::EnvironmentError;

use crate::scope;

/// The attributes of the reporting program, each name once, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    attributes: Vec<(String, ResourceValue)>,
}

/// A value of a resource attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceValue {
    /// Text.
    Text(String),
    /// A number.
    Integer(i64),
    /// Several texts.
    Texts(Vec<String>),
}

/// What the program knows about itself and its host. What is absent is left out of the resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `service.name`; `flowtrace` when absent.
    pub service_name: Option<String>,
    /// `service.instance.id`, see [`random_instance`].
    pub instance: Option<String>,
    /// `host.name`.
    pub host_name: Option<String>,
    /// `host.id`: the content of `/etc/machine-id`.
    pub host_id: Option<String>,
    /// `k8s.cluster.name`.
    pub cluster_name: Option<String>,
    /// `k8s.node.name`.
    pub node_name: Option<String>,
    /// `host.arch`, as OpenTelemetry spells it (`amd64`, `arm64`, …).
    pub host_arch: Option<String>,
    /// `os.type` (`linux`).
    pub os_type: Option<String>,
    /// `os.name`: the distribution.
    pub os_name: Option<String>,
    /// `os.version`: the distribution's version.
    pub os_version: Option<String>,
    /// `os.description`: kernel and distribution in words.
    pub os_description: Option<String>,
}

/// The `OTEL_*` variables that speak of the resource; an empty variable counts as absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Environment<'a> {
    /// `OTEL_SERVICE_NAME`.
    pub service_name: Option<&'a str>,
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    pub attributes: Option<&'a str>,
}

impl Resource {
    /// The resource of these facts. The environment wins over the facts, and `OTEL_SERVICE_NAME` over
    /// `OTEL_RESOURCE_ATTRIBUTES`, as the OpenTelemetry specification has it.
    pub fn new(facts: &Facts, environment: Environment<'_>) -> Result<Self, EnvironmentError> {
        let mut resource = Self::default();
        resource.set("service.name", ResourceValue::from(facts.service_name.as_deref().unwrap_or(scope::NAME)));
        let optional = [
            ("service.instance.id", &facts.instance),
            ("host.name", &facts.host_name),
            ("host.id", &facts.host_id),
            ("k8s.cluster.name", &facts.cluster_name),
            ("k8s.node.name", &facts.node_name),
            ("host.arch", &facts.host_arch),
            ("os.type", &facts.os_type),
            ("os.name", &facts.os_name),
            ("os.version", &facts.os_version),
            ("os.description", &facts.os_description),
        ];
        for (name, value) in optional {
            if let Some(value) = value.as_deref().map(str::trim).filter(|value| !value.is_empty()) {
                resource.set(name, ResourceValue::from(value));
            }
        }
        resource.set("telemetry.sdk.name", ResourceValue::from(scope::NAME));
        resource.set("telemetry.sdk.language", ResourceValue::from("rust"));
        resource.set("telemetry.sdk.version", ResourceValue::from(scope::VERSION));
        for (name, value) in environment::parse(environment.attributes.unwrap_or_default())? {
            resource.set(&name, ResourceValue::Text(value));
        }
        if let Some(name) = environment.service_name.filter(|name| !name.is_empty()) {
            resource.set("service.name", ResourceValue::from(name));
        }
        Ok(resource)
    }

    /// Gives an attribute its value; one that is there keeps its place.
    pub fn set(&mut self, name: &str, value: ResourceValue) {
        match self.attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.attributes.push((name.to_owned(), value)),
        }
    }

    /// The attributes in order.
    pub fn attributes(&self) -> &[(String, ResourceValue)] {
        &self.attributes
    }
}

impl From<&str> for ResourceValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A `service.instance.id`: a UUID of version 4 (RFC 9562, section 5.4) from random bytes. Random and new at every
/// start, as OpenTelemetry recommends: two programs on one host must differ, and process ids repeat in containers.
pub fn random_instance(mut random: [u8; 16]) -> String {
    random[6] = random[6] & 0x0f | 0x40;
    random[8] = random[8] & 0x3f | 0x80;
    let mut hex = Vec::with_capacity(36);
    for (index, byte) in random.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            hex.push(b'-');
        }
        crate::hex::put(&mut hex, &[*byte]);
    }
    String::from_utf8_lossy(&hex).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'a>(resource: &'a Resource, name: &str) -> Option<&'a ResourceValue> {
        resource.attributes().iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    #[test]
    fn facts_come_in_order_and_absent_ones_do_not() {
        let facts = Facts {
            host_name: Some("node-7\n".into()),
            host_id: Some(String::new()),
            os_type: Some("linux".into()),
            ..Facts::default()
        };
        let resource = Resource::new(&facts, Environment::default()).unwrap();
        let names: Vec<_> = resource.attributes().iter().map(|(name, _)| name.as_str()).collect();
        let sdk = ["telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version"];
        assert_eq!(names, [&["service.name", "host.name", "os.type"][..], &sdk].concat());
        assert_eq!(get(&resource, "host.name"), Some(&"node-7".into()));
    }

    #[test]
    fn the_most_explicit_service_name_wins() {
        let rows = [
            (None, None, None, "flowtrace"),
            (Some("given"), None, None, "given"),
            (Some("given"), Some("service.name=listed"), None, "listed"),
            (Some("given"), Some("service.name=listed"), Some("named"), "named"),
            (Some("given"), None, Some(""), "given"),
        ];
        for (given, attributes, service_name, expected) in rows {
            let facts = Facts { service_name: given.map(Into::into), ..Facts::default() };
            let resource = Resource::new(&facts, Environment { service_name, attributes }).unwrap();
            assert_eq!(get(&resource, "service.name"), Some(&expected.into()));
            assert_eq!(resource.attributes()[0].0, "service.name");
        }
    }

    #[test]
    fn instances_are_uuids_of_version_4() {
        assert_eq!(random_instance([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(random_instance([0x00; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
