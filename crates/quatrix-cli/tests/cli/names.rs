//! Names that the server sends, and names that it may not get.

use quatrix_emulator::Seed;
use serde_json::json;

use crate::support::{Ended, Home, Scripted, here, home_with, names};

/// Downloads a folder with a file of this name and one that is called `good`.
fn downloaded(name: &str) -> (Home, Ended) {
    let listing = json!({ "id": "h", "type": "D", "name": "", "content": [
        { "id": "f", "type": "F", "name": name, "size": 1 },
        { "id": "g", "type": "F", "name": "good", "size": 1 },
    ]});
    let server = Scripted::start(&[
        ("/api/1.0/file/id", r#"{"file_id":"h","type":"D"}"#),
        ("/api/1.0/file/metadata/h", &listing.to_string()),
        ("/api/1.0/file/download-link", r#"{"id":"l"}"#),
        ("/api/1.0/file/download/l", "x"),
    ]);
    let home = Home::new().without("QUATRIX_BASE_URL").with("QUATRIX_API_KEY", "key");
    home.write("work/keep", "");
    let ended = home.run(&["get", "/d", &here(&home, "work/d"), "--base-url", &server.base_url]);
    (home, ended)
}

#[test]
fn m41_a_name_of_the_server_leads_nowhere_else() {
    let long = "x".repeat(5000);
    for name in ["..", ".", "../evil", "/etc/evil", "a/../../evil", "", "a\0b", &long] {
        let (home, ended) = downloaded(name);
        assert!(matches!(ended.code, Some(11..=13)), "{name:?} {ended:?}");
        assert_eq!(names(&here(&home, "")), ["work"], "{name:?}");
        assert!(names(&here(&home, "work")).iter().all(|name| name == "d" || name == "keep"), "{name:?}");
        if home.folder.path().join("work/d").exists() {
            assert!(names(&here(&home, "work/d")).iter().all(|name| name == "good"), "{name:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn m41_a_name_that_is_only_strange_is_a_name() {
    // What are devices elsewhere are files here.
    for name in ["CON", "NUL.txt", "C:", r"..\up", "-rf", "~", "$(id)", " ", "a\nb", "\x1b]0;title\x07", "\u{202e}fdp"]
    {
        let (home, ended) = downloaded(name);
        ended.ok();
        let mut expected = [name.to_owned(), "good".to_owned()];
        expected.sort();
        assert_eq!(names(&here(&home, "work/d")), expected);
    }
}

#[test]
fn m41_what_is_typed_is_a_path_or_a_mistake() {
    let home = home_with(Seed::new());
    let long = "/".to_owned() + &"x".repeat(5000);
    for args in [&["mkdir", &long][..], &["stat", &long], &["ls", &long], &["rm", &long], &["mv", &long, "/y"]] {
        let ended = home.run(args);
        assert!(matches!(ended.code, Some(0 | 2 | 6)), "{ended:?}");
    }
    let error = home.run(&["stat", "/a\x1b[31m"]).failed(6);
    assert!(error.starts_with("quatrix: /a\\u{1b}[31m: there is no such"), "{error}");
    for name in ["/a//b", "/../x", "/./x"] {
        home.run(&["stat", name]).failed(2);
    }
}
