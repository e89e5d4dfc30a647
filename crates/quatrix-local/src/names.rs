//! Names from the server.

/// Whether a name from the server is a plain file name: no path, and on Windows no device, drive or stream, and no name
/// that Windows changes into another one.
pub fn is_usable(name: &str) -> bool {
    let plain = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
    plain && (!cfg!(windows) || windows_takes(name))
}

fn windows_takes(name: &str) -> bool {
    let forbidden = |c: char| c.is_ascii_control() || r#"\:<>"|?*"#.contains(c);
    !name.contains(forbidden) && !name.ends_with(['.', ' ']) && !is_device(name)
}

/// Whether Windows treats the name as a device: in every folder, in any case, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ').to_ascii_uppercase();
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let numbered = number.is_some_and(|number| {
        let mut digits = number.chars();
        matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    });
    numbered || matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m41_a_name_that_leads_elsewhere_is_not_used() {
        for name in ["", ".", "..", "/etc", "a/b", "../a", "a\0"] {
            assert!(!is_usable(name), "{name:?}");
        }
        assert!(["a b.txt", "..a", ".hidden", "漢字"].iter().all(|name| is_usable(name)));
    }

    #[test]
    fn m41_devices_drives_and_streams_of_windows_are_not_files() {
        for name in [
            "CON",
            "con",
            "Nul.txt",
            "NUL .txt",
            "aux.tar.gz",
            "PRN",
            "COM1",
            "lpt9.log",
            "COM²",
            "CONOUT$",
            "C:",
            "C:x",
            "a:stream",
            r"a\b",
            r"..\a",
            "trailing.",
            "trailing ",
            "a?",
            "a*",
            "a|b",
            "\u{1}",
        ] {
            assert!(!windows_takes(name), "{name:?}");
        }
        for name in ["console", "COM", "COM10", "COMA", "nul_", "a.con", "lpt", "a b.txt", ".hidden", "漢字"] {
            assert!(windows_takes(name), "{name:?}");
        }
    }
}
