//! Which kinds have to be watched.

use crate::{Kind, Options};

/// What answers are to say beyond names, owners and services. Whoever asks for less has the API server send less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Labels or annotations of what owns pods, and of namespaces.
    pub has_details: bool,
    /// The uid of the cluster: that of a namespace.
    pub has_cluster_uid: bool,
    /// Network policies; they select by labels of namespaces, too.
    pub has_policies: bool,
}

impl Needs {
    /// Of options, with or without the uid of the cluster.
    pub fn of(options: &Options, has_cluster_uid: bool) -> Self {
        let has_details = !options.labels.is_empty() || !options.annotations.is_empty();
        Self { has_details, has_cluster_uid, has_policies: options.has_policies }
    }

    /// The kinds to be watched. Name and uid of what owns a pod are in what it owns: so replica sets lead to their
    /// deployments and jobs to their cron jobs, which need no watching for that.
    pub fn kinds(self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| self.has(*kind)).collect()
    }

    fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Pod | Kind::Service | Kind::EndpointSlice | Kind::Node | Kind::ReplicaSet | Kind::Job => true,
            Kind::Namespace => self.has_details || self.has_cluster_uid || self.has_policies,
            Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::CronJob => self.has_details,
            Kind::NetworkPolicy => self.has_policies,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyPatterns;

    #[test]
    fn no_more_is_watched_than_is_asked_for() {
        let least = Needs::of(&Options::default(), false).kinds();
        let usual = [Kind::Pod, Kind::Service, Kind::EndpointSlice, Kind::Node, Kind::ReplicaSet, Kind::Job];
        assert_eq!(least, usual);
        let more =
            |needs: Needs| -> Vec<Kind> { needs.kinds().into_iter().filter(|kind| !least.contains(kind)).collect() };
        let none = Needs::default();
        assert_eq!(more(Needs { has_cluster_uid: true, ..none }), [Kind::Namespace]);
        assert_eq!(more(Needs { has_policies: true, ..none }), [Kind::Namespace, Kind::NetworkPolicy]);
        let labels = Options { labels: KeyPatterns::new(["app"]), has_policies: true, ..Options::default() };
        assert_eq!(Needs::of(&labels, false).kinds(), Kind::ALL);
    }
}
