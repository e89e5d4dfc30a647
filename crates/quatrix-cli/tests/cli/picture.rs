//! Draws the terminal picture of the README from the transcript of `quatrix demo`.

use std::fmt::Write as _;

/// Sections of the transcript in the picture; all of them would fill two screens.
const SECTIONS: [&str; 2] = ["2 ", "5 "];
const LINE: usize = 18;
const TOP: usize = 46;

/// An SVG with the command, the chosen sections and the summary. It is the same for the same transcript.
pub(crate) fn draw(transcript: &str) -> String {
    let lines = excerpt(transcript);
    let height = TOP + LINE * lines.len() + 8;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" width="640" height="{height}" role="img" aria-label="quatrix demo in a terminal">
<rect width="640" height="{height}" rx="8" fill="#0d1117"/>
<circle cx="18" cy="17" r="5" fill="#f85149"/><circle cx="36" cy="17" r="5" fill="#d29922"/><circle cx="54" cy="17" r="5" fill="#3fb950"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" fill="#c9d1d9">
"##
    );
    for (row, line) in lines.iter().enumerate() {
        let text = line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let (y, colour) = (TOP + LINE * row, colour(line));
        let _ = writeln!(svg, r#"<text x="16" y="{y}" fill="{colour}" xml:space="preserve">{text}</text>"#);
    }
    svg + "</g>\n</svg>\n"
}

/// The lines of the picture.
fn excerpt(transcript: &str) -> Vec<&str> {
    let mut blocks = transcript.split("\n\n").skip(1).collect::<Vec<_>>();
    let summary = blocks.pop().unwrap();
    let mut lines = vec!["$ quatrix demo"];
    for block in blocks.into_iter().filter(|block| SECTIONS.iter().any(|section| block.starts_with(section))) {
        lines.extend(block.lines().chain([""]));
    }
    lines.extend(summary.lines());
    lines
}

fn colour(line: &str) -> &'static str {
    if line.starts_with(['$', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
        return "#ffffff";
    }
    match line.trim_start().chars().next() {
        Some('●') => "#3fb950",
        Some('◐') => "#d29922",
        Some('○') => "#8b949e",
        _ if line.contains("  401  ") || line.contains("  cut  ") => "#ff7b72",
        _ => "#c9d1d9",
    }
}
