//! What the user wrote → what the program uses.

use std::io::{self, IsTerminal};
use std::time::Duration;

use flowtrace_abi::{KeyParts, Layers};
use flowtrace_export::{Mode, Secret, SpoolSettings};
use flowtrace_filter::Filter;
use flowtrace_flow::{Settings, SourceMode};
use flowtrace_span::{Attribute, Options, Profile, Selection};
use flowtrace_wire::{Ports, Service};
use globset::{Glob, GlobSet};

use crate::cli::outputs::OutputOptions;
use crate::cli::spool::{SpoolMode, SpoolOptions};
use crate::cli::{self, Color, CommonOptions, KeyPart, Source, Tunnels, parse_duration};

/// What is read of packets.
#[derive(Clone, Debug)]
pub struct Dissection {
    /// Which UDP ports are known.
    pub ports: Box<Ports>,
    /// How many tunnels within one another are opened.
    pub depth: u32,
}

/// What is wrong with an option.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// `--timeout`.
    #[error("--timeout {text}: {why}; write it as udp=30s, with one of the names {}", TIMEOUTS.map(|(name, _)| name).join(", "))]
    Timeout {
        /// What was written.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// `--udp-port`.
    #[error(
        "--udp-port {text}: {why}; write it as vxlan=4789,8472, with one of the names {}",
        Service::ALL.map(Service::name).join(", ")
    )]
    Port {
        /// What was written.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// `--hide-addresses` with the key itself.
    #[error("--hide-addresses: write where the key is, file:PATH or env:VARIABLE")]
    KeyInSight,
    /// The key of `--hide-addresses` cannot be read.
    #[error("--hide-addresses: {0}")]
    Secret(#[from] flowtrace_export::SecretError),
    /// The key of `--hide-addresses` is none.
    #[error("--hide-addresses: the key must be 32 hexadecimal digits, as `openssl rand -hex 16` makes them")]
    Key,
    /// There is no way to the API server.
    #[error("--kubernetes: {0}")]
    Kubernetes(flowtrace_kubernetes::watch::AccessError),
    /// Watching it does not begin.
    #[error(transparent)]
    Watch(#[from] flowtrace_kubernetes::watch::WatchError),
    /// `--name-form`.
    #[error("--name-form {text}: {why}; write it as pod={{name}}.{{namespace}}")]
    NameForm {
        /// What was written.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// An option that needs the name of the node.
    #[error("{0}: the name of this node is not known; set --node-name or K8S_NODE_NAME")]
    NoNode(&'static str),
    /// `--link-hosts` with `--kubernetes-scope node`.
    #[error("--link-hosts: with --kubernetes-scope node it is not known which nodes have a flowtrace")]
    LinksNeedCluster,
    /// `--link-hosts` without the hash.
    #[error(
        "--link-hosts: set --configuration-hash or FLOWTRACE_CONFIGURATION_HASH to the value of the pod's annotation {}",
        flowtrace_kubernetes::CONFIGURATION
    )]
    NoConfigurationHash,
    /// A thread was not to be had.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// `--filter`.
    #[error("--filter: {0}")]
    Filter(#[from] flowtrace_filter::ParseError),
    /// `--include` and `--exclude`.
    #[error("{option} {pattern}: {why}")]
    Glob {
        /// Which of them.
        option: &'static str,
        /// What was written.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// `--output-file` with `--output none`.
    #[error("--output-file: with --output none nothing is written; leave out one of them")]
    NothingForFile,
    /// `--attributes`.
    #[error("--attributes: {0}")]
    Attributes(#[from] flowtrace_span::UnknownGroup),
}

/// Where a timeout is in the settings, in nanoseconds.
type TimeoutPlace = fn(&mut Settings) -> &mut u64;

/// The timeouts: their names and places.
pub const TIMEOUTS: [(&str, TimeoutPlace); 7] = [
    ("active", |settings| &mut settings.active),
    ("tcp", |settings| &mut settings.timeouts.tcp),
    ("tcp_fin", |settings| &mut settings.timeouts.tcp_fin),
    ("tcp_rst", |settings| &mut settings.timeouts.tcp_rst),
    ("udp", |settings| &mut settings.timeouts.udp),
    ("icmp", |settings| &mut settings.timeouts.icmp),
    ("generic", |settings| &mut settings.timeouts.generic),
];

/// How flows are told apart and cut.
pub fn flow_settings(options: &CommonOptions) -> Result<Settings, Invalid> {
    let mut settings = Settings::default();
    for text in &options.timeouts {
        let invalid = |why: String| Invalid::Timeout { text: text.clone(), why };
        let (name, value) = text.split_once('=').ok_or_else(|| invalid("there is no `=`".to_owned()))?;
        let value = nanoseconds(parse_duration(value).map_err(invalid)?);
        let timeout = TIMEOUTS.iter().find(|(known, _)| *known == name);
        let (_, place) = timeout.ok_or_else(|| invalid(format!("there is no timeout `{name}`")))?;
        *place(&mut settings) = value;
    }
    if let Some(key) = hiding_key(options)? {
        // Whoever knows the usual key could try all addresses.
        settings.trace.key = key;
    }
    settings.active_jitter = options.active_jitter;
    settings.timeouts = settings.timeouts();
    settings.source = source(options.source);
    settings.layers = layers(options.tunnels);
    settings.key_parts = options.flow_key.iter().fold(0, |parts, part| parts | key_part(*part));
    Ok(settings)
}

/// What is read of packets.
pub fn dissection(options: &CommonOptions) -> Result<Dissection, Invalid> {
    let mut ports = Box::new(Ports::DEFAULT);
    for text in &options.udp_ports {
        let invalid = |why: String| Invalid::Port { text: text.clone(), why };
        let (name, list) = text.split_once('=').ok_or_else(|| invalid("there is no `=`".to_owned()))?;
        let service = Service::ALL.into_iter().find(|service| service.name() == name);
        let service = service.ok_or_else(|| invalid(format!("there is no `{name}`")))?;
        let numbers = list.split(',').filter(|number| !number.is_empty()).map(|number| {
            number
                .trim()
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| invalid(format!("`{number}` is no port")))
        });
        let numbers = numbers.collect::<Result<Vec<u16>, _>>()?;
        ports.clear(service);
        ports.set(service, &numbers);
    }
    Ok(Dissection { ports, depth: options.tunnel_depth })
}

const fn source(source: Source) -> SourceMode {
    match source {
        Source::Initiator => SourceMode::Initiator,
        Source::Local => SourceMode::Local,
    }
}

const fn layers(tunnels: Tunnels) -> u32 {
    match tunnels {
        Tunnels::Inner => Layers::INNER,
        Tunnels::Outer => Layers::OUTER,
        Tunnels::Both => Layers::INNER | Layers::OUTER,
    }
}

const fn key_part(part: KeyPart) -> u32 {
    match part {
        KeyPart::Vlan => KeyParts::VLAN,
        KeyPart::TunnelId => KeyParts::TUNNEL_ID,
    }
}

/// Which attributes the spans of an output have.
pub fn span_options(output: &OutputOptions, community_id_seed: u16) -> Result<Options, Invalid> {
    let profile = match output.semconv {
        cli::outputs::Profile::Reference => Profile::Reference,
        cli::outputs::Profile::Proposal => Profile::Proposal,
    };
    let mut selection = Selection::parse(&output.attributes)?.with_profile(profile);
    if let Some(include) = globs("--include", &output.include)? {
        selection = selection.only(|attribute| include.is_match(attribute.name()));
    }
    if let Some(exclude) = globs("--exclude", &output.exclude)? {
        selection = selection.only(|attribute| !exclude.is_match(attribute.name()));
    }
    Ok(Options { selection, community_id_seed })
}

/// What outputs write, and what their filters ask for.
pub struct Used {
    selections: Vec<Selection>,
    filters: Vec<Filter>,
}

impl Used {
    /// By all outputs.
    ///
    /// # Errors
    /// When one of their options is wrong.
    pub fn by(options: &CommonOptions) -> Result<Self, Invalid> {
        let outputs = || options.receivers.iter().map(|(_, output)| output).chain([&options.shown]);
        let selections = outputs().map(|output| Ok(span_options(output, 0)?.selection));
        let filters = outputs().map(|output| &output.filter).filter(|text| !text.trim().is_empty());
        Ok(Self {
            selections: selections.collect::<Result<_, Invalid>>()?,
            filters: filters.map(|text| Filter::parse(text)).collect::<Result<_, _>>()?,
        })
    }

    /// Whether an attribute is used.
    pub fn has(&self, attribute: Attribute) -> bool {
        self.selections.iter().any(|selection| selection.contains(attribute))
            || self.filters.iter().any(|filter| filter.attributes().contains(&attribute))
    }

    /// Whether an attribute is used whose name is of a kind.
    pub fn has_any(&self, is_it: impl Fn(&str) -> bool) -> bool {
        Attribute::ALL.into_iter().filter(|attribute| is_it(attribute.name())).any(|attribute| self.has(attribute))
    }

    /// Whether an output writes one of these.
    pub fn writes_any(&self, is_it: impl Fn(&str) -> bool) -> bool {
        let mut all = Attribute::ALL.into_iter().filter(|attribute| is_it(attribute.name()));
        all.any(|attribute| self.selections.iter().any(|selection| selection.contains(attribute)))
    }

    /// The keys of maps that filters ask for, with their maps.
    pub fn keys(&self) -> impl Iterator<Item = (Attribute, &str)> {
        self.filters.iter().flat_map(Filter::keys)
    }
}

/// The key with which addresses are hidden, if they are.
pub fn hiding_key(options: &CommonOptions) -> Result<Option<[u8; 16]>, Invalid> {
    let Some(text) = &options.who.hide_addresses else { return Ok(None) };
    let secret = Secret::parse_reference(text).ok_or(Invalid::KeyInSight)?;
    let digits = secret.read()?;
    let number = u128::from_str_radix(digits.trim(), 16).ok().filter(|_| digits.trim().len() == 32);
    number.map(|number| Some(number.to_be_bytes())).ok_or(Invalid::Key)
}

/// Which records an output gets; `None`: all.
pub fn filter(output: &OutputOptions) -> Result<Option<Filter>, Invalid> {
    let filter = (!output.filter.trim().is_empty()).then(|| Filter::parse(&output.filter)).transpose()?;
    let unwritten = filter.iter().flat_map(Filter::attributes).find(|attribute| !attribute.definition().written);
    if let Some(attribute) = unwritten {
        tracing::warn!(attribute = attribute.name(), "--filter: nothing has this attribute yet");
    }
    Ok(filter)
}

/// Globs over the names of attributes, each of which has to match one; `None` where there are none.
fn globs(option: &'static str, text: &str) -> Result<Option<GlobSet>, Invalid> {
    let mut set = GlobSet::builder();
    let mut is_empty = true;
    for pattern in text.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
        let invalid = |why: String| Invalid::Glob { option, pattern: pattern.to_owned(), why };
        let glob = Glob::new(pattern).map_err(|error| invalid(error.kind().to_string()))?;
        let matcher = glob.compile_matcher();
        if !Attribute::ALL.iter().any(|attribute| matcher.is_match(attribute.name())) {
            return Err(invalid("no attribute has such a name".to_owned()));
        }
        set.add(glob);
        is_empty = false;
    }
    let invalid = |error: globset::Error| Invalid::Glob { option, pattern: text.to_owned(), why: error.to_string() };
    if is_empty { Ok(None) } else { set.build().map(Some).map_err(invalid) }
}

/// The spool of an OTLP receiver.
pub fn spool(options: &SpoolOptions, url: &str) -> Option<SpoolSettings> {
    let mode = match options.spool_mode {
        SpoolMode::Overflow => Mode::Overflow,
        SpoolMode::Always => Mode::Always,
    };
    let directory = SpoolSettings::destination(options.spool.as_ref()?, url);
    Some(SpoolSettings { directory, size: options.spool_size, mode, sync: options.spool_sync })
}

/// Whether text in a file has colours: only when it is asked for.
pub fn file_colours(when: Color) -> bool {
    when == Color::Always
}

/// Whether text on standard output has colours.
pub fn colours(when: Color) -> bool {
    match when {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use flowtrace_wire::KnownPorts;

    use super::*;
    use crate::cli::{Arguments, Command};

    fn common(arguments: &[&str]) -> CommonOptions {
        let line = ["flowtrace", "read", "x.pcap"].iter().chain(arguments);
        match Arguments::read(line).expect("a command line").command {
            Command::Read(options) => options.common,
            _ => unreachable!("it says read"),
        }
    }

    #[test]
    fn timeouts_are_set_by_name() {
        let settings = flow_settings(&common(&["-t", "active=1s", "--timeout", "udp=250ms"])).expect("good");
        assert_eq!((settings.active, settings.timeouts.udp), (1_000_000_000, 250_000_000));
        assert_eq!(settings.timeouts.tcp, Settings::default().timeouts.tcp);
    }

    #[test]
    fn the_evidence_of_a_handshake_ends_with_the_shortest_window() {
        let settings = |arguments: &[&str]| flow_settings(&common(arguments)).expect("good");
        assert_eq!(settings(&["-t", "active=10s"]).timeouts.evidence, 9_000_000_000);
        assert_eq!(settings(&["-t", "active=10s", "--active-jitter", "0"]).timeouts.evidence, 10_000_000_000);
        assert_eq!(settings(&["--active-jitter", "50%"]).active_jitter, 0.5);
        assert_eq!(settings(&[]).source, SourceMode::Initiator);
        assert_eq!(settings(&["--source", "local"]).source, SourceMode::Local);
    }

    #[test]
    fn ports_and_tunnels_are_set_by_name() {
        let options = common(&["--udp-port", "vxlan=7777", "--udp-port", "gtp=", "--tunnel-depth", "2"]);
        let Dissection { ports, depth } = dissection(&options).expect("good");
        assert_eq!((ports.of(7777), ports.of(4789), ports.of(8472)), (Service::Vxlan as u8, 0, 0));
        assert_eq!((ports.of(2152), ports.of(6081), depth), (0, Service::Geneve as u8, 2));
        let settings = flow_settings(&common(&["--tunnels", "both", "--flow-key", "vlan,tunnel_id"])).expect("good");
        assert_eq!((settings.layers, settings.key_parts), (3, 3));
    }

    #[test]
    fn the_profile_is_chosen_by_name() {
        let profile = |arguments: &[&str]| span_options(&common(arguments).shown, 0).expect("good").selection.profile();
        assert_eq!(profile(&[]), Profile::Reference);
        assert_eq!(profile(&["--semconv", "proposal"]), Profile::Proposal);
        assert_eq!(profile(&["--profile", "proposal"]), Profile::Proposal);
    }

    #[test]
    fn attributes_are_included_and_excluded_by_globs() {
        let names = |arguments: &[&str]| {
            let options = span_options(&common(arguments).shown, 0).map_err(|error| error.to_string())?;
            let on = Attribute::ALL.into_iter().filter(|attribute| options.selection.contains(*attribute));
            Ok::<_, String>(on.map(Attribute::name).collect::<Vec<_>>())
        };
        assert_eq!(
            names(&["--include", "source.*, destination.port", "--exclude", "*.k8s.*,*.container.*,*.process.*"])
                .expect("good"),
            ["source.address", "source.port", "destination.port"]
        );
        let none = names(&["--exclude", "no.such.*"]).expect_err("no attribute");
        assert_eq!(none, "--exclude no.such.*: no attribute has such a name");
        assert!(names(&["--include", "a["]).expect_err("no glob").starts_with("--include a[: "));
    }

    #[test]
    fn wrong_ports_say_what_is_right() {
        for (text, message) in [
            ("vxlan", "there is no `=`"),
            ("vxlna=1", "there is no `vxlna`; write it as vxlan=4789,8472, with one of the names vxlan, vxlan-gpe"),
            ("vxlan=0", "`0` is no port"),
            ("vxlan=1,x", "`x` is no port"),
        ] {
            let error = dissection(&common(&["--udp-port", text])).expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn wrong_options_say_what_is_right() {
        for (arguments, message) in [
            (["-t", "udp"], "--timeout udp: there is no `=`; write it as udp=30s"),
            (["-t", "upd=3s"], "there is no timeout `upd`"),
            (["-t", "udp=3"], "write a number with a unit, as 500ms, 60s or 5m"),
            (["-t", "udp=0s"], "it must be longer than 0"),
        ] {
            let error = flow_settings(&common(&arguments)).expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
        let error = span_options(&common(&["--attributes", "tunel"]).shown, 0).expect_err("no group").to_string();
        assert!(error.contains("did you mean tunnel"), "{error}");
    }
}
