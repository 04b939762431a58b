//! The kernel program (`BPF_PROG_TEST_RUN`) and its [`Mirror`], side by side.
//!
//! A test run begins at the first byte that it is given, whatever the programs take it for: so those for interfaces
//! without Ethernet are given IP packets. (The kernel takes bytes 12 and 13 for an EtherType all the same, and refuses
//! what is too short for it, see [`may_be_refused`].) It cannot be told of a VLAN tag beside the frame: of `__sk_buff` it
//! takes mark, priority, interfaces, cb, time, wire_len and GSO, and refuses the rest (`convert___skb_to_skb`,
//! net/bpf/test_run.c). Such tags are in the live tests: a tagged frame that arrives has lost its tag to the metadata.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use flowtrace_abi::{EnvelopeEntry, FlowEntry, FlowKey, KernelSettings, Loss, Timeouts};
use flowtrace_capture::live::{Header, Hook, Kernel, KernelOptions, SkbContext};
use flowtrace_wire::{Link, Ports};

use crate::mirror::{Mirror, comparable, comparable_envelope};
use crate::tools;

/// The longest frame that `BPF_PROG_TEST_RUN` takes is a page without the room for headers around it.
const LONGEST: usize = 3500;
/// An Ethernet header.
const SHORTEST: usize = 14;
/// With more first fragments, or more EtherTypes, than this the kernel may have forgotten some: it starts afresh.
const FRAGMENTS: usize = 4000;
const ETHERTYPES: usize = 400;
/// So does it after this long: before it forgets fragments because they are old.
const PATIENCE: Duration = Duration::from_secs(20);

/// No flow ends by silence while a test runs.
pub const TIMEOUTS: Timeouts = {
    const HOUR: u64 = 3_600_000_000_000;
    Timeouts { tcp: HOUR, tcp_fin: HOUR, tcp_rst: HOUR, udp: HOUR, icmp: HOUR, generic: HOUR, evidence: HOUR }
};

/// Whether the kernel may refuse to run a frame: newer ones do where the IP header is not whole, or nothing follows the
/// Ethernet header (`bpf_prog_test_run_skb`, net/bpf/test_run.c).
fn may_be_refused(frame: &[u8]) -> bool {
    match frame[12..14] {
        [0x08, 0x00] => frame.len() < 14 + 20,
        [0x86, 0xdd] => frame.len() < 14 + 40,
        _ => frame.len() == SHORTEST,
    }
}

/// One frame as it is run.
pub type Run<'a> = (&'a [u8], SkbContext);

/// Both, and what the kernel had lost before.
pub struct Both {
    settings: KernelSettings,
    max_flows: u32,
    payloads: bool,
    kernel: Kernel,
    mirror: Mirror,
    since: Instant,
    lost: Vec<(u64, u64)>,
    not_ip: HashMap<u16, u64>,
}

impl Both {
    /// With these settings, [`TIMEOUTS`] aside.
    ///
    /// # Panics
    /// When the kernel refuses the program.
    pub fn new(settings: KernelSettings) -> Self {
        Self::with_room(settings, 1 << 17)
    }

    /// The same for so many flows: the fewer they are, the sooner the map is read.
    ///
    /// # Panics
    /// When the kernel refuses the program.
    pub fn with_room(settings: KernelSettings, max_flows: u32) -> Self {
        Self::load(settings, max_flows, false)
    }

    /// The programs that read payload, too.
    ///
    /// # Panics
    /// When the kernel refuses them.
    pub fn reading(settings: KernelSettings) -> Self {
        Self::load(settings, 1 << 17, true)
    }

    fn load(settings: KernelSettings, max_flows: u32, payloads: bool) -> Self {
        let settings = KernelSettings { timeouts: TIMEOUTS, ..settings };
        let ports = Box::new(Ports::DEFAULT);
        let options =
            KernelOptions { max_flows, settings, ports: ports.clone(), payloads, object: tools::bpf_object() };
        Self {
            settings,
            max_flows,
            payloads,
            kernel: Kernel::load(&options).expect("root may load it"),
            mirror: Mirror::new(settings, ports),
            since: Instant::now(),
            lost: vec![(0, 0); Loss::COUNT],
            not_ip: HashMap::new(),
        }
    }

    /// Runs frames through both, compares, and forgets the flows. Answers how many frames were run.
    ///
    /// # Panics
    /// Where the two differ.
    pub fn compare<'a>(
        &mut self,
        what: &str,
        hook: Hook,
        header: Header,
        frames: impl IntoIterator<Item = Run<'a>>,
    ) -> usize {
        if self.is_old() {
            *self = Self::load(self.settings, self.max_flows, self.payloads);
        }
        let frames = frames.into_iter().filter(|(frame, _)| (SHORTEST..=LONGEST).contains(&frame.len()));
        let count = frames.filter(|run| self.run(what, hook, header, run)).count();
        self.compare_entries(what);
        self.compare_losses(what);
        self.compare_not_ip(what);
        self.mirror.clear_flows();
        count
    }

    fn is_old(&self) -> bool {
        self.mirror.fragments.len() > FRAGMENTS || self.not_ip.len() > ETHERTYPES || self.since.elapsed() > PATIENCE
    }

    /// Whether the kernel took the frame.
    fn run(&mut self, what: &str, hook: Hook, header: Header, (frame, context): &Run<'_>) -> bool {
        let (_, answer) = match self.kernel.test_run(hook, header, frame, *context, 1) {
            Err(_) if may_be_refused(frame) => return false,
            result => result.unwrap_or_else(|error| panic!("{what}: {error}, {} bytes", frame.len())),
        };
        self.kernel.take_payloads(|_| {});
        // TC_ACT_UNSPEC: traffic is never touched.
        assert_eq!(answer as i32, -1, "{what}");
        let link = if header == Header::Ip { Link::Ip } else { Link::Ethernet };
        self.mirror.frame(frame, link, *context);
        true
    }

    fn compare_entries(&mut self, what: &str) {
        let mut seen: HashMap<FlowKey, (FlowEntry, Option<EnvelopeEntry>)> = HashMap::new();
        let read = self.kernel.scan(|readings, gone| {
            for (key, entry) in readings.keys.iter().zip(readings.entries) {
                seen.insert(*key, (*entry, readings.envelope(key)));
            }
            gone.extend(0..readings.keys.len());
        });
        read.expect("the map can be read");
        for (key, expected) in &self.mirror.flows {
            let (entry, envelope) =
                seen.remove(key).unwrap_or_else(|| panic!("{what}: not in the kernel: {key:?} {expected:?}"));
            assert_eq!(comparable(entry), comparable(*expected), "{what}: {key:?}");
            let is_timed = entry.first != 0 && entry.ways.iter().all(|way| (way.packets == 0) == (way.last == 0));
            assert!(is_timed, "{what}: {entry:?}");
            let expected = self.mirror.envelopes.get(key).map(comparable_envelope);
            assert_eq!(envelope.as_ref().map(comparable_envelope), expected, "{what}: {key:?}");
        }
        assert!(seen.is_empty(), "{what}: only in the kernel: {seen:?}");
    }

    fn compare_losses(&mut self, what: &str) {
        for index in 0..Loss::COUNT {
            let loss = Loss::at(index).expect("a loss at every place");
            let now = self.kernel.loss(loss).expect("the map can be read");
            let before = std::mem::replace(&mut self.lost[index], now);
            let since = (now.0 - before.0, now.1 - before.1);
            let expected = self.mirror.losses.remove(&loss.index()).unwrap_or_default();
            assert_eq!(since, expected, "{what}: {loss:?}");
        }
    }

    fn compare_not_ip(&mut self, what: &str) {
        let now: HashMap<u16, u64> = self.kernel.not_ip().expect("the map can be read").into_iter().collect();
        for (number, frames) in self.mirror.not_ip.drain() {
            *self.not_ip.entry(number).or_default() += frames;
        }
        assert_eq!(now, self.not_ip, "{what}: EtherTypes");
    }
}
