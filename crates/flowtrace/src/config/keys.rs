//! The keys of the configuration file: each is one option of the command line under another name.
//!
//! What an option is, which values it takes, its default and its explanation are the option's (`cli`); this table says
//! only where it stands in the file and how several values are written. A new option needs one row.

use super::names::{name_forms, timeouts, udp_ports};

/// A key of the file, and the option that it stands for.
#[derive(Debug)]
pub struct Key {
    /// The names that lead to it, joined by dots: from the file's root, or from a receiver.
    pub path: &'static str,
    /// The option's name, without the dashes.
    pub option: &'static str,
    /// Where it may stand.
    pub place: Place,
    /// How its values are written.
    pub shape: Shape,
    /// The option without which this one says nothing.
    pub needs: Option<&'static str>,
    /// Whether only `run` takes it from the file, though `read` has the option, too.
    pub of_run: bool,
    /// Whether its value may be a secret.
    pub is_secret: bool,
    /// What is said of it instead of the option's help, where that speaks of command lines.
    pub help: Option<&'static str>,
}

/// Where a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the root.
    Top,
    /// In each of the receivers.
    Receiver,
    /// At the root for all outputs, and in a receiver for that one.
    Output,
}

/// How the values of an option are written.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One value.
    One,
    /// A list; the option stands once for each value.
    Many,
    /// A list; the option has them all, between commas.
    Joined,
    /// Known names, each with a value; the option stands once for each, as `NAME=VALUE`.
    Named(fn() -> Vec<Known>),
    /// Known names, each with a list; the option stands once for each, as `NAME=VALUE,VALUE`.
    Lists(fn() -> Vec<Known>),
    /// Any names, each with a value; the option stands once for each, as `NAME=VALUE`.
    Pairs,
}

/// One of the names that an option knows.
#[derive(Clone, Debug)]
pub struct Known {
    /// In the file.
    pub name: String,
    /// In the option.
    pub of_option: String,
    /// Its values unless others are given.
    pub default: Vec<String>,
}

impl Key {
    const fn new(place: Place, path: &'static str, option: &'static str) -> Self {
        Self { path, option, place, shape: Shape::One, needs: None, of_run: false, is_secret: false, help: None }
    }

    const fn shape(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    const fn needs(self, option: &'static str) -> Self {
        Self { needs: Some(option), ..self }
    }

    const fn of_run(self) -> Self {
        Self { of_run: true, ..self }
    }

    const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    const fn help(self, text: &'static str) -> Self {
        Self { help: Some(text), ..self }
    }

    /// Whether it may stand in a receiver, or else at the root.
    pub fn is_of(&self, receiver: bool) -> bool {
        match self.place {
            Place::Top => !receiver,
            Place::Receiver => receiver,
            Place::Output => true,
        }
    }

    /// Whether another layer's values are added to this one's, the later one of a name counting, instead of replacing.
    pub fn is_by_name(&self) -> bool {
        matches!(self.shape, Shape::Named(_) | Shape::Lists(_) | Shape::Pairs)
    }

    /// The environment variable that stands for the option.
    pub fn variable(&self) -> String {
        variable(self.option)
    }

    /// Where it stands, as it is shown to people.
    pub fn shown_path(&self) -> String {
        match self.place {
            Place::Receiver => format!("otlp[].{}", self.path),
            Place::Top | Place::Output => self.path.to_owned(),
        }
    }
}

/// The environment variable that stands for an option.
fn variable(option: &str) -> String {
    format!("FLOWTRACE_{}", option.to_uppercase().replace('-', "_"))
}

/// The variable that names the file.
pub const FILE_VARIABLE: &str = "FLOWTRACE_CONFIG";
/// The list of receivers.
pub const RECEIVERS: &str = "otlp";
/// The key of a receiver without which it is none.
pub const ENDPOINT: &str = "endpoint";

const fn top(path: &'static str, option: &'static str) -> Key {
    Key::new(Place::Top, path, option)
}

const fn output(path: &'static str, option: &'static str) -> Key {
    Key::new(Place::Output, path, option)
}

const fn receiver(path: &'static str, option: &'static str) -> Key {
    Key::new(Place::Receiver, path, option)
}

/// All keys, in the order in which they are explained. Keys of one group stand together.
pub static KEYS: &[Key] = &[
    top("interfaces", "interface").shape(Shape::Many).help(
        "Watch the interfaces that match one of these: globs (`eth*`), regular expressions between slashes \
         (`/^en.*[0-9]$/`), `!` before either to exclude. Without any: all but loopback.",
    ),
    top("max_flows", "max-flows").of_run(),
    top("scan_interval", "scan-interval"),
    top("namespaces", "namespaces"),
    top("processes", "processes"),
    top("container_runtimes", "container-runtimes"),
    top("conntrack", "conntrack"),
    top("names", "names").shape(Shape::Many),
    top("hide_addresses", "hide-addresses").secret(),
    top("timeouts", "timeout").shape(Shape::Named(timeouts)).help(
        "`active` is how long a window lasts, the others how long a flow may be silent (`tcp_fin` and `tcp_rst`: how \
         long one that has ended lingers).",
    ),
    top("flow.source", "source"),
    top("flow.key", "flow-key").shape(Shape::Many),
    top("flow.active_jitter", "active-jitter"),
    top("flow.community_id_seed", "community-id-seed"),
    top("tunnels.count", "tunnels"),
    top("tunnels.depth", "tunnel-depth"),
    top("udp_ports", "udp-port")
        .shape(Shape::Lists(udp_ports))
        .help("The UDP ports by which a tunnel or conversation is recognised; an empty list for none."),
    top("kubernetes.enabled", "kubernetes"),
    top("kubernetes.kubeconfig", "kubeconfig"),
    top("kubernetes.scope", "kubernetes-scope"),
    top("kubernetes.node_name", "node-name"),
    top("kubernetes.cluster_name", "cluster-name"),
    top("kubernetes.cluster_domain", "cluster-domain"),
    top("kubernetes.name_forms", "name-form")
        .shape(Shape::Named(name_forms))
        .help("How ends are named with `kubernetes` among `names`."),
    top("kubernetes.labels", "labels").shape(Shape::Many),
    top("kubernetes.annotations", "annotations").shape(Shape::Many),
    top("kubernetes.network_policies", "network-policies"),
    top("kubernetes.wait", "kubernetes-wait"),
    top("trace.link_hosts", "link-hosts"),
    top("trace.configuration_hash", "configuration-hash"),
    output("attributes", "attributes").shape(Shape::Joined).help(
        "Opt-in groups of attributes that are added; `all` for every one. This and the next four are of all outputs; a \
         receiver may have its own.",
    ),
    output("semconv", "semconv"),
    output("include", "include")
        .shape(Shape::Joined)
        .help("Of the attributes that are on, only those whose names match one of these globs, as `flow.*`."),
    output("exclude", "exclude")
        .shape(Shape::Joined)
        .help("Of the attributes that are on, none whose name matches one of these globs, as `\"*.mac\"`."),
    output("filter", "filter"),
    top("output.format", "output"),
    top("output.color", "color"),
    top("output.file", "output-file"),
    top("output.rotate_size", "rotate-size").needs("output-file"),
    top("output.rotate_age", "rotate-age").needs("output-file"),
    top("output.rotate_keep", "rotate-keep").needs("output-file"),
    receiver(ENDPOINT, "otlp").help("Where the receiver is: `http://HOST:4317`, `https://HOST`, `unix:/PATH`."),
    receiver("protocol", "otlp-protocol"),
    receiver("headers", "otlp-header").shape(Shape::Pairs).secret().help(
        "Headers of every request, by name. A value `file:PATH` is read from there, `env:NAME` from the environment.",
    ),
    receiver("bearer", "otlp-bearer").secret(),
    receiver("basic", "otlp-basic").secret(),
    receiver("compression", "otlp-compression"),
    receiver("timeout", "otlp-timeout"),
    receiver("concurrency", "otlp-concurrency"),
    receiver("tls.ca", "otlp-ca"),
    receiver("tls.cert", "otlp-cert"),
    receiver("tls.key", "otlp-key"),
    receiver("tls.server_name", "otlp-server-name"),
    receiver("tls.min_version", "otlp-tls-min"),
    receiver("tls.insecure_skip_verify", "otlp-insecure-skip-verify"),
    receiver("spool.directory", "spool"),
    receiver("spool.size", "spool-size").needs("spool"),
    receiver("spool.mode", "spool-mode").needs("spool"),
    receiver("spool.sync", "spool-sync").needs("spool"),
    top("shutdown_timeout", "shutdown-timeout"),
    top("http", "http"),
];

/// The key of an option.
pub fn of_option(option: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.option == option)
}

/// The names that stand below a path (empty: at the root), each once, in the table's order.
pub fn names_below(path: &str, receiver: bool) -> Vec<&'static str> {
    let mut names = Vec::new();
    // Of a receiver first what only receivers have.
    let first = KEYS.iter().filter(|key| receiver && key.place == Place::Receiver);
    for key in first.chain(KEYS.iter().filter(|key| key.is_of(receiver))) {
        let rest = if path.is_empty() {
            Some(key.path)
        } else {
            key.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('.'))
        };
        if let Some(name) = rest.and_then(|rest| rest.split('.').next())
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    if path.is_empty() && !receiver {
        names.push(RECEIVERS);
    }
    names
}

/// Whether keys stand below a path.
pub fn is_group(path: &str, receiver: bool) -> bool {
    !path.is_empty() && !names_below(path, receiver).is_empty()
}

/// The path of a name below another.
pub fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
