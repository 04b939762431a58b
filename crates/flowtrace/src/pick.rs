//! Which records an output gets.

use flowtrace_filter::Filter;
use flowtrace_flow::Record;
use flowtrace_span::Options;

use crate::cli::outputs::OutputOptions;
use crate::settings::{self, Invalid};

/// The filter of one output, and how many records it left out.
pub struct Pick {
    filter: Option<Filter>,
    options: Options,
    left_out: u64,
}

impl Pick {
    /// As the options of the output say.
    pub fn new(output: &OutputOptions, options: &Options) -> Result<Self, Invalid> {
        Ok(Self { filter: settings::filter(output)?, options: options.clone(), left_out: 0 })
    }

    /// Whether the output gets this record; counts it if not.
    pub fn takes(&mut self, record: &Record) -> bool {
        let takes = self.filter.as_ref().is_none_or(|filter| filter.accepts(record, &self.options));
        self.left_out += u64::from(!takes);
        takes
    }

    /// How many records the output did not get.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}
