//! What the tests of the whole share.

// Live tests: namespaces, the program in them, traffic, and what the kernel counted.
pub mod both;
pub mod chains;
pub mod count;
pub mod counters;
pub mod exchange;
pub mod fabric;
pub mod frames;
pub mod identity;
pub mod inject;
pub mod mirror;
pub mod netns;
pub mod objects;
pub mod once;
pub mod peers;
pub mod record;
pub mod scrape;
pub mod slow;
pub mod sniff;
pub mod steady;
pub mod talks;
pub mod tools;
pub mod traffic;
pub mod translated;
pub mod truth;
pub mod watch;

// Tests on capture files.
pub mod files;

// Recorded traffic of a Kubernetes API server.
pub mod apiserver;
pub mod cluster;

// Captures of every protocol.
pub mod craft;

// The second kernel.
pub mod qemu;

// The chart, the manifests and the image.
pub mod deploy;
