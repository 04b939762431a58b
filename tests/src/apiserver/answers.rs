//! What the server answers.

use super::http::{Answer, Request};
use super::recording::{Event, History};
use super::{Control, Recording};

/// What was asked for.
pub(super) struct Question<'a> {
    pub(super) request: &'a Request,
    pub(super) kind: String,
    pub(super) is_meta: bool,
    /// Only pods of this node.
    pub(super) node: Option<String>,
}

impl<'a> Question<'a> {
    pub(super) fn of(request: &'a Request) -> Self {
        let kind = request.path().rsplit('/').next().unwrap_or_default().to_owned();
        let is_meta = request.header("accept").contains("as=PartialObjectMetadata");
        let node = request.parameter("fieldSelector").map(|selector| {
            selector.strip_prefix("spec.nodeName=").expect("the only selector that is known").to_owned()
        });
        Self { request, kind, is_meta, node }
    }

    pub(super) fn history<'r>(&self, recording: &'r Recording) -> Option<&'r History> {
        recording.histories.get(&(self.kind.clone(), self.is_meta))
    }

    pub(super) fn is_selected(&self, event: &Event) -> bool {
        self.node.as_deref().is_none_or(|node| event.node == node)
    }
}

/// A recorded answer, byte for byte.
pub(super) fn recorded(recording: &Recording, file: &str) -> Answer {
    let http = recording.http.get(file);
    let headers = http.and_then(|http| http.response_headers.clone()).unwrap_or_default();
    Answer {
        status: http.map_or(200, |http| http.status),
        headers: headers.into_iter().collect(),
        body: recording.file(file),
    }
}

/// What is refused, whatever was asked.
pub(super) fn refusal(recording: &Recording, control: &Control, question: &Question<'_>) -> Option<Answer> {
    let authorization = question.request.header("authorization");
    if control.token.as_ref().is_some_and(|token| authorization != format!("Bearer {token}")) {
        return Some(recorded(recording, "error.401.json"));
    }
    let (_, status) = control.refused.iter().find(|(kind, _)| *kind == question.kind)?;
    Some(match status {
        403 if question.request.parameter("watch").is_some() => recorded(recording, "error.403.watch.json"),
        403 => recorded(recording, "error.403.json"),
        _ => recorded(recording, "error.404.resource.txt"),
    })
}

/// A list, or a page of one: as recorded, if it was; else of what there is at its version.
pub(super) fn list(recording: &Recording, now: u64, question: &Question<'_>) -> Answer {
    if let Some(file) = recorded_list(recording, now, question) {
        return recorded(recording, &file);
    }
    let Some(history) = question.history(recording) else { return recorded(recording, "error.404.resource.txt") };
    let token = question.request.parameter("continue");
    // A list is of the time of its first page.
    let (version, offset) = match token.as_deref().map(|token| token.split_once('.')) {
        None => (now, 0),
        Some(Some((version, offset))) => (version.parse().unwrap(), offset.parse().unwrap()),
        Some(None) => return recorded(recording, "error.410.continue.json"),
    };
    let objects = history.at(version);
    let selected: Vec<_> = objects.values().filter(|event| question.is_selected(event)).collect();
    let limit = question.request.parameter("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
    let end = selected.len().min(limit.saturating_add(offset));
    let items: Vec<_> = selected[offset..end].iter().map(|event| event.object.as_str()).collect();
    let left = selected.len() - end;
    let more = match left {
        0 => String::new(),
        _ => format!(r#","continue":"{version}.{end}","remainingItemCount":{left}"#),
    };
    let body = format!(r#"{{"metadata":{{"resourceVersion":"{version}"{more}}},"items":[{}]}}"#, items.join(","));
    Answer::json(200, body.into_bytes())
}

/// The file of a list that was recorded at this version with the same request.
fn recorded_list(recording: &Recording, now: u64, question: &Question<'_>) -> Option<String> {
    let point = match now {
        Recording::START => ".start.list.",
        Recording::STEADY => ".list.",
        Recording::END => ".end.list.",
        _ => return None,
    };
    let (target, accept) = (question.request.target.as_str(), question.request.header("accept"));
    let of_point = |file: &str| match file.strip_prefix(&question.kind) {
        Some(rest) => rest.starts_with(point),
        None => now == Recording::STEADY && file.starts_with("paged."),
    };
    let same = |file: &str| {
        let http = &recording.http[file];
        http.path == target && http.accept() == accept && http.status == 200
    };
    recording.http.keys().find(|file| of_point(file) && same(file)).cloned()
}
