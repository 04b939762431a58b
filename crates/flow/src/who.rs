//! Who was talking: what is added to a record after it was made. The table knows nothing of it.

use std::sync::Arc;

use crate::End;
use crate::workload::Workload;

/// Who is at the ends of a flow, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// At the source.
    pub source: Party,
    /// At the destination.
    pub destination: Party,
    /// The network policies about what comes in to the destination; absent where none are known to apply or not to.
    pub ingress: Option<Arc<[Arc<str>]>>,
    /// Those about what goes out of the source; absent likewise.
    pub egress: Option<Arc<[Arc<str>]>>,
}

impl Who {
    /// Who is at one of its ends.
    pub const fn party(&self, end: End) -> &Party {
        match end {
            End::Source => &self.source,
            End::Destination => &self.destination,
        }
    }
}

/// Who is at one end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// The process that used the socket; only at an end on this host.
    pub process: Option<Arc<Process>>,
    /// The name of its address.
    pub name: Option<Arc<str>>,
    /// What it is in Kubernetes.
    pub workload: Option<Arc<Workload>>,
}

/// A process of this host. What is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Its id in the initial namespace of process ids; of all its threads the same.
    pub pid: u32,
    /// The name of its executable: the last part of the path.
    pub executable_name: Option<Arc<str>>,
    /// The path of its executable, as it sees it.
    pub executable_path: Option<Arc<str>>,
    /// Its arguments, the first of them its own name, with spaces between them.
    pub command_line: Option<Arc<str>>,
    /// The name of the user whose rights it has; where that has none, its number.
    pub owner: Option<Arc<str>>,
    /// The container in which it runs.
    pub container: Option<Arc<Container>>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// Its id, as the runtime gave it.
    pub id: Arc<str>,
    /// What runs it: `docker`, `containerd`, `cri-o`, `podman`.
    pub runtime: Option<Arc<str>>,
    /// The runtime's name for it.
    pub name: Option<Arc<str>>,
    /// The name of its image, with the tag.
    pub image: Option<Arc<str>>,
    /// The uid of its Kubernetes pod.
    pub pod_uid: Option<Arc<str>>,
}
