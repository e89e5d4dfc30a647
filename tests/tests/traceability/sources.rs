//! Finds the tests in Rust sources, by name and file.

use std::fs;
use std::path::Path;

/// A test somewhere in the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) name: String,
    /// The file that it is in, from the root of the workspace, with slashes.
    pub(crate) file: String,
}

impl Test {
    /// The ids in its name, `s10` and `m11` in `s10_m11_the_next_takes_over`.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.name.split('_').filter(|word| is_id(word))
    }
}

fn is_id(word: &str) -> bool {
    matches!(word.as_bytes(), [b's' | b'i' | b'q' | b'm', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit())
}

/// Every test below this folder.
pub(crate) fn tests_below(root: &Path) -> Vec<Test> {
    let mut tests = Vec::new();
    visit(root, "", &mut tests);
    tests
}

fn visit(folder: &Path, place: &str, tests: &mut Vec<Test>) {
    let entries = fs::read_dir(folder).expect("a folder of the workspace can be read");
    for entry in entries.map(|entry| entry.expect("its entries as well")) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let file = if place.is_empty() { name.clone() } else { format!("{place}/{name}") };
        let path = entry.path();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            visit(&path, &file, tests);
        } else if name.ends_with(".rs") {
            let source = fs::read_to_string(&path).expect("sources are UTF-8");
            tests.extend(test_names(&source).into_iter().map(|name| Test { name, file: file.clone() }));
        }
    }
}

/// The names of the functions that a test runner runs: marked `#[test]` or `#[..::test(..)]`, and not `#[ignore]`; or
/// listed in `conform![..]`, which makes tests of them for both adapters.
fn test_names(source: &str) -> Vec<String> {
    let code = code_of(source);
    let mut names = Vec::new();
    let (mut is_test, mut is_ignored) = (false, false);
    let mut rest = code.as_str();
    while let Some(next) = rest.chars().next() {
        if let Some((attribute, after)) = attribute(rest) {
            let path = attribute.split(['(', '=']).next().unwrap_or_default().trim();
            is_test |= path == "test" || path.ends_with("::test");
            is_ignored |= path == "ignore";
            rest = after;
        } else if is_word(next) {
            let (word, after) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            rest = after;
            if word == "fn" {
                let name: String = rest.trim_start().chars().take_while(|&c| is_word(c)).collect();
                // In a macro the name may be a `$variable`.
                if is_test && !is_ignored && !name.is_empty() {
                    names.push(name);
                }
                (is_test, is_ignored) = (false, false);
            } else if word == "conform"
                && let Some(list) = rest.strip_prefix("![").and_then(|list| list.split(']').next())
            {
                names.extend(list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
            }
        } else {
            rest = &rest[next.len_utf8()..];
        }
    }
    names
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Splits a text into the content of the `#[..]` at its start and the rest.
fn attribute(code: &str) -> Option<(&str, &str)> {
    let inner = code.strip_prefix("#[")?;
    let mut depth = 1;
    let end = inner.find(|c| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        depth == 0
    })?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// Returns a source without its comments and string literals.
fn code_of(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let in_word = code.ends_with(is_word);
        let hidden = match next {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => 1 + quoted(&rest[1..], '"'),
            '\'' => character(rest),
            'r' | 'b' if !in_word => raw_text(rest),
            _ => 0,
        };
        match hidden {
            0 => code.push(next),
            _ => code.push(' '),
        }
        rest = &rest[hidden.max(next.len_utf8())..];
    }
    code
}

/// Bytes up to the end of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(mark) = text[at..].find("/*").into_iter().chain(text[at..].find("*/")).min() {
        depth += if text[at + mark..].starts_with("/*") { 1 } else { -1 };
        at += mark + 2;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Bytes up to and with the closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.find(|c| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |end| end + 1)
}

/// Bytes of a character in quotes, or of the quote alone where it begins a lifetime.
fn character(text: &str) -> usize {
    let mut letters = text[1..].chars();
    match (letters.next(), letters.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => 1 + quoted(&text[1..], '\''),
        _ => 1,
    }
}

/// Bytes of a `r#".."#`; none for anything else that begins with these letters.
fn raw_text(text: &str) -> usize {
    let Some(after) = text.trim_start_matches('b').strip_prefix('r') else { return 0 };
    let inner = after.trim_start_matches('#');
    let close = format!("\"{}", &after[..after.len() - inner.len()]);
    match inner.strip_prefix('"') {
        Some(inner) => {
            let before = text.len() - inner.len();
            inner.find(&close).map_or(text.len(), |end| before + end + close.len())
        }
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(source: &str, names: &[&str]) {
        assert_eq!(test_names(source), names, "in {source:?}");
    }

    #[test]
    fn tests_of_every_kind_are_found() {
        finds("#[test]\nfn a() {}\n#[test] fn b() {}", &["a", "b"]);
        finds("#[tokio::test(flavor = \"current_thread\")]\n/// Doc.\npub(crate) async fn a() {}", &["a"]);
        finds("proptest! {\n #[test]\n fn a(text in \"[a]{0,9}\", b in 0..9_u8) {}\n}", &["a"]);
        finds("conform![\n a,\n b, // why\n];\nfn a<S>() {}", &["a", "b"]);
        finds("#[cfg(unix)]\n#[test]\n#[should_panic(expected = \"no]\")]\nfn a() {}", &["a"]);
    }

    #[test]
    fn what_no_runner_runs_is_not() {
        finds("fn test() {}\n#[cfg(test)]\nmod tests { fn helper() {} }", &[]);
        finds("// #[test]\nfn a() {}", &[]);
        finds("/* /* */ #[test] */ fn a() {}", &[]);
        finds("const A: &str = \"\\\"#[test]\"; fn a() {}", &[]);
        finds("const A: &[u8] = br##\"\"# #[test] \"##; fn a() {}", &[]);
        finds("#[test]\n#[ignore = \"slow\"]\nfn a() {}", &[]);
        finds("#[test_case(1)]\nfn a() {}", &[]);
        finds("macro_rules! conform { ($($test:ident),*) => { $(#[test] fn $test() {})* } }", &[]);
    }

    #[test]
    fn quotes_hide_no_more_than_they_hold() {
        finds(
            "fn f<'a>(c: char) -> &'a str { match c { '\"' => \"\", '\\'' => \"x\", _ => r\"\\\" } }\n#[test] fn a() {}",
            &["a"],
        );
        finds("let or = b'\"'; let r#fn = 1; // don't\n#[test]\nfn a() {}", &["a"]);
    }

    #[test]
    fn ids_are_words_of_a_name() {
        let ids = |name: &str| {
            let test = Test { name: name.into(), file: String::new() };
            test.ids().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(ids("s10_m11_the_next_takes_over"), ["s10", "m11"]);
        assert_eq!(ids("the_next_q04"), ["q04"]);
        assert!(ids("s1_x_m123_e01_is20").is_empty());
    }
}
