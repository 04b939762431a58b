//! Network policies as they are kept, and what they say of a flow.

use std::net::IpAddr;
use std::sync::Arc;

use crate::object;
use crate::pod::Pod;
use crate::protocol::{Port, Protocol};
use crate::selector::{Block, Selector};

/// A network policy.
#[derive(Debug)]
pub(crate) struct Policy {
    pub name: Arc<str>,
    namespace: Arc<str>,
    pods: Selector,
    /// Absent where the policy is not about that direction.
    ingress: Option<Box<[Rule]>>,
    egress: Option<Box<[Rule]>>,
}

/// Which policies are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Those that select the pod for the direction.
    #[default]
    Selecting,
    /// Of those, the ones with a rule for the port, whoever the peer is.
    Port,
    /// Of those, the ones with a rule that allows this very flow: by port and peer.
    Allowing,
}

/// A direction, as the selected pod sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Ingress,
    Egress,
}

/// One end of a flow, for policies.
pub(crate) struct Side<'a> {
    pub address: IpAddr,
    /// The pod, if it is one whose labels are known, and not on its node's network.
    pub pod: Option<&'a Pod>,
    /// Whether it is a pod or a service of the cluster: blocks of addresses are for others.
    pub is_inside: bool,
}

/// A flow, for policies that select one of its ends.
pub(crate) struct Flow<'a> {
    pub way: Way,
    /// The other end.
    pub peer: &'a Side<'a>,
    /// The destination: its pod gives names to ports.
    pub destination: &'a Side<'a>,
    /// The destination's port; absent for protocols without.
    pub port: Option<Port>,
}

#[derive(Debug)]
struct Rule {
    /// Empty: all.
    ports: Box<[RulePort]>,
    /// Empty: all.
    peers: Box<[Peer]>,
}

#[derive(Debug)]
struct RulePort {
    /// Absent: one that this program does not know.
    protocol: Option<Protocol>,
    port: Option<object::Port>,
    end: Option<u16>,
}

#[derive(Debug)]
enum Peer {
    Pods { pods: Option<Selector>, namespaces: Option<Selector> },
    Block(Block),
}

impl Policy {
    /// From the API's form.
    pub fn new(name: Arc<str>, namespace: Arc<str>, spec: &object::NetworkPolicySpec) -> Self {
        let (mut is_ingress, mut is_egress) = (true, !spec.egress.is_empty());
        if let Some(types) = spec.policy_types.as_ref().filter(|types| !types.is_empty()) {
            is_ingress = types.iter().any(|way| way == "Ingress");
            is_egress = types.iter().any(|way| way == "Egress");
        }
        let rules = |rules: &[object::NetworkPolicyRule]| rules.iter().map(Rule::new).collect();
        Self {
            name,
            namespace,
            pods: Selector::new(&spec.pod_selector),
            ingress: is_ingress.then(|| rules(&spec.ingress)),
            egress: is_egress.then(|| rules(&spec.egress)),
        }
    }

    /// Whether it is to be listed for a pod of its namespace, which is one end of the flow.
    pub fn applies(&self, pod: &Pod, flow: &Flow<'_>, depth: Depth) -> bool {
        let rules = match flow.way {
            Way::Ingress => &self.ingress,
            Way::Egress => &self.egress,
        };
        let Some(rules) = rules.as_ref().filter(|_| self.pods.has(&pod.selectable)) else { return false };
        match depth {
            Depth::Selecting => true,
            Depth::Port => rules.iter().any(|rule| rule.has_port(flow)),
            Depth::Allowing => {
                rules.iter().any(|rule| rule.has_port(flow) && rule.has_peer(flow.peer, &self.namespace))
            }
        }
    }
}

impl Rule {
    fn new(from: &object::NetworkPolicyRule) -> Self {
        let ports = from.ports.iter().map(|port| RulePort {
            protocol: Protocol::parse(&port.protocol),
            port: port.port.clone(),
            end: port.end_port,
        });
        let peers = from.peers.iter().map(|peer| match &peer.ip_block {
            Some(block) => Peer::Block(Block::new(block)),
            None => Peer::Pods {
                pods: peer.pod_selector.as_ref().map(Selector::new),
                namespaces: peer.namespace_selector.as_ref().map(Selector::new),
            },
        });
        Self { ports: ports.collect(), peers: peers.collect() }
    }

    fn has_port(&self, flow: &Flow<'_>) -> bool {
        let Some(port) = flow.port else { return self.ports.is_empty() };
        self.ports.is_empty() || self.ports.iter().any(|rule| rule.has(port, flow.destination.pod))
    }

    fn has_peer(&self, peer: &Side<'_>, own_namespace: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|rule| rule.has(peer, own_namespace))
    }
}

impl RulePort {
    fn has(&self, port: Port, destination: Option<&Pod>) -> bool {
        if self.protocol != Some(port.protocol) {
            return false;
        }
        match (&self.port, self.end) {
            (None, _) => true,
            (Some(object::Port::Number(first)), Some(last)) => (*first..=last).contains(&port.number),
            (Some(object::Port::Number(number)), None) => *number == port.number,
            (Some(object::Port::Name(name)), _) => {
                destination.is_some_and(|pod| pod.port(name, port.protocol).any(|number| number == port.number))
            }
        }
    }
}

impl Peer {
    fn has(&self, peer: &Side<'_>, own_namespace: &str) -> bool {
        match self {
            Self::Block(block) => !peer.is_inside && block.has(peer.address),
            Self::Pods { pods, namespaces } => peer.pod.is_some_and(|pod| {
                let is_namespace = match namespaces {
                    Some(selector) => pod.namespace.known().is_some_and(|known| selector.has(&known.selectable)),
                    None => *pod.namespace.bare.name == *own_namespace,
                };
                is_namespace && pods.as_ref().is_none_or(|selector| selector.has(&pod.selectable))
            }),
        }
    }
}
