//! Spans of two nodes that saw the same connection become parent and child.

use flowtrace_flow::{Direction, End, Evidence, Record, span_id};
use flowtrace_kubernetes::View;

/// What is needed to name the other node's span.
pub struct Links {
    /// The key of span ids.
    pub key: [u8; 16],
    /// This node.
    pub node: String,
    /// The hash of this agent's configuration: only one that is configured alike makes the same ids.
    pub configuration: String,
}

impl Links {
    /// Names the initiator's side as the parent of the responder's: its first record of the same trace. Only where both
    /// ends are pods, the handshake says which connection it is and was not translated here, and the other node has an
    /// agent to make that record.
    pub fn link(&self, record: &mut Record, view: &View) {
        let is_root = record.parent_span_id.is_none() && record.nat.is_none();
        if !is_root || record.direction != Direction::Reverse || record.evidence != Evidence::Handshake {
            return;
        }
        let Some(node) = self.initiator_node(record) else { return };
        if node != self.node && view.has_agent(&node, &self.configuration) {
            record.parent_span_id = Some(span_id(&self.key, &record.trace_id, &node, 0, 0));
        }
    }

    /// The node of the initiator, where both ends are pods.
    fn initiator_node(&self, record: &Record) -> Option<String> {
        let who = record.who.as_deref()?;
        let [initiator, responder] =
            [record.initiator?, record.initiator?.other()].map(|end: End| who.party(end).workload.as_deref());
        let (initiator, responder) = (initiator?, responder?);
        responder.pod.as_ref()?;
        initiator.pod.as_ref()?;
        Some(initiator.node.as_ref()?.name.to_string())
    }
}
