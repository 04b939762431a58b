//! Names for ends.

use flowtrace_flow::workload::{Entity, Workload};

/// How ends are named. In the forms, `{name}`, `{namespace}` and `{domain}` stand for what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The cluster's domain, as in kubelets' `resolv.conf`.
    pub domain: String,
    /// The form of a service's name.
    pub service: String,
    /// The form of a pod's name.
    pub pod: String,
    /// The form of a node's name.
    pub node: String,
}

impl Default for Names {
    fn default() -> Self {
        let within = "{name}.{namespace}.svc.{domain}".to_owned();
        Self { domain: "cluster.local".into(), service: within.clone(), pod: within, node: "{name}".into() }
    }
}

impl Names {
    /// The name of an end: of a pod the pod's, of an address or port of a service the service's, else the node's.
    /// None where the form asks for a namespace and the end has none.
    pub fn of(&self, end: &Workload) -> Option<String> {
        if let Some(pod) = &end.pod {
            return self.fill(&self.pod, pod);
        }
        if let Some(service) = &end.service {
            return self.fill(&self.service, service);
        }
        self.fill(&self.node, end.node.as_ref()?)
    }

    fn fill(&self, form: &str, entity: &Entity) -> Option<String> {
        let mut name = String::with_capacity(form.len() + 32);
        let mut rest = form;
        while let Some((before, after)) = rest.split_once('{') {
            name.push_str(before);
            let (field, after) = after.split_once('}')?;
            name.push_str(match field {
                "name" => &entity.name,
                "namespace" => entity.namespace.as_deref()?,
                "domain" => &self.domain,
                _ => return None,
            });
            rest = after;
        }
        name.push_str(rest);
        Some(name)
    }

    /// The first form that cannot be filled in, for whoever reads the configuration.
    pub fn bad_form(&self) -> Option<&str> {
        let any = Entity {
            name: "name".into(),
            namespace: Some("namespace".into()),
            uid: None,
            labels: Default::default(),
            annotations: Default::default(),
        };
        let nodes = Entity { namespace: None, ..any.clone() };
        let forms = [(&self.service, &any), (&self.pod, &any), (&self.node, &nodes)];
        forms.into_iter().find(|(form, entity)| self.fill(form, entity).is_none()).map(|(form, _)| form.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn entity(name: &str, namespace: Option<&str>) -> Option<Arc<Entity>> {
        let namespace = namespace.map(Arc::from);
        Some(Arc::new(Entity {
            name: name.into(),
            namespace,
            uid: None,
            labels: Arc::default(),
            annotations: Arc::default(),
        }))
    }

    #[test]
    fn ends_have_names() {
        let pod = Workload {
            pod: entity("web-1", Some("prod")),
            service: entity("web", Some("prod")),
            node: entity("node-a", None),
            ..Workload::default()
        };
        let service = Workload { pod: None, ..pod.clone() };
        let node = Workload { service: None, ..service.clone() };
        let names = Names::default();
        assert_eq!(names.of(&pod).unwrap(), "web-1.prod.svc.cluster.local");
        assert_eq!(names.of(&service).unwrap(), "web.prod.svc.cluster.local");
        assert_eq!(names.of(&node).unwrap(), "node-a");
        assert_eq!(names.of(&Workload::default()), None);
    }

    #[test]
    fn forms_are_checked() {
        for (node, bad) in
            [("{name}.nodes", false), ("{namespace}", true), ("{nam}", true), ("{name", true), ("x}", false)]
        {
            let names = Names { node: node.into(), ..Names::default() };
            assert_eq!(names.bad_form(), bad.then_some(node), "{node}");
        }
    }
}
