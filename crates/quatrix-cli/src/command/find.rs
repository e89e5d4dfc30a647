//! `quatrix find`

use quatrix_ureq::proto::task::Walk;

use crate::failure::Failure;
use crate::out;
use crate::remote;
use crate::settings::Settings;

/// Find files and folders by their names.
///
/// Everything below the folder is looked at. In a pattern `*` stands for any text
/// and `?` for one character; the case of letters does not matter.
///
///   quatrix find /reports --name '*.pdf'
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Find {
    /// Where to begin
    #[arg(default_value = "/", hide_default_value = true)]
    path: String,

    /// Names like this
    #[arg(long, value_name = "PATTERN", default_value = "*", hide_default_value = true)]
    name: String,

    /// Files only, or folders only
    #[arg(long, value_name = "file|folder", value_parser = ["file", "folder"], hide_possible_values = true)]
    kind: Option<String>,

    /// What it is, bytes, when it was changed (UTC), path
    #[arg(short)]
    long: bool,
}

impl Find {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let start = remote::path(&self.path)?;
        let pattern = self.name.to_lowercase();
        settings.with_client(|client| {
            let found = remote::need_folder(client, &start)?;
            let listed = client.run(Walk::below(found.id, start.clone()))?;
            for entry in &listed.entries {
                let wanted = self.kind.as_deref().is_none_or(|kind| (kind == "folder") == entry.file.is_folder());
                if !wanted || !matches(&pattern, &entry.file.name.to_lowercase()) {
                    continue;
                }
                let path = entry.path.to_string();
                let text = match self.long {
                    true => remote::long(&entry.file, &path),
                    false => remote::short(&entry.file, &path),
                };
                out::report(settings.json, &remote::json(&entry.path, &entry.file), &text)?;
            }
            remote::all_listed(listed)
        })
    }
}

/// `*` is any text, `?` one character. Time grows with the product of both lengths, whatever the pattern.
fn matches(pattern: &str, name: &str) -> bool {
    // reached[n]: the pattern so far can stand for the first n characters.
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for p in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        for n in 0..=name.len() {
            next[n] = match p {
                '*' => reached[n] || (n > 0 && next[n - 1]),
                p => n > 0 && reached[n - 1] && (p == '?' || p == name[n - 1]),
            };
        }
        reached = next;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_names() {
        for (pattern, name) in
            [("*", ""), ("*.pdf", "a.pdf"), ("a?c", "abc"), ("*b*", "abc"), ("??", "äö"), ("a*a", "aa")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("", "a"), ("*.pdf", "a.pdf2"), ("a?c", "ac"), ("??", "a"), ("a*a", "a")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
    }
}
