//! Flow records → spans: what each attribute's value is, and how a span is written.
