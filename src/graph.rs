//! Who depends on whom: the order of services, cycles, and subsets.
//!
//! Edges come from `depends_on`, and from what implies it: links, `volumes_from`, namespaces of
//! other services (`normalize` has written them all into `depends_on`), and builds that start
//! from another service's image. What the edges are used for is not known here.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::prelude::DiGraphMap;
use petgraph::visit::{Reversed, Walker};

use crate::document::{Diagnostic, Span};
use crate::project::service::depends_on::Dependency;
use crate::project::validate::{attribute_behind, contexts_of_services, span_of};
use crate::project::{Project, Service};

/// The dependencies between a project's services.
#[derive(Debug, Clone, Default)]
pub struct Graph<'p> {
    /// An edge runs from a service to what it needs.
    edges: DiGraphMap<&'p str, Edge<'p>>,
}

/// Why one service needs another.
#[derive(Debug, Clone, Default)]
pub struct Edge<'p> {
    /// Needed to run.
    pub runtime: Option<&'p Dependency>,
    /// Needed to build.
    pub build: bool,
    span: Option<Span>,
    attribute: &'static str,
}

impl<'p> Graph<'p> {
    /// The graph of a project's services. Edges to services that are not there (disabled and
    /// optional) are left out.
    pub fn of(project: &'p Project) -> Graph<'p> {
        let mut graph = Graph::default();
        for service in project.services.values() {
            graph.edges.add_node(&service.name);
            graph.add_runtime_edges(project, service);
            graph.add_build_edges(project, service);
        }
        graph
    }

    fn add_runtime_edges(&mut self, project: &'p Project, service: &'p Service) {
        for (name, dependency) in &service.depends_on {
            if let Some(target) = project.services.get(name) {
                let attribute = attribute_behind(service, name);
                let span = span_of(service, attribute);
                let edge = Edge {
                    runtime: Some(dependency),
                    build: false,
                    span,
                    attribute,
                };
                self.edges.add_edge(&service.name, &target.name, edge);
            }
        }
    }

    fn add_build_edges(&mut self, project: &'p Project, service: &'p Service) {
        for name in service.build.iter().flat_map(contexts_of_services) {
            let Some(target) = project.services.get(name) else {
                continue;
            };
            if let Some(edge) = self.edges.edge_weight_mut(&service.name, &target.name) {
                edge.build = true;
                continue;
            }
            let edge = Edge {
                runtime: None,
                build: true,
                span: span_of(service, "build"),
                attribute: "build",
            };
            self.edges.add_edge(&service.name, &target.name, edge);
        }
    }

    /// What a service needs in order to run, by name.
    pub fn dependencies(&self, service: &'p str) -> BTreeMap<&'p str, &'p Dependency> {
        let edges = self.edges.edges(service);
        edges
            .filter_map(|(_, target, edge)| Some((target, edge.runtime?)))
            .collect()
    }

    /// The services whose images a service's build starts from.
    pub fn build_dependencies(&self, service: &'p str) -> BTreeSet<&'p str> {
        self.edges
            .edges(service)
            .filter(|(_, _, edge)| edge.build)
            .map(|(_, target, _)| target)
            .collect()
    }

    /// The services that need this one in order to run.
    pub fn dependents(&self, service: &'p str) -> BTreeMap<&'p str, &'p Dependency> {
        let reversed = self
            .edges
            .neighbors_directed(service, petgraph::Direction::Incoming);
        let edge = |name| {
            self.edges
                .edge_weight(name, service)
                .and_then(|edge| Some((name, edge.runtime?)))
        };
        reversed.filter_map(edge).collect()
    }

    /// All services, each after what it needs; among those that are free, by name.
    pub fn order(&self) -> Vec<&'p str> {
        let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
        for node in self.edges.nodes() {
            waiting.insert(node, self.edges.neighbors(node).count());
        }
        let mut free: BTreeSet<&str> = waiting
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(name, _)| *name)
            .collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(name) = free.pop_first() {
            order.push(name);
            for dependent in self
                .edges
                .neighbors_directed(name, petgraph::Direction::Incoming)
            {
                if let Some(count) = waiting.get_mut(dependent) {
                    *count -= 1;
                    if *count == 0 {
                        free.insert(dependent);
                    }
                }
            }
        }
        order
    }

    /// The named services and everything that they need to run, directly or not.
    pub fn closure<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> BTreeSet<&'p str> {
        let mut reached = BTreeSet::new();
        let mut ahead: Vec<&'p str> = names
            .into_iter()
            .filter_map(|name| self.edges.nodes().find(|node| *node == name))
            .collect();
        while let Some(name) = ahead.pop() {
            if reached.insert(name) {
                ahead.extend(self.dependencies(name).keys());
            }
        }
        reached
    }

    /// The named services and everything that needs them, directly or not.
    pub fn dependents_closure(&self, name: &'p str) -> BTreeSet<&'p str> {
        petgraph::visit::Dfs::new(Reversed(&self.edges), name)
            .iter(Reversed(&self.edges))
            .collect()
    }

    /// One error per cycle, which walks along it with the place of every edge.
    pub fn cycles(&self) -> Vec<Diagnostic> {
        let mut cycles: Vec<Vec<&str>> = tarjan_scc(&self.edges)
            .into_iter()
            .filter(|component| {
                component.len() > 1 || self.edges.contains_edge(component[0], component[0])
            })
            .map(|component| self.walk(&component))
            .collect();
        cycles.sort();
        cycles.iter().map(|cycle| self.describe(cycle)).collect()
    }

    /// A shortest cycle through the alphabetically first service of a component.
    fn walk(&self, component: &[&'p str]) -> Vec<&'p str> {
        let Some(start) = component.iter().copied().min() else {
            return Vec::new();
        };
        let mut paths = std::collections::VecDeque::from([vec![start]]);
        let mut seen = BTreeSet::new();
        while let Some(path) = paths.pop_front() {
            let last = path[path.len() - 1];
            let mut next: Vec<&str> = self.edges.neighbors(last).collect();
            next.sort_unstable();
            for name in next {
                if name == start {
                    return path;
                }
                if component.contains(&name) && seen.insert(name) {
                    let mut longer = path.clone();
                    longer.push(name);
                    paths.push_back(longer);
                }
            }
        }
        vec![start]
    }

    fn describe(&self, cycle: &[&'p str]) -> Diagnostic {
        let mut round: Vec<&str> = cycle.to_vec();
        round.extend(cycle.first());
        let mut error = Diagnostic::error(format!(
            "services depend on each other: {}",
            round.join(" → ")
        ))
        .code("dependency-cycle");
        for pair in round.windows(2) {
            if let Some(edge) = self.edges.edge_weight(pair[0], pair[1])
                && let Some(span) = edge.span
            {
                error = error.at(
                    span,
                    format!("`{}` needs `{}` ({})", pair[0], pair[1], edge.attribute),
                );
            }
        }
        error.help("remove one of these")
    }
}
