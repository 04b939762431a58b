//! Runs the program and waits for its end, with a limit.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// A run that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// What a run left behind.
#[derive(Debug)]
pub struct Ended {
    /// Exit status.
    pub code: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// Standard output as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("standard output is UTF-8")
    }
}

/// The folder of the build that this test belongs to (`target/debug`).
pub fn build_folder() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    executable.parent().and_then(Path::parent).expect("tests lie in target/PROFILE/deps").to_owned()
}

/// The program: what `FLOWTRACE_BIN` names, else the one of this build, which is brought up to date first.
pub fn flowtrace() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| std::env::var_os("FLOWTRACE_BIN").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let folder = build_folder();
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "flowtrace", "--profile", profile, "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .arg("--target-dir")
        .arg(folder.parent().expect("a target folder"))
        .status();
    let program = folder.join("flowtrace");
    assert!(status.is_ok_and(|status| status.success()), "`cargo build -p flowtrace` failed");
    assert!(program.is_file(), "{} is not there after `cargo build -p flowtrace`", program.display());
    program
}

/// The program with these arguments, and an environment in which nothing changes what it does.
pub fn command(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(flowtrace());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "FLOWTRACE_LOG", "FLOWTRACE_CONFIG", "NO_COLOR"] {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end.
pub fn run(arguments: &[impl AsRef<OsStr>]) -> Ended {
    run_with(command(arguments), &[])
}

/// `flowtrace read` of one file with the given options before it, to its end.
pub fn read(options: &[&str], file: &Path) -> Ended {
    let arguments = [OsStr::new("read")].into_iter().chain(options.iter().map(OsStr::new)).chain([file.as_os_str()]);
    run(&arguments.collect::<Vec<_>>())
}

/// Runs a command of [`command`] to its end, with this standard input if there is any.
///
/// # Panics
/// When it takes longer than a minute, or is ended by a signal.
pub fn run_with(mut command: Command, stdin: &[u8]) -> Ended {
    if !stdin.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        // A program that does not read its input to the end says why by its exit status.
        scope.spawn(|| input.map(|mut input| input.write_all(stdin)));
        let output = scope.spawn(|| all_of(output));
        let errors = scope.spawn(|| all_of(errors));
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begin.elapsed() > LIMIT {
                let _ = child.kill();
                panic!("hangs: {command:?}");
            }
            thread::sleep(Duration::from_millis(2));
        };
        let (stdout, stderr) = (output.join().unwrap(), errors.join().unwrap());
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        let code = status.code().unwrap_or_else(|| panic!("{command:?} was ended by {status}: {stderr}"));
        Ended { code, stdout, stderr }
    })
}

fn all_of(stream: Option<impl Read>) -> Vec<u8> {
    let mut content = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut content).unwrap();
    }
    content
}
