// Generated from registry/ by `cargo xtask codegen`; do not edit.

//! The metrics that are declared.

use super::family::{Definition, Kind};

/// A metric. The order is that of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Metric {
    /// Packets in records.
    Packets,
    /// IP bytes in records.
    Bytes,
    /// Records made, before any filter.
    Records,
    /// Flows that began.
    FlowsBegun,
    /// Flows that are open.
    FlowsOpen,
    /// Windows that are full and wait for a receiver with room.
    WindowsWaiting,
    /// Entries in the kernel's map of flows at the last scan.
    KernelFlows,
    /// Entries for which the kernel's map has room.
    KernelFlowsMax,
    /// Time that a kernel program ran.
    KernelProgramTime,
    /// How often a kernel program ran.
    KernelProgramRuns,
    /// Interfaces to which the kernel programs are attached.
    InterfacesWatched,
    /// How long it took to read the kernel's counts and to write the records that were due.
    ScanDuration,
    /// When the last scan ended, since the Unix epoch.
    LastScanTimestamp,
    /// Packets that were seen and are in no record.
    LostPackets,
    /// Their bytes: of frames that were not read, of IP packets otherwise.
    LostBytes,
    /// Packets that are in records, and of which something else is to be said.
    NotedPackets,
    /// Their bytes.
    NotedBytes,
    /// Records that an output did not get, though it was to.
    LostRecords,
    /// Records that an output's filter left out.
    RecordsFiltered,
    /// Records that a receiver took.
    ExportRecords,
    /// Requests to a receiver, each attempt one, by how they ended.
    ExportRequests,
    /// How long a receiver took to answer, or the request to fail.
    ExportRequestDuration,
    /// 0 while a receiver does not take what it is sent and is tried again, else 1.
    ExportReceiverUp,
    /// Batches that wait in memory for a receiver.
    ExportQueueBatches,
    /// Batches for which that queue has room.
    ExportQueueBatchesMax,
    /// What the spool's records count on disk.
    SpoolSize,
    /// What they may count.
    SpoolSizeMax,
    /// Records in the spool that are neither delivered nor given up.
    SpoolRecords,
    /// Records that an earlier run left in the spool and this one took over.
    SpoolRecovered,
    /// Ends of records at which a fact was looked for: of processes those with an address of this host, else all.
    AttributionEnds,
    /// Those of them at which it was found.
    AttributionHits,
    /// How long ago the API server was last heard of a kind.
    KubernetesWatchAge,
    /// 1 for the phase in which a kind is.
    KubernetesWatchPhase,
    /// Requests to the API server.
    KubernetesRequests,
    /// Bytes of lists and events.
    KubernetesReceived,
    /// Objects in lists.
    KubernetesObjectsListed,
    /// Events of watches, bookmarks not among them.
    KubernetesEvents,
    /// Objects that could not be read and are treated as if they were not there.
    KubernetesObjectsUnreadable,
    /// Times that a new list was needed because the server no longer had what was known.
    KubernetesExpired,
    /// Requests and streams that failed, refusals among them.
    KubernetesFailures,
    /// Always 1.
    BuildInfo,
    /// Connections to this endpoint that were closed to make room for newer ones.
    HttpConnectionsClosed,
    /// Time that the program's threads ran, in user and kernel mode.
    ProcessCpu,
    /// Memory that the program holds.
    ProcessResidentMemory,
    /// Addresses that the program holds.
    ProcessVirtualMemory,
    /// The program's threads.
    ProcessThreads,
    /// Descriptors that are open.
    ProcessOpenFds,
    /// Descriptors that may be open.
    ProcessMaxFds,
    /// When the program started, since the Unix epoch.
    ProcessStartTime,
}

/// What the registry says, by metric.
pub static DEFINITIONS: [Definition; 49] = [
    Definition {
        name: "flowtrace_packets",
        unit: "",
        kind: Kind::Counter,
        labels: &["transport"],
        help: "Packets in records.",
    },
    Definition {
        name: "flowtrace_bytes",
        unit: "bytes",
        kind: Kind::Counter,
        labels: &["transport"],
        help: "IP bytes in records.",
    },
    Definition {
        name: "flowtrace_records",
        unit: "",
        kind: Kind::Counter,
        labels: &["end_reason"],
        help: "Records made, before any filter.",
    },
    Definition { name: "flowtrace_flows_begun", unit: "", kind: Kind::Counter, labels: &[], help: "Flows that began." },
    Definition { name: "flowtrace_flows_open", unit: "", kind: Kind::Gauge, labels: &[], help: "Flows that are open." },
    Definition {
        name: "flowtrace_windows_waiting",
        unit: "",
        kind: Kind::Gauge,
        labels: &[],
        help: "Windows that are full and wait for a receiver with room.",
    },
    Definition {
        name: "flowtrace_kernel_flows",
        unit: "",
        kind: Kind::Gauge,
        labels: &[],
        help: "Entries in the kernel's map of flows at the last scan.",
    },
    Definition {
        name: "flowtrace_kernel_flows_max",
        unit: "",
        kind: Kind::Gauge,
        labels: &[],
        help: "Entries for which the kernel's map has room.",
    },
    Definition {
        name: "flowtrace_kernel_program_time_seconds",
        unit: "seconds",
        kind: Kind::Counter,
        labels: &["program"],
        help: "Time that a kernel program ran.",
    },
    Definition {
        name: "flowtrace_kernel_program_runs",
        unit: "",
        kind: Kind::Counter,
        labels: &["program"],
        help: "How often a kernel program ran.",
    },
    Definition {
        name: "flowtrace_interfaces_watched",
        unit: "",
        kind: Kind::Gauge,
        labels: &[],
        help: "Interfaces to which the kernel programs are attached.",
    },
    Definition {
        name: "flowtrace_scan_duration_seconds",
        unit: "seconds",
        kind: Kind::Histogram,
        labels: &[],
        help: "How long it took to read the kernel's counts and to write the records that were due.",
    },
    Definition {
        name: "flowtrace_last_scan_timestamp_seconds",
        unit: "seconds",
        kind: Kind::Gauge,
        labels: &[],
        help: "When the last scan ended, since the Unix epoch.",
    },
    Definition {
        name: "flowtrace_lost_packets",
        unit: "",
        kind: Kind::Counter,
        labels: &["stage", "reason"],
        help: "Packets that were seen and are in no record.",
    },
    Definition {
        name: "flowtrace_lost_bytes",
        unit: "bytes",
        kind: Kind::Counter,
        labels: &["stage", "reason"],
        help: "Their bytes: of frames that were not read, of IP packets otherwise.",
    },
    Definition {
        name: "flowtrace_noted_packets",
        unit: "",
        kind: Kind::Counter,
        labels: &["reason"],
        help: "Packets that are in records, and of which something else is to be said.",
    },
    Definition {
        name: "flowtrace_noted_bytes",
        unit: "bytes",
        kind: Kind::Counter,
        labels: &["reason"],
        help: "Their bytes.",
    },
    Definition {
        name: "flowtrace_lost_records",
        unit: "",
        kind: Kind::Counter,
        labels: &["output", "stage", "reason"],
        help: "Records that an output did not get, though it was to.",
    },
    Definition {
        name: "flowtrace_records_filtered",
        unit: "",
        kind: Kind::Counter,
        labels: &["output"],
        help: "Records that an output's filter left out.",
    },
    Definition {
        name: "flowtrace_export_records",
        unit: "",
        kind: Kind::Counter,
        labels: &["output"],
        help: "Records that a receiver took.",
    },
    Definition {
        name: "flowtrace_export_requests",
        unit: "",
        kind: Kind::Counter,
        labels: &["output", "status"],
        help: "Requests to a receiver, each attempt one, by how they ended.",
    },
    Definition {
        name: "flowtrace_export_request_duration_seconds",
        unit: "seconds",
        kind: Kind::Histogram,
        labels: &["output"],
        help: "How long a receiver took to answer, or the request to fail.",
    },
    Definition {
        name: "flowtrace_export_receiver_up",
        unit: "",
        kind: Kind::Gauge,
        labels: &["output"],
        help: "0 while a receiver does not take what it is sent and is tried again, else 1.",
    },
    Definition {
        name: "flowtrace_export_queue_batches",
        unit: "",
        kind: Kind::Gauge,
        labels: &["output"],
        help: "Batches that wait in memory for a receiver.",
    },
    Definition {
        name: "flowtrace_export_queue_batches_max",
        unit: "",
        kind: Kind::Gauge,
        labels: &["output"],
        help: "Batches for which that queue has room.",
    },
    Definition {
        name: "flowtrace_spool_size_bytes",
        unit: "bytes",
        kind: Kind::Gauge,
        labels: &["output"],
        help: "What the spool's records count on disk.",
    },
    Definition {
        name: "flowtrace_spool_size_max_bytes",
        unit: "bytes",
        kind: Kind::Gauge,
        labels: &["output"],
        help: "What they may count.",
    },
    Definition {
        name: "flowtrace_spool_records",
        unit: "",
        kind: Kind::Gauge,
        labels: &["output"],
        help: "Records in the spool that are neither delivered nor given up.",
    },
    Definition {
        name: "flowtrace_spool_recovered",
        unit: "",
        kind: Kind::Counter,
        labels: &["output"],
        help: "Records that an earlier run left in the spool and this one took over.",
    },
    Definition {
        name: "flowtrace_attribution_ends",
        unit: "",
        kind: Kind::Counter,
        labels: &["fact"],
        help: "Ends of records at which a fact was looked for: of processes those with an address of this host, else all.",
    },
    Definition {
        name: "flowtrace_attribution_hits",
        unit: "",
        kind: Kind::Counter,
        labels: &["fact"],
        help: "Those of them at which it was found.",
    },
    Definition {
        name: "flowtrace_kubernetes_watch_age_seconds",
        unit: "seconds",
        kind: Kind::Gauge,
        labels: &["kind"],
        help: "How long ago the API server was last heard of a kind.",
    },
    Definition {
        name: "flowtrace_kubernetes_watch_phase",
        unit: "",
        kind: Kind::Gauge,
        labels: &["kind", "phase"],
        help: "1 for the phase in which a kind is.",
    },
    Definition {
        name: "flowtrace_kubernetes_requests",
        unit: "",
        kind: Kind::Counter,
        labels: &["kind", "verb"],
        help: "Requests to the API server.",
    },
    Definition {
        name: "flowtrace_kubernetes_received_bytes",
        unit: "bytes",
        kind: Kind::Counter,
        labels: &["kind"],
        help: "Bytes of lists and events.",
    },
    Definition {
        name: "flowtrace_kubernetes_objects_listed",
        unit: "",
        kind: Kind::Counter,
        labels: &["kind"],
        help: "Objects in lists.",
    },
    Definition {
        name: "flowtrace_kubernetes_events",
        unit: "",
        kind: Kind::Counter,
        labels: &["kind"],
        help: "Events of watches, bookmarks not among them.",
    },
    Definition {
        name: "flowtrace_kubernetes_objects_unreadable",
        unit: "",
        kind: Kind::Counter,
        labels: &["kind"],
        help: "Objects that could not be read and are treated as if they were not there.",
    },
    Definition {
        name: "flowtrace_kubernetes_expired",
        unit: "",
        kind: Kind::Counter,
        labels: &["kind"],
        help: "Times that a new list was needed because the server no longer had what was known.",
    },
    Definition {
        name: "flowtrace_kubernetes_failures",
        unit: "",
        kind: Kind::Counter,
        labels: &["kind"],
        help: "Requests and streams that failed, refusals among them.",
    },
    Definition {
        name: "flowtrace_build_info",
        unit: "",
        kind: Kind::Gauge,
        labels: &["version", "architecture"],
        help: "Always 1.",
    },
    Definition {
        name: "flowtrace_http_connections_closed",
        unit: "",
        kind: Kind::Counter,
        labels: &[],
        help: "Connections to this endpoint that were closed to make room for newer ones.",
    },
    Definition {
        name: "process_cpu_seconds",
        unit: "seconds",
        kind: Kind::Counter,
        labels: &[],
        help: "Time that the program's threads ran, in user and kernel mode.",
    },
    Definition {
        name: "process_resident_memory_bytes",
        unit: "bytes",
        kind: Kind::Gauge,
        labels: &[],
        help: "Memory that the program holds.",
    },
    Definition {
        name: "process_virtual_memory_bytes",
        unit: "bytes",
        kind: Kind::Gauge,
        labels: &[],
        help: "Addresses that the program holds.",
    },
    Definition { name: "process_threads", unit: "", kind: Kind::Gauge, labels: &[], help: "The program's threads." },
    Definition {
        name: "process_open_fds",
        unit: "",
        kind: Kind::Gauge,
        labels: &[],
        help: "Descriptors that are open.",
    },
    Definition {
        name: "process_max_fds",
        unit: "",
        kind: Kind::Gauge,
        labels: &[],
        help: "Descriptors that may be open.",
    },
    Definition {
        name: "process_start_time_seconds",
        unit: "seconds",
        kind: Kind::Gauge,
        labels: &[],
        help: "When the program started, since the Unix epoch.",
    },
];
