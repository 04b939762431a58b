//! Records as lines: in one of their forms, to standard output or a file.

use std::path::PathBuf;

use flowtrace_export::{Console, FileError, FileReport, Full, LineFile, NextLine, Rotation};
use flowtrace_flow::Record;
use flowtrace_span::{Json, Options, OtlpJson, Resource, Text};

use crate::cli::{CommonOptions, Output};
use crate::output::Error;
use crate::settings;

/// Writes records as lines.
pub struct Lines {
    format: Format,
    target: Target,
    /// Whether nobody reads them any more.
    is_closed: bool,
}

/// The form of a line.
enum Format {
    Text { text: Text, colour: bool },
    Json(Json),
    OtlpJson(OtlpJson),
    None,
}

/// Where lines go.
enum Target {
    Console(Console),
    File {
        file: LineFile,
        /// Whether the program goes on when lines are lost.
        goes_on: bool,
    },
}

impl Lines {
    /// Opens what the options say; without any, text to standard output unless records go elsewhere. `full` says
    /// what to do when a file's disk is full: with `Drop`, records are counted as lost; with `Wait`, it is an error.
    pub fn open(
        options: &CommonOptions,
        resource: &Resource,
        span: Options,
        goes_elsewhere: bool,
        full: Full,
    ) -> Result<Self, Error> {
        let path = options.file.output_file.as_deref();
        let output = options.output.unwrap_or(match (path, goes_elsewhere) {
            (Some(_), _) => Output::Json,
            (None, true) => Output::None,
            (None, false) => Output::Text,
        });
        let format = Format::new(options, output, resource, span);
        let target = match path {
            None => Target::Console(Console::stdout()),
            Some(_) if output == Output::None => return Err(settings::Invalid::NothingForFile.into()),
            Some(path) => Target::File { file: LineFile::open(path, rotation(options))?, goes_on: full == Full::Drop },
        };
        Ok(Self { format, target, is_closed: false })
    }

    /// Writes a record.
    pub fn write(&mut self, record: &Record) -> Result<(), Error> {
        match &mut self.target {
            Target::Console(console) => {
                if self.format.write(record, console.buffer()) {
                    self.is_closed = console.written()? == flowtrace_export::Output::Closed;
                }
            }
            Target::File { file, .. } => {
                self.format.write(record, file.buffer());
                let next = file.written();
                self.next_line(next)?;
            }
        }
        Ok(())
    }

    /// Writes out what has gathered.
    pub fn flush(&mut self) -> Result<(), Error> {
        match &mut self.target {
            Target::Console(console) => self.is_closed = console.flush()? == flowtrace_export::Output::Closed,
            Target::File { file, .. } => {
                let next = file.flush();
                self.next_line(next)?;
            }
        }
        Ok(())
    }

    /// Whether there are no lines, as `--output none` says.
    pub fn is_none(&self) -> bool {
        matches!(self.format, Format::None)
    }

    /// Whether nobody reads the lines any more (`| head`).
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// What became so far of records for a file, if they go to one.
    pub fn file_report(&self) -> Option<FileReport> {
        match &self.target {
            Target::Console(_) => None,
            Target::File { file, .. } => Some(file.report()),
        }
    }

    /// Writes out what is left. Says what became of records for a file, and where it is.
    pub fn close(&mut self) -> Result<Option<(FileReport, PathBuf)>, Error> {
        match &mut self.target {
            Target::Console(console) => {
                self.is_closed = console.flush()? == flowtrace_export::Output::Closed;
                Ok(None)
            }
            Target::File { file, goes_on } => {
                match file.close() {
                    Err(error) if !*goes_on || file.report().lost() == 0 => return Err(error.into()),
                    _ => {}
                }
                Ok(Some((file.report(), file.path().to_owned())))
            }
        }
    }

    /// Prepares the next line. What was lost has been said and counted: that may be no error.
    fn next_line(&mut self, next: Result<NextLine, FileError>) -> Result<(), Error> {
        let Target::File { goes_on, .. } = &self.target else { return Ok(()) };
        match next {
            Ok(NextLine::SameFile) => {}
            Ok(NextLine::NewFile) => self.format.begin(),
            Err(error) if !*goes_on => return Err(error.into()),
            // The line with the names of columns may be lost, too.
            Err(_) => self.format.begin(),
        }
        Ok(())
    }
}

impl Format {
    fn new(options: &CommonOptions, output: Output, resource: &Resource, span: Options) -> Self {
        match output {
            Output::Text => {
                let colour = match options.file.output_file {
                    Some(_) => settings::file_colours(options.color),
                    None => settings::colours(options.color),
                };
                Self::Text { text: Text::new(colour), colour }
            }
            Output::Json => Self::Json(Json::new(resource, span)),
            Output::OtlpJson => Self::OtlpJson(OtlpJson::new(resource, span)),
            Output::None => Self::None,
        }
    }

    /// Whether anything was written.
    fn write(&mut self, record: &Record, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Text { text, .. } => text.write(record, out),
            Self::Json(json) => json.write(record, out),
            Self::OtlpJson(json) => json.write(record, out),
            Self::None => return false,
        }
        true
    }

    /// The next line is a file's first.
    fn begin(&mut self) {
        if let Self::Text { text, colour } = self {
            *text = Text::new(*colour);
        }
    }
}

fn rotation(options: &CommonOptions) -> Rotation {
    let file = &options.file;
    Rotation { size: file.rotate_size, age: file.rotate_age, keep: file.rotate_keep as usize }
}
