//! What the user wrote → what the program uses.

use std::io::{self, IsTerminal};
use std::time::Duration;

use flowtrace_flow::Settings;
use flowtrace_span::{Options, Selection};

use crate::cli::{Color, CommonOptions, parse_duration};

/// What is wrong with an option.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// `--timeout`.
    #[error("--timeout {text}: {why}; write it as udp=30s, with one of the names {}", NAMES.join(", "))]
    Timeout {
        /// What was written.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// `--attributes`.
    #[error("--attributes: {0}")]
    Attributes(#[from] flowtrace_span::UnknownGroup),
}

/// The names of the timeouts.
const NAMES: [&str; 7] = ["active", "tcp", "tcp_fin", "tcp_rst", "udp", "icmp", "generic"];

/// How flows are told apart and cut.
pub fn flow_settings(options: &CommonOptions) -> Result<Settings, Invalid> {
    let mut settings = Settings::default();
    for text in &options.timeouts {
        let invalid = |why: String| Invalid::Timeout { text: text.clone(), why };
        let (name, value) = text.split_once('=').ok_or_else(|| invalid("there is no `=`".to_owned()))?;
        let value = nanoseconds(parse_duration(value).map_err(invalid)?);
        let timeouts = &mut settings.timeouts;
        *match name {
            "active" => &mut settings.active,
            "tcp" => &mut timeouts.tcp,
            "tcp_fin" => &mut timeouts.tcp_fin,
            "tcp_rst" => &mut timeouts.tcp_rst,
            "udp" => &mut timeouts.udp,
            "icmp" => &mut timeouts.icmp,
            "generic" => &mut timeouts.generic,
            _ => return Err(invalid(format!("there is no timeout `{name}`"))),
        } = value;
    }
    Ok(settings)
}

/// Which attributes spans have.
pub fn span_options(options: &CommonOptions) -> Result<Options, Invalid> {
    Ok(Options { selection: Selection::parse(&options.attributes)?, community_id_seed: options.community_id_seed })
}

/// Whether text has colours.
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
    use clap::Parser;

    use super::*;
    use crate::cli::{Arguments, Command};

    fn common(arguments: &[&str]) -> CommonOptions {
        let line = ["flowtrace", "read", "x.pcap"].iter().chain(arguments);
        match Arguments::try_parse_from(line).expect("a command line").command {
            Command::Read(options) => options.common,
            Command::Run(_) => unreachable!("it says read"),
        }
    }

    #[test]
    fn timeouts_are_set_by_name() {
        let settings = flow_settings(&common(&["-t", "active=1s", "--timeout", "udp=250ms"])).expect("good");
        assert_eq!((settings.active, settings.timeouts.udp), (1_000_000_000, 250_000_000));
        assert_eq!(settings.timeouts.tcp, Settings::default().timeouts.tcp);
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
        let error = span_options(&common(&["--attributes", "tunel"])).expect_err("no group").to_string();
        assert!(error.contains("did you mean tunnel"), "{error}");
    }
}
