//! The modules of the command: no cycle, and nothing depends on a command but the table of commands.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Modules of `src` with the modules that each one imports; a command is `command::NAME`.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn collect(folder: &Path, source: &Path, graph: &mut Graph) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, source, graph);
            continue;
        }
        let below = path.strip_prefix(source).unwrap().with_extension("");
        let mut parts = below.iter().map(|part| part.to_str().unwrap());
        let module = match (parts.next().unwrap(), parts.next()) {
            ("command", Some(command)) => format!("command::{command}"),
            (module, _) => module.to_owned(),
        };
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let imports =
            code.flat_map(|line| line.match_indices("crate::").map(move |(at, root)| &line[at + root.len()..]));
        let imports = imports.flat_map(|path| match path.strip_prefix('{') {
            Some(list) => list.split(',').map(|path| name(path.trim())).collect(),
            None => vec![name(path)],
        });
        let own = module.clone();
        graph.entry(module).or_default().extend(imports.filter(|import| *import != own));
    }
}

fn name(path: &str) -> String {
    let mut parts = path.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|part| !part.is_empty());
    match (parts.next().unwrap(), parts.next()) {
        ("command", Some(command)) if path.starts_with("command::") => format!("command::{command}"),
        (module, _) => module.to_owned(),
    }
}

/// Modules that are left once those without imports are taken away, again and again.
fn cycle(mut graph: Graph) -> BTreeSet<String> {
    loop {
        let left: BTreeSet<_> = graph.keys().cloned().collect();
        graph.retain(|_, imports| imports.iter().any(|import| left.contains(import)));
        if graph.len() == left.len() {
            return left;
        }
    }
}

#[test]
fn modules_form_no_cycle_and_only_the_table_of_commands_depends_on_a_command() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut graph = Graph::new();
    collect(&source, &source, &mut graph);
    assert!(graph["settings"].contains("store") && graph["command::login"].contains("settings"), "{graph:?}");
    for (module, imports) in &graph {
        let commands: Vec<_> =
            imports.iter().filter(|import| import.starts_with("command") || *import == "cli").collect();
        assert!(commands.is_empty() || module == "cli", "{module} depends on {commands:?}");
    }
    assert_eq!(cycle(graph), BTreeSet::new());
}

#[test]
fn a_cycle_is_found() {
    let graph = |edges: &[(&str, &[&str])]| -> Graph {
        edges.iter().map(|(from, to)| ((*from).to_owned(), to.iter().map(|to| (*to).to_owned()).collect())).collect()
    };
    assert_eq!(cycle(graph(&[("a", &["b"]), ("b", &["c"]), ("c", &[])])), BTreeSet::new());
    assert_eq!(cycle(graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).len(), 3);
}
