//! Names of files that the server makes up.

use std::collections::BTreeSet;
use std::path::Path;

use quatrix_tests::conform;
use quatrix_tests::listener::{Listener, json, with_headers};
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::Subject;
use serde_json::json as value;

use crate::resume;

conform![m41_a_folder_comes_down_below_its_target_and_nowhere_else];

/// Returns the names in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn m41_a_folder_comes_down_below_its_target_and_nowhere_else<S: Subject>(wire: Wire) {
    let long = "x".repeat(5000);
    let strange = ["CON", "-rf", "a\nb", "\x1b]0;title\x07", r"..\up", "\u{202e}fdp"];
    for name in ["..", ".", "../evil", "/evil", "a/../../evil", "", "a\0b", &long].into_iter().chain(strange) {
        let listing = value!({ "id": "h", "type": "D", "name": "", "content": [
            { "id": "f", "type": "F", "name": name, "size": 1 },
            { "id": "g", "type": "F", "name": "good", "size": 1 },
        ]});
        let listener = Listener::answering(wire, move |request| match request.path() {
            "/file/download-link" => json(200, r#"{"id":"l"}"#),
            "/file/download/l" => with_headers(200, "", "x"),
            _ => json(200, &listing.to_string()),
        });
        let client: S = listener.client();
        resume(&client);
        let around = tempfile::tempdir().unwrap();
        let target = around.path().join("target");
        let result = client.download_folder("h".parse().unwrap(), &target);
        assert_eq!(names(around.path()), BTreeSet::from(["target".to_owned()]), "{name:?}");
        let expected = match result {
            Ok((2, 0)) if strange.contains(&name) => BTreeSet::from([name.to_owned(), "good".to_owned()]),
            // A name that leads elsewhere, or that the machine cannot hold, is one file that failed; the rest arrives.
            Ok((1, 1)) if !strange.contains(&name) => BTreeSet::from(["good".to_owned()]),
            other => panic!("{name:?}: {other:?}"),
        };
        assert_eq!(names(&target), expected);
    }
}
