//! The shapes of the YAML files, field by field as weaver's JSON schema has them; unknown fields are refused.

use serde::Deserialize;

/// `manifest.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    #[serde(rename = "description")]
    _description: String,
    /// `http[s]://server[:port]/path/<version>`.
    pub schema_url: String,
    #[serde(rename = "stability")]
    _stability: Stability,
}

/// Any other file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(rename = "file_format")]
    _file_format: FileFormat,
    #[serde(default)]
    pub attributes: Vec<Definition>,
    #[serde(default)]
    pub attribute_groups: Vec<Group>,
    #[serde(default)]
    pub spans: Vec<Span>,
    #[serde(default)]
    pub entities: Vec<Entity>,
}

/// `metrics.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricFile {
    #[serde(rename = "file_format")]
    _file_format: FileFormat,
    pub attributes: Vec<Definition>,
    pub metrics: Vec<Metric>,
}

/// `Metric`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    pub name: String,
    pub instrument: Instrument,
    /// As UCUM writes it.
    pub unit: String,
    #[serde(rename = "stability")]
    _stability: Stability,
    pub brief: String,
    #[serde(default)]
    pub note: String,
    #[serde(default)]
    pub attributes: Vec<Reference>,
    pub annotations: MetricAnnotations,
}

/// `InstrumentSpec`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Instrument {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricAnnotations {
    pub flowtrace: MetricAnnotation,
}

/// What this project adds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricAnnotation {
    /// Where the value comes from.
    pub source: String,
}

#[derive(Deserialize)]
pub enum FileFormat {
    #[serde(rename = "definition/2")]
    Definition2,
}

/// Everything here is still moving.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stability {
    Development,
}

/// `AttributeDef`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub key: String,
    #[serde(rename = "type")]
    pub kind: Type,
    #[serde(rename = "stability")]
    _stability: Stability,
    pub brief: String,
    #[serde(default)]
    pub note: String,
    #[serde(default)]
    pub examples: Vec<serde_json::Value>,
    pub annotations: Annotations,
}

/// `AttributeType`.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Type {
    Plain(PlainType),
    Members { members: Vec<Member> },
}

/// The types in use.
#[derive(Clone, Copy, Deserialize)]
pub enum PlainType {
    #[serde(rename = "string")]
    Text,
    #[serde(rename = "int")]
    Integer,
    #[serde(rename = "string[]")]
    Texts,
    #[serde(rename = "template[string]")]
    Template,
}

/// `EnumEntriesSpec`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    #[serde(rename = "id")]
    _id: String,
    pub value: String,
    pub brief: String,
    #[serde(rename = "stability")]
    _stability: Stability,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annotations {
    pub flowtrace: Annotation,
}

/// What this project adds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annotation {
    /// As UCUM writes it.
    pub unit: Option<String>,
    /// Where the value comes from, in one sentence.
    pub source: String,
    pub profile: Option<Profile>,
    /// The opt-in group, or `default`.
    pub group: Option<String>,
    /// Names with which the other profile renders the same fact.
    #[serde(default)]
    pub same_fact: Vec<String>,
    /// When a required attribute is absent all the same.
    pub absent: Option<String>,
    /// The requirement level in profile `proposal` where it is another.
    pub proposal_level: Option<Level>,
    /// Why nothing will ever write it, in one sentence; it is declared because the specification has it.
    pub never: Option<String>,
    /// Whether this project added the attribute to those of the reference.
    #[serde(default)]
    pub addition: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    Reference,
    Proposal,
    Both,
}

/// `RequirementLevel`.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Required,
    ConditionallyRequired(String),
    Recommended,
    OptIn,
}

/// `AttributeGroup`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub id: String,
    #[serde(rename = "visibility")]
    _visibility: Visibility,
    #[serde(default, rename = "stability")]
    _stability: Option<Stability>,
    pub brief: Option<String>,
    #[serde(default)]
    pub attributes: Vec<Reference>,
    #[serde(default)]
    pub annotations: GroupAnnotations,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    Public,
    Internal,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupAnnotations {
    pub flowtrace: GroupAnnotation,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupAnnotation {
    /// Whether the group is on without being asked for.
    pub selected: bool,
}

/// `AttributeRef`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    #[serde(rename = "ref")]
    pub name: String,
    pub requirement_level: Option<Level>,
}

/// `Span`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(rename = "kind")]
    _kind: SpanKind,
    #[serde(rename = "name")]
    _name: SpanName,
    #[serde(rename = "brief")]
    _brief: String,
    #[serde(rename = "note")]
    _note: String,
    #[serde(rename = "stability")]
    _stability: Stability,
    pub attributes: Vec<GroupReference>,
    #[serde(rename = "entity_associations")]
    _entity_associations: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    Client,
    Server,
    Internal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanName {
    #[serde(rename = "note")]
    _note: String,
}

/// `SpanGroupRef`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupReference {
    pub ref_group: String,
}

/// `Entity`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    #[serde(rename = "type")]
    _kind: String,
    #[serde(rename = "brief")]
    _brief: String,
    #[serde(rename = "stability")]
    _stability: Stability,
    pub identity: Vec<Reference>,
    #[serde(default)]
    pub description: Vec<Reference>,
}
