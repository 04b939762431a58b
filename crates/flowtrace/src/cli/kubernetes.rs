//! The options of Kubernetes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::parse_duration;

/// What is asked of Kubernetes, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kubernetes")]
pub struct KubernetesOptions {
    /// Ask Kubernetes' API server who has which address: `auto` means that `flowtrace run` does so in a pod.
    #[arg(long, value_name = "WHETHER", default_value = "auto")]
    pub kubernetes: Use,
    /// How the API server is reached, instead of by the pod's service account (or, outside of pods, KUBECONFIG or
    /// ~/.kube/config).
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Which pods are watched: those of the whole cluster, or those of this node. Then of pods elsewhere only what
    /// endpoint slices say is known: name, namespace, uid, node and service of those that are behind a service.
    #[arg(long, value_name = "WHICH", default_value = "cluster")]
    pub kubernetes_scope: Scope,
    /// The name of this node, instead of K8S_NODE_NAME. In Kubernetes it says who observes.
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// The name of the cluster, instead of K8S_CLUSTER_NAME; Kubernetes itself has none.
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,
    /// The domain in which services have their names, instead of that in /etc/resolv.conf.
    #[arg(long, value_name = "DOMAIN")]
    pub cluster_domain: Option<String>,
    /// How ends are named with `--names kubernetes`, as `pod={name}.{namespace}`; repeatable. Names and defaults:
    /// pod={name}.{namespace}.svc.{domain} service={name}.{namespace}.svc.{domain} node={name}.
    #[arg(long = "name-form", value_name = "END=FORM")]
    pub name_forms: Vec<String>,
    /// The keys of labels that are written with the attributes `k8s.labels`: `*` stands for any text, `!` before a
    /// pattern leaves out.
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',', default_value = "*")]
    pub labels: Vec<String>,
    /// The same for annotations and `k8s.annotations`.
    #[arg(
        long,
        value_name = "PATTERN,...",
        value_delimiter = ',',
        default_value = "*,!kubectl.kubernetes.io/last-applied-configuration"
    )]
    pub annotations: Vec<String>,
    /// Which policies are written with the attributes `network.policy`: those that select the pod, those of them with a
    /// rule for the port, or those with a rule that allows this very flow.
    #[arg(long, value_name = "WHICH", default_value = "selecting")]
    pub network_policies: Policies,
    /// How long the first records wait for the first lists of the API server.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub kubernetes_wait: Duration,
    /// Make spans of connections between pods that this node's pods answer children of the other node's span, where
    /// that node has a flowtrace of the same configuration.
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true, value_name = "WHETHER")]
    pub link_hosts: bool,
    /// What tells configurations apart for `--link-hosts`, instead of FLOWTRACE_CONFIGURATION_HASH: the value of the
    /// annotation flowtrace.io/configuration of flowtrace's pods.
    #[arg(long, value_name = "HASH")]
    pub configuration_hash: Option<String>,
}

/// Whether to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Use {
    /// In a pod.
    Auto,
    /// Yes.
    On,
    /// No.
    Off,
}

/// Which pods are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// All.
    Cluster,
    /// Those of this node.
    Node,
}

/// Which policies are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Policies {
    /// Those that select the pod.
    Selecting,
    /// Those with a rule for the port.
    Port,
    /// Those with a rule that allows the flow.
    Allowing,
}
