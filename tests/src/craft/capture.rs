//! A capture and what must be read from it.

use super::ends::Ends;
use super::expect::Flow;
use super::link::linktype;
use super::pdu::{Pdu, each};

/// Microseconds since the Unix epoch at which the captures begin: 2023-11-14 22:13:20 UTC.
const BEGIN: u64 = 1_700_000_000_000_000;

/// A capture file, and the flows in it as told by hand. Frames that are in no flow are to be counted as something else.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Folder.
    pub group: &'static str,
    /// Name of the file, without ending.
    pub name: &'static str,
    /// Link type ([`linktype`]).
    pub link: u32,
    /// The frames, a millisecond apart.
    pub frames: Vec<Pdu>,
    /// What is to be found.
    pub flows: Vec<Flow>,
}

/// An empty capture of Ethernet frames.
pub const fn capture(group: &'static str, name: &'static str) -> Capture {
    Capture { group, name, link: linktype::ETHERNET, frames: Vec::new(), flows: Vec::new() }
}

impl Capture {
    /// Its frames are of another link type.
    pub fn link(self, link: u32) -> Self {
        Self { link, ..self }
    }

    /// Adds frames, each of these packets wrapped.
    pub fn talk(mut self, talk: Vec<Pdu>, wrap: impl Fn(Pdu) -> Pdu) -> Self {
        self.frames.extend(each(talk, wrap));
        self
    }

    /// Adds Ethernet frames with IP packets between these ends.
    pub fn over(self, ends: Ends, talk: Vec<Pdu>) -> Self {
        self.talk(talk, |pdu| pdu.ip(ends).eth())
    }

    /// Adds a flow that is to be found.
    pub fn flow(mut self, flow: Flow) -> Self {
        self.flows.push(flow);
        self
    }

    /// Adds the same flow, for captures that are alike.
    pub fn flows(mut self, flows: impl IntoIterator<Item = Flow>) -> Self {
        self.flows.extend(flows);
        self
    }

    /// The capture file (draft-ietf-opsawg-pcap), little endian.
    pub fn file(&self) -> Vec<u8> {
        let mut file = [0xa1b2_c3d4_u32.to_le_bytes(), [2, 0, 4, 0]].concat();
        file.extend([0, 0, 262_144, self.link].map(u32::to_le_bytes).concat());
        for (number, frame) in self.frames.iter().enumerate() {
            let time = BEGIN + 1000 * number as u64;
            let length = frame.bytes.len() as u32;
            let head = [(time / 1_000_000) as u32, (time % 1_000_000) as u32, length, length + frame.missing];
            file.extend(head.map(u32::to_le_bytes).concat());
            file.extend(&frame.bytes);
        }
        file
    }

    /// Its frames, where they are whole Ethernet frames: what a kernel program can be given.
    pub fn ethernet(&self) -> Option<Vec<&[u8]>> {
        let whole = self.link == linktype::ETHERNET && self.frames.iter().all(|frame| frame.missing == 0);
        whole.then(|| self.frames.iter().map(|frame| &frame.bytes[..]).collect())
    }
}
