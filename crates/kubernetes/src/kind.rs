//! The kinds of objects that are watched.

use flowtrace_flow::workload::OwnerKind;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Pods.
    Pod,
    /// Services.
    Service,
    /// The endpoints of services, in slices.
    EndpointSlice,
    /// Nodes.
    Node,
    /// Namespaces.
    Namespace,
    /// Replica sets.
    ReplicaSet,
    /// Deployments.
    Deployment,
    /// Stateful sets.
    StatefulSet,
    /// Daemon sets.
    DaemonSet,
    /// Jobs.
    Job,
    /// Cron jobs.
    CronJob,
    /// Network policies.
    NetworkPolicy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Pod,
        Self::Service,
        Self::EndpointSlice,
        Self::Node,
        Self::Namespace,
        Self::ReplicaSet,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
        Self::NetworkPolicy,
    ];

    /// How objects of the kind name it, as in `ownerReferences`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Node => "Node",
            Self::Namespace => "Namespace",
            Self::ReplicaSet => "ReplicaSet",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::NetworkPolicy => "NetworkPolicy",
        }
    }

    /// How the paths of the API name it.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Pod => "pods",
            Self::Service => "services",
            Self::EndpointSlice => "endpointslices",
            Self::Node => "nodes",
            Self::Namespace => "namespaces",
            Self::ReplicaSet => "replicasets",
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Job => "jobs",
            Self::CronJob => "cronjobs",
            Self::NetworkPolicy => "networkpolicies",
        }
    }

    /// Its API group; that of the core is empty. The version is `v1` for all of them.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Pod | Self::Service | Self::Node | Self::Namespace => "",
            Self::EndpointSlice => "discovery.k8s.io",
            Self::ReplicaSet | Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
            Self::Job | Self::CronJob => "batch",
            Self::NetworkPolicy => "networking.k8s.io",
        }
    }

    /// Whether nothing but the metadata of its objects is used, so that `PartialObjectMetadata` will do.
    pub const fn is_metadata_only(self) -> bool {
        !matches!(self, Self::Pod | Self::Service | Self::EndpointSlice | Self::Node | Self::NetworkPolicy)
    }

    /// It as what answers say of owners; none for kinds that attributes are not about.
    pub const fn as_owner(self) -> Option<OwnerKind> {
        Some(match self {
            Self::ReplicaSet => OwnerKind::ReplicaSet,
            Self::Deployment => OwnerKind::Deployment,
            Self::StatefulSet => OwnerKind::StatefulSet,
            Self::DaemonSet => OwnerKind::DaemonSet,
            Self::Job => OwnerKind::Job,
            Self::CronJob => OwnerKind::CronJob,
            _ => return None,
        })
    }

    /// The kind that an owner reference names: by API version (`apps/v1`) and kind; none that is not watched.
    pub fn of_owner(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        Self::ALL.into_iter().find(|known| known.name() == kind && known.group() == group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_known_by_group_and_kind() {
        for (api_version, kind, expected) in [
            ("apps/v1", "ReplicaSet", Some(Kind::ReplicaSet)),
            ("apps/v1beta2", "Deployment", Some(Kind::Deployment)),
            ("v1", "Node", Some(Kind::Node)),
            ("batch/v1", "CronJob", Some(Kind::CronJob)),
            ("batch.volcano.sh/v1alpha1", "Job", None),
            ("v1", "Deployment", None),
            ("argoproj.io/v1alpha1", "Rollout", None),
        ] {
            assert_eq!(Kind::of_owner(api_version, kind), expected, "{api_version} {kind}");
        }
    }

    #[test]
    fn all_are_in_order() {
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
        }
    }
}
