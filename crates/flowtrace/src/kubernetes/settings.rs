//! What the user wrote of Kubernetes → how it is watched.

use std::env;

use flowtrace_kubernetes::watch::{self, Access};
use flowtrace_kubernetes::{Depth, KeyPatterns, Names, Needs, Options, Scope};

use super::domain;
use super::links::Links;
use crate::cli::CommonOptions;
use crate::cli::kubernetes::{self as cli, KubernetesOptions, Use};
use crate::cli::who::NameSource;
use crate::settings::{Invalid, Used, flow_settings};

/// How Kubernetes is watched, and what is made of it.
pub struct Settings {
    pub access: Access,
    pub watch: watch::Settings,
    pub options: Options,
    pub names: Option<Names>,
    pub policies: Option<Depth>,
    pub links: Option<Links>,
    pub wait: std::time::Duration,
}

/// As the options say; none where Kubernetes is not to be asked. Whether `auto` asks in a pod is up to the command.
///
/// # Errors
/// When an option is wrong, or it has to be asked and there is no way to do so.
pub fn settings(common: &CommonOptions, asks_in_pod: bool) -> Result<Option<Settings>, Invalid> {
    let options = &common.kubernetes;
    let names = names(common)?;
    let access = match options.kubernetes {
        Use::Off => return none(common),
        Use::On => Access::find(options.kubeconfig.as_deref()).map_err(Invalid::Kubernetes)?,
        Use::Auto if !asks_in_pod || variable("KUBERNETES_SERVICE_HOST").is_none() => return none(common),
        Use::Auto => match Access::find(options.kubeconfig.as_deref()) {
            Ok(access) => access,
            Err(error) => {
                tracing::warn!("not asking Kubernetes: {error}");
                return Ok(None);
            }
        },
    };
    let used = Used::by(common)?;
    let policies = used.has_any(|name| name.starts_with("network.policy.")).then(|| depth(options.network_policies));
    let kept = kept(options, &used, policies.is_some());
    let needs = Needs::of(&kept, used.has_any(|name| name.ends_with("k8s.cluster.uid")));
    let node = match options.kubernetes_scope {
        cli::Scope::Cluster => None,
        cli::Scope::Node => Some(node_name(options).ok_or(Invalid::NoNode("--kubernetes-scope node"))?),
    };
    let watch = watch::Settings { node, kinds: needs.kinds(), ..watch::Settings::default() };
    let links = options.link_hosts.then(|| links(common)).transpose()?;
    Ok(Some(Settings { access, watch, options: kept, names, policies, links, wait: options.kubernetes_wait }))
}

/// Whether what the options say by themselves is right.
pub fn check(common: &CommonOptions) -> Result<(), Invalid> {
    names(common).map(drop)
}

/// The name of this node, as configured; an empty one counts as none.
pub fn node_name(options: &KubernetesOptions) -> Option<String> {
    options.node_name.clone().or_else(|| variable("K8S_NODE_NAME"))
}

/// The name of the cluster, as configured.
pub fn cluster_name(options: &KubernetesOptions) -> Option<String> {
    options.cluster_name.clone().or_else(|| variable("K8S_CLUSTER_NAME"))
}

/// Nothing is asked: what depends on it is told.
fn none(common: &CommonOptions) -> Result<Option<Settings>, Invalid> {
    let options = &common.kubernetes;
    let in_vain = [
        (common.who.names.contains(&NameSource::Kubernetes), "--names kubernetes"),
        (options.link_hosts, "--link-hosts"),
        (options.kubeconfig.is_some(), "--kubeconfig"),
    ];
    for (_, option) in in_vain.into_iter().filter(|(is_there, _)| *is_there) {
        tracing::warn!("{option} is in vain: Kubernetes is not asked (--kubernetes on)");
    }
    Ok(None)
}

fn kept(options: &KubernetesOptions, used: &Used, has_policies: bool) -> Options {
    Options {
        cluster_name: cluster_name(options),
        labels: patterns(&options.labels, used, ".labels"),
        annotations: patterns(&options.annotations, used, ".annotations"),
        has_policies,
        scope: match options.kubernetes_scope {
            cli::Scope::Cluster => Scope::Cluster,
            cli::Scope::Node => Scope::Node,
        },
        ..Options::default()
    }
}

/// The keys that are kept of the maps of a sort: those that outputs write, by the option, and those that filters ask for.
fn patterns(option: &[String], used: &Used, sort: &str) -> KeyPatterns {
    let written = if used.writes_any(|name| name.ends_with(sort)) { option } else { &[] };
    let written = written.iter().filter(|pattern| !pattern.is_empty()).map(String::as_str);
    let asked = used.keys().filter(|(map, _)| map.name().ends_with(sort)).map(|(_, key)| key);
    KeyPatterns::new(asked.chain(written))
}

fn depth(policies: cli::Policies) -> Depth {
    match policies {
        cli::Policies::Selecting => Depth::Selecting,
        cli::Policies::Port => Depth::Port,
        cli::Policies::Allowing => Depth::Allowing,
    }
}

/// How ends are named, checked even where they are not.
fn names(common: &CommonOptions) -> Result<Option<Names>, Invalid> {
    let options = &common.kubernetes;
    let mut names = Names::default();
    if let Some(domain) = options.cluster_domain.clone().or_else(domain::of_resolver) {
        names.domain = domain;
    }
    for text in &options.name_forms {
        let invalid = |why: &str| Invalid::NameForm { text: text.clone(), why: why.to_owned() };
        let (end, form) = text.split_once('=').ok_or_else(|| invalid("there is no `=`"))?;
        *match end {
            "pod" => &mut names.pod,
            "service" => &mut names.service,
            "node" => &mut names.node,
            _ => return Err(invalid("it has to begin with pod=, service= or node=")),
        } = form.to_owned();
        if names.bad_form().is_some() {
            return Err(invalid("fields are {name}, {domain} and, but for nodes, {namespace}"));
        }
    }
    Ok(common.who.names.contains(&NameSource::Kubernetes).then_some(names))
}

fn links(common: &CommonOptions) -> Result<Links, Invalid> {
    let options = &common.kubernetes;
    if options.kubernetes_scope == cli::Scope::Node {
        return Err(Invalid::LinksNeedCluster);
    }
    let configuration = options.configuration_hash.clone().or_else(|| variable("FLOWTRACE_CONFIGURATION_HASH"));
    let configuration = configuration.ok_or(Invalid::NoConfigurationHash)?;
    let node = node_name(options).ok_or(Invalid::NoNode("--link-hosts"))?;
    Ok(Links { key: flow_settings(common)?.trace.key, node, configuration })
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
