//! Whether what the options say can be done, as far as that is known before anything starts.

use flowtrace_capture::live::InterfacePatterns;

use crate::cli::outputs::OutputOptions;
use crate::cli::{CommonOptions, Output, RunOptions};
use crate::config::Variables;
use crate::{destinations, host, kubernetes, output, run, settings};

/// All that `run` finds before it starts: as [`options`], and the resource, and how Kubernetes is reached.
pub fn run(options: &RunOptions, get: Variables<'_>) -> Result<(), run::Error> {
    self::options(options, get)?;
    host::resource(None, &options.common.kubernetes).map_err(output::Error::from)?;
    kubernetes::settings(&options.common, true).map_err(output::Error::from)?;
    Ok(())
}

/// Reads patterns, filters, secrets and certificates as `run` does; opens no output and connects to nobody. `get` has
/// the environment variables.
pub fn options(options: &RunOptions, get: Variables<'_>) -> Result<(), run::Error> {
    InterfacePatterns::parse(&options.interfaces)?;
    Ok(common(&options.common, get)?)
}

fn common(options: &CommonOptions, get: Variables<'_>) -> Result<(), output::Error> {
    settings::flow_settings(options)?;
    settings::dissection(options)?;
    kubernetes::check(options)?;
    picked(&options.shown)?;
    if options.output == Some(Output::None) && options.file.output_file.is_some() {
        return Err(settings::Invalid::NothingForFile.into());
    }
    let destinations = destinations::destinations(&options.receivers, &options.shown, get)?;
    if destinations.is_empty() && options.shown.spool.spool.is_some() {
        return Err(output::Error::NothingToSpool);
    }
    for (destination, output) in destinations {
        picked(&output)?;
        destination.check().map_err(flowtrace_export::Error::from)?;
    }
    Ok(())
}

/// Which records an output gets, and what of them.
fn picked(output: &OutputOptions) -> Result<(), settings::Invalid> {
    settings::span_options(output, 0)?;
    settings::filter(output).map(drop)
}
