//! Tables in Markdown.

/// Prints a table: title, head, rows.
pub(crate) fn print(title: &str, head: &[&str], rows: &[Vec<String>]) {
    println!("\n### {title}\n");
    line(head.iter().copied());
    let rule = (0..head.len()).map(|column| if column == 0 { "---" } else { "---:" });
    line(rule);
    for row in rows {
        line(row.iter().map(String::as_str));
    }
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) {
    println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
}

/// Formats a number of bytes.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} KiB", count as f64 / 1024.0),
        _ => format!("{:.1} MiB", count as f64 / 1024.0 / 1024.0),
    }
}

/// Formats a time in nanoseconds.
pub(crate) fn time(nanos: f64) -> String {
    match nanos {
        ..10_000.0 => format!("{nanos:.0} ns"),
        ..10_000_000.0 => format!("{:.1} µs", nanos / 1e3),
        ..10_000_000_000.0 => format!("{:.1} ms", nanos / 1e6),
        _ => format!("{:.1} s", nanos / 1e9),
    }
}
