//! The registry as it is written: OpenTelemetry weaver's `definition/2`
//! (<https://github.com/open-telemetry/weaver/blob/main/schemas/semconv-syntax.v2.md>), as far as it is used here.

mod check;
mod model;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;

pub use model::{Definition, Instrument, Level, Metric, MetricFile, PlainType, Profile, Type};
use model::{File, Group, Manifest};

/// The registry, checked: every reference leads somewhere.
pub struct Registry {
    /// The identifier of this version of the registry.
    pub schema_url: String,
    /// The attributes of a flow span by section, in the order of output.
    pub sections: Vec<Section>,
    /// The opt-in groups.
    pub groups: Vec<SelectionGroup>,
    /// The attributes of the resource.
    pub resource: Vec<ResourceAttribute>,
}

/// Attributes that belong together.
pub struct Section {
    /// One sentence.
    pub title: String,
    /// In the order of output.
    pub attributes: Vec<Attribute>,
}

/// An attribute of a flow span.
pub struct Attribute {
    /// What the registry says about it wherever it is used.
    pub definition: Definition,
    /// How necessary it is on a flow span.
    pub level: Level,
}

impl Attribute {
    /// Whether something writes it.
    pub fn is_written(&self) -> bool {
        self.definition.annotations.flowtrace.never.is_none()
    }
}

/// A group that `--attributes` knows.
pub struct SelectionGroup {
    /// Its name on the command line.
    pub name: String,
    /// One sentence.
    pub brief: String,
    /// Whether it is on without being asked for.
    pub selected: bool,
}

/// An attribute of the resource.
pub struct ResourceAttribute {
    /// What the registry says about it.
    pub definition: Definition,
    /// How necessary it is.
    pub level: Level,
}

impl Registry {
    /// Reads the registry in this folder.
    pub fn load(folder: &Path) -> Result<Self> {
        let manifest: Manifest = read(&folder.join("manifest.yaml"))?;
        let mut definitions = definitions(&folder.join("attributes"))?;
        let spans: File = read(&folder.join("spans.yaml"))?;
        check::spans(&spans)?;
        let groups: Vec<_> =
            read::<File>(&folder.join("groups.yaml"))?.attribute_groups.into_iter().map(selection_group).collect();
        let mut sections = Vec::new();
        for group in spans.attribute_groups {
            sections.push(section(group, &mut definitions)?);
        }
        if let Some(name) = definitions.keys().next() {
            bail!("registry/attributes declares {name}, registry/spans.yaml does not refer to it");
        }
        check::attributes(&sections, &groups)?;
        let resource = resource(read(&folder.join("resource.yaml"))?)?;
        Ok(Self { schema_url: manifest.schema_url, sections, groups, resource })
    }

    /// All attributes of a flow span, in the order of output.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.sections.iter().flat_map(|section| &section.attributes)
    }
}

/// Reads one of the files.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_saphyr::from_str(&text)
        .with_context(|| format!("{} is not what weaver's definition/2 allows", path.display()))
}

/// All definitions of a folder by name.
fn definitions(folder: &Path) -> Result<BTreeMap<String, Definition>> {
    let mut all = BTreeMap::new();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    for path in paths {
        for definition in read::<File>(&path)?.attributes {
            if let Some(twice) = all.insert(definition.key.clone(), definition) {
                bail!("{} is declared twice, the second time in {}", twice.key, path.display());
            }
        }
    }
    Ok(all)
}

fn section(group: Group, definitions: &mut BTreeMap<String, Definition>) -> Result<Section> {
    let title = group.brief.with_context(|| format!("group {} has no brief", group.id))?;
    let mut attributes = Vec::new();
    for reference in group.attributes {
        let name = reference.name;
        let definition = definitions
            .remove(&name)
            .with_context(|| format!("registry/spans.yaml refers to {name}: not declared, or referred to twice"))?;
        let level = reference.requirement_level.with_context(|| format!("{name} has no requirement level"))?;
        attributes.push(Attribute { definition, level });
    }
    Ok(Section { title, attributes })
}

fn selection_group(group: Group) -> SelectionGroup {
    SelectionGroup {
        selected: group.annotations.flowtrace.selected,
        brief: group.brief.unwrap_or_default(),
        name: group.id,
    }
}

fn resource(file: File) -> Result<Vec<ResourceAttribute>> {
    let mut levels: BTreeMap<_, _> = BTreeMap::new();
    for reference in file.entities.into_iter().flat_map(|entity| entity.identity.into_iter().chain(entity.description))
    {
        levels.insert(reference.name, reference.requirement_level.unwrap_or(Level::Recommended));
    }
    let mut all = Vec::new();
    for definition in file.attributes {
        let level = levels.remove(&definition.key).with_context(|| format!("no entity has {}", definition.key))?;
        all.push(ResourceAttribute { definition, level });
    }
    if let Some(name) = levels.keys().next() {
        bail!("an entity refers to {name}, which registry/resource.yaml does not declare");
    }
    Ok(all)
}
