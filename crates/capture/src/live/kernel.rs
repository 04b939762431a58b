//! The kernel program: loaded, told its settings, asked for its counts.
#![allow(unsafe_code, reason = "aya asks for a promise that the shared types are plain data")]

use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, RingBuf};
use aya::programs::{ProgramError, SchedClassifier, TestRun as _, TestRunOptions};
use aya::{Ebpf, EbpfLoader, Pod};
use flowtrace_abi::{EnvelopeEntry, FlowEntry, FlowKey, KernelSettings, Loss, Payload, ScanState, state};
use flowtrace_wire::Ports;

use super::batch::{self, Batches, Position};
use super::{Error, Moment, ProgramRuns, payloads, runs};

/// The program as it was built for this version (see `cargo xtask ebpf`).
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../ebpf/prebuilt/flowtrace.bpf.o");

/// Plain data of the contract, in a form in which aya moves it.
#[repr(transparent)]
#[derive(Clone, Copy)]
struct Plain<T: Copy>(T);

// SAFETY: only instantiated with the types of the contract, which are integers without padding.
unsafe impl<T: Copy + 'static> Pod for Plain<T> {}

impl<T: Copy> Plain<T> {
    /// For what is too large to be moved about.
    fn of_ref(value: &T) -> &Self {
        // SAFETY: transparent.
        unsafe { &*std::ptr::from_ref(value).cast() }
    }
}

/// How the kernel program is loaded.
#[derive(Clone, Debug)]
pub struct KernelOptions {
    /// How many flows the kernel holds.
    pub max_flows: u32,
    /// When a flow is over, and what is read and counted of a packet.
    pub settings: KernelSettings,
    /// Which UDP ports are known.
    pub ports: Box<Ports>,
    /// Whether payload is read for names: what port 53 sends, and TLS ClientHellos. Without it the programs have no
    /// instruction for it.
    pub payloads: bool,
    /// Another object than the built-in one; for those who change it.
    pub object: Option<PathBuf>,
}

/// A hook of the kernel program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Packets that arrive.
    Ingress,
    /// Packets that leave.
    Egress,
}

impl Hook {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Egress];
}

/// What the packets of an interface begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// An Ethernet header.
    Ethernet,
    /// An IP header (tun, WireGuard, IP in IP, PPP).
    Ip,
}

/// Name of the program for such packets at a hook.
const fn program_name(hook: Hook, header: Header, payloads: bool) -> &'static str {
    match (hook, header, payloads) {
        (Hook::Ingress, Header::Ethernet, false) => "ingress",
        (Hook::Egress, Header::Ethernet, false) => "egress",
        (Hook::Ingress, Header::Ip, false) => "ingress_ip",
        (Hook::Egress, Header::Ip, false) => "egress_ip",
        (Hook::Ingress, Header::Ethernet, true) => "ingress_read",
        (Hook::Egress, Header::Ethernet, true) => "egress_read",
        (Hook::Ingress, Header::Ip, true) => "ingress_ip_read",
        (Hook::Egress, Header::Ip, true) => "egress_ip_read",
    }
}

/// One batch of readings, lent until the next one is made.
pub struct Readings<'a> {
    /// The moment after they were made.
    pub now: Moment,
    /// Keys of the flows.
    pub keys: &'a [FlowKey],
    /// Their entries.
    pub entries: &'a [FlowEntry],
    envelopes: &'a Envelopes,
}

impl Readings<'_> {
    /// What lies around the packets of a flow, where anything does: read now.
    pub fn envelope(&self, key: &FlowKey) -> Option<EnvelopeEntry> {
        self.envelopes.get(&Plain(*key), 0).ok().map(|Plain(entry)| entry)
    }
}

type Envelopes = HashMap<MapData, Plain<FlowKey>, Plain<EnvelopeEntry>>;

/// What a test run tells the program about a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct SkbContext {
    /// Payload bytes of each packet that a super-packet stands for; 0: it is none.
    pub gso_size: u32,
    /// How many packets it stands for.
    pub gso_segments: u32,
}

/// The loaded kernel program.
pub struct Kernel {
    ebpf: Ebpf,
    flows: MapData,
    envelopes: Envelopes,
    ethertypes: HashMap<MapData, u32, u64>,
    losses: PerCpuArray<MapData, [u64; 2]>,
    payloads: Option<RingBuf<MapData>>,
    scan: Array<MapData, Plain<ScanState>>,
    /// Held because programs that are loaded later need its descriptor.
    _ports: Array<MapData, Plain<Ports>>,
    batches: Batches,
    epoch: u16,
    silence: u64,
}

impl Kernel {
    /// Loads the program; attaches nothing.
    ///
    /// # Errors
    /// Missing permission, or a kernel that cannot do it.
    pub fn load(options: &KernelOptions) -> Result<Self, Error> {
        let other;
        let object = match &options.object {
            None => OBJECT,
            Some(path) => {
                other = fs::read(path).map_err(|source| Error::Object { path: path.display().to_string(), source })?;
                &other
            }
        };
        let settings = Plain(options.settings);
        let mut ebpf = EbpfLoader::new()
            .map_max_entries("FLOWS", options.max_flows.max(1))
            .map_max_entries("ENVELOPES", options.max_flows.max(1))
            .map_max_entries(payloads::MAP, payloads::room(options.payloads))
            .override_global("SETTINGS", &settings, true)
            .load(object)
            .map_err(permission_or)?;
        let mut ports: Array<MapData, Plain<Ports>> = take(&mut ebpf, ".bss")?.try_into()?;
        ports.set(0, Plain::of_ref(&*options.ports), 0)?;
        let flows = take_flows(&mut ebpf)?;
        let payloads = if options.payloads { Some(take(&mut ebpf, payloads::MAP)?.try_into()?) } else { None };
        let mut kernel = Self {
            flows,
            payloads,
            envelopes: take(&mut ebpf, "ENVELOPES")?.try_into()?,
            ethertypes: take(&mut ebpf, "ETHERTYPES")?.try_into()?,
            losses: take(&mut ebpf, "LOSSES")?.try_into()?,
            scan: take(&mut ebpf, ".data")?.try_into()?,
            _ports: ports,
            ebpf,
            batches: Batches::new(),
            epoch: 0,
            silence: u64::MAX,
        };
        kernel.next_scan(Moment::now())?;
        // At once, so that what the kernel has against them is said before anything is done. The others are for few
        // hosts, and come when they are needed.
        for hook in Hook::ALL {
            kernel.classifier(hook, Header::Ethernet)?;
        }
        Ok(kernel)
    }

    /// One of the programs, loaded.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn classifier(&mut self, hook: Hook, header: Header) -> Result<&mut SchedClassifier, Error> {
        let name = program_name(hook, header, self.payloads.is_some());
        let program: &mut SchedClassifier =
            self.ebpf.program_mut(name).and_then(|program| program.try_into().ok()).ok_or(Error::Contract(name))?;
        if program.fd().is_err() {
            program.load().map_err(|source| program_error(name, source))?;
        }
        Ok(program)
    }

    /// Begins a scan: header values are taken anew, and the clocks are set.
    ///
    /// # Errors
    /// When the map cannot be written.
    pub fn next_scan(&mut self, now: Moment) -> Result<(), Error> {
        // 0 is no scan: entries begin with it.
        self.epoch = self.epoch.checked_add(1).unwrap_or(1);
        let state = ScanState {
            boot_offset: now.boot.wrapping_sub(now.monotonic),
            epoch: u32::from(self.epoch),
            reserved: 0,
            silence: self.silence,
        };
        Ok(self.scan.set(0, Plain(state), 0)?)
    }

    /// Says how long a flow may be silent from the next scan on, whatever its timeout, in nanoseconds.
    pub fn set_silence(&mut self, silence: u64) {
        self.silence = silence;
    }

    /// Reads all entries. `visit` gets each batch and names the places in it of the entries to delete.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn scan(&mut self, mut visit: impl FnMut(&Readings<'_>, &mut Vec<usize>)) -> Result<(), Error> {
        self.next_scan(Moment::now())?;
        let Self { flows, envelopes, batches, .. } = self;
        let mut position = Position::Start;
        let (mut places, mut gone) = (Vec::new(), Vec::new());
        while position != Position::End {
            let map = flows.fd().as_fd();
            let (next, keys, entries) = batches.read(map, position).map_err(Error::Batch)?;
            visit(&Readings { now: Moment::now(), keys, entries, envelopes }, &mut places);
            for place in places.drain(..) {
                // Before the flow's entry: a new flow of the same ends must not find what lay around the old one.
                if entries[place].state & state::ENVELOPED != 0 {
                    forget(envelopes, &keys[place])?;
                }
                gone.push(keys[place]);
            }
            batch::delete(map, &gone).map_err(Error::Batch)?;
            gone.clear();
            position = next;
        }
        Ok(())
    }

    /// Takes out the payloads that the programs have put aside since the last call, in the order in which they were seen.
    pub fn take_payloads(&mut self, mut visit: impl FnMut(Payload<'_>)) {
        let Some(ring) = &mut self.payloads else { return };
        // Who fills the ring as fast as it is read does not stop the scan.
        for _ in 0..payloads::AT_ONCE {
            let Some(item) = ring.next() else { return };
            if let Some(payload) = payloads::read(&item) {
                visit(payload);
            }
        }
    }

    /// How many frames held no IP so far, by EtherType (of 802.3 frames, by LLC access point).
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn not_ip(&self) -> Result<Vec<(u16, u64)>, Error> {
        let frames = self.ethertypes.iter().map(|entry| entry.map(|(number, frames)| (number as u16, frames)));
        Ok(frames.collect::<Result<_, _>>()?)
    }

    /// What the kernel counted of the programs that are loaded.
    pub(super) fn runs(&self) -> impl Iterator<Item = ProgramRuns> {
        runs::of(&self.ebpf)
    }

    /// Packets and bytes not counted into a flow so far, over all CPUs.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn loss(&self, loss: Loss) -> Result<(u64, u64), Error> {
        let values = self.losses.get(&loss.index(), 0)?;
        Ok(values.iter().fold((0, 0), |sum, [packets, bytes]| (sum.0 + packets, sum.1 + bytes)))
    }

    /// Runs a hook's program on one frame (`BPF_PROG_TEST_RUN`), `repeat` times. Returns what the kernel says a run took,
    /// in nanoseconds, and what the program returned.
    ///
    /// # Errors
    /// When the kernel does not run it, as with frames shorter than an Ethernet header.
    pub fn test_run(
        &mut self,
        hook: Hook,
        header: Header,
        frame: &[u8],
        context: SkbContext,
        repeat: u32,
    ) -> Result<(u64, u32), Error> {
        let context = context.encode();
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.ctx_in = Some(&context);
        options.repeat = repeat;
        let name = program_name(hook, header, self.payloads.is_some());
        let program = self.classifier(hook, header)?;
        let result = program.test_run(options).map_err(|source| program_error(name, source))?;
        Ok((result.duration.as_nanos() as u64, result.return_value))
    }
}

impl SkbContext {
    /// As `struct __sk_buff` (include/uapi/linux/bpf.h); all other fields must be zero.
    fn encode(self) -> [u8; 192] {
        const GSO_SEGMENTS: usize = 164;
        const GSO_SIZE: usize = 176;
        let mut bytes = [0; 192];
        bytes[GSO_SEGMENTS..GSO_SEGMENTS + 4].copy_from_slice(&self.gso_segments.to_ne_bytes());
        bytes[GSO_SIZE..GSO_SIZE + 4].copy_from_slice(&self.gso_size.to_ne_bytes());
        bytes
    }
}

fn forget(envelopes: &mut Envelopes, key: &FlowKey) -> Result<(), Error> {
    match envelopes.remove(&Plain(*key)) {
        Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error)) if error.io_error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn take(ebpf: &mut Ebpf, name: &'static str) -> Result<Map, Error> {
    ebpf.take_map(name).ok_or(Error::Contract(name))
}

/// The map of flows, whose entries are read by system calls of our own: so their sizes are checked here.
fn take_flows(ebpf: &mut Ebpf) -> Result<MapData, Error> {
    const NAME: &str = "FLOWS";
    let Map::HashMap(flows) = take(ebpf, NAME)? else { return Err(Error::Contract(NAME)) };
    let info = flows.info()?;
    let fits = info.key_size() as usize == size_of::<FlowKey>() && info.value_size() as usize == size_of::<FlowEntry>();
    if fits { Ok(flows) } else { Err(Error::Contract(NAME)) }
}

fn permission_or(error: aya::EbpfError) -> Error {
    match &error {
        aya::EbpfError::MapError(MapError::CreateError { io_error, .. }) if is_permission(io_error) => {
            Error::Permission
        }
        aya::EbpfError::BtfError(_) if !rustix::process::geteuid().is_root() => Error::Permission,
        _ => Error::Load(error),
    }
}

fn program_error(program: &'static str, source: ProgramError) -> Error {
    match &source {
        ProgramError::LoadError { io_error, .. }
            if is_permission(io_error) && !rustix::process::geteuid().is_root() =>
        {
            Error::Permission
        }
        _ => Error::Program { program, source },
    }
}

fn is_permission(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::PermissionDenied
}
