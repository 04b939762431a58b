//! Clusters made by hand, for tests that the recorded one does not fit.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Server;
use super::recording::{Event, History, Recording};

impl Recording {
    /// A cluster of these objects, each with its `kind`, in which nothing happens. Of what they do not say the API
    /// server's usual values are set: uid, version, time of creation.
    pub fn made(objects: &[Value]) -> Self {
        let mut histories: HashMap<(String, bool), History> = HashMap::new();
        for kind in Self::KINDS {
            for is_meta in [false, true] {
                histories.insert((kind.to_owned(), is_meta), History::default());
            }
        }
        for (number, object) in objects.iter().enumerate() {
            let kind = object["kind"].as_str().unwrap();
            let plural = if kind.ends_with('y') { kind.replace('y', "ies") } else { format!("{kind}s") }.to_lowercase();
            let mut object = object.clone();
            let metadata = object["metadata"].as_object_mut().unwrap();
            let uid = format!("00000000-0000-4000-8000-{number:012}");
            for (name, value) in [("uid", uid), ("creationTimestamp", "2020-01-01T00:00:00Z".to_owned())] {
                metadata.entry(name).or_insert(json!(value));
            }
            metadata.insert("resourceVersion".to_owned(), json!(Self::START.to_string()));
            let meta = json!({ "kind": kind, "metadata": object["metadata"] });
            for (is_meta, object) in [(false, &object), (true, &meta)] {
                let history = histories.get_mut(&(plural.clone(), is_meta)).unwrap_or_else(|| panic!("no {plural}"));
                history.start.push(Event::read("ADDED", &object.to_string(), b""));
            }
        }
        Self { folder: PathBuf::new(), http: BTreeMap::new(), histories }
    }
}

impl Server {
    /// Writes a kubeconfig that leads here, and answers its path.
    pub fn kubeconfig(&self, folder: &Path) -> String {
        let path = folder.join(format!("kubeconfig-{}", self.address.port()));
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{ "name": "here", "context": { "cluster": "here", "user": "nobody" } }],
            "clusters": [{ "name": "here", "cluster": { "server": self.url() } }],
            "users": [{ "name": "nobody", "user": {} }],
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}
