//! The way to a file on the server.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::error::Invalid;

/// The way to a file or folder from the home: `/reports/2026/q3.pdf`.
///
/// The home itself is `/`.
///
/// It may name what is there already, so its segments need not obey the rules of a new [`FileName`](crate::FileName): they are only not
/// empty, not `.` and not `..`.
///
/// ```
/// use quatrix_proto::RemotePath;
///
/// let path = RemotePath::new("reports/2026/q3.pdf")?;
/// assert_eq!(path.to_string(), "/reports/2026/q3.pdf");
/// assert_eq!(path.name(), Some("q3.pdf"));
/// assert_eq!(path.parent(), Some(RemotePath::new("/reports/2026/")?));
/// assert_eq!(RemotePath::home().parent(), None);
/// # Ok::<(), quatrix_proto::Invalid>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RemotePath(
    /// Segments with slashes between them and none at the ends.
    Box<str>,
);

impl RemotePath {
    /// Names the home of the user.
    pub fn home() -> Self {
        Self::default()
    }

    /// Reads a path.
    ///
    /// A slash at its start or end changes nothing.
    ///
    /// # Errors
    /// [`Invalid`] if a segment is empty, `.` or `..`.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let text = text.strip_prefix('/').unwrap_or(text);
        let text = text.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(text);
        match text.is_empty() || text.split('/').all(is_segment) {
            true => Ok(Self(text.into())),
            false => Err(Invalid::new("path", "has a segment that is empty, . or ..")),
        }
    }

    /// Makes the path of something in this folder.
    ///
    /// # Errors
    /// [`Invalid`] if the name cannot be one segment: a server's answer must not lead elsewhere.
    pub fn join(&self, name: &str) -> Result<Self, Invalid> {
        match is_segment(name) && !name.contains('/') {
            true if self.is_home() => Ok(Self(name.into())),
            true => Ok(Self(format!("{}/{name}", self.0).into())),
            false => Err(Invalid::new("name", "is not one segment of a path")),
        }
    }

    /// Whether this is the home.
    pub fn is_home(&self) -> bool {
        self.0.is_empty()
    }

    /// The names along the way.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// The last name; the home has none.
    pub fn name(&self) -> Option<&str> {
        self.segments().next_back()
    }

    /// The folder it is in; the home is in none.
    pub fn parent(&self) -> Option<Self> {
        match self.0.rsplit_once('/') {
            Some((parent, _)) => Some(Self(parent.into())),
            None => (!self.is_home()).then(Self::home),
        }
    }

    /// As the server takes it: without a slash at the start.
    pub(crate) fn relative(&self) -> &str {
        &self.0
    }
}

/// By segments: what is below a folder comes right after it.
impl Ord for RemotePath {
    fn cmp(&self, other: &Self) -> Ordering {
        // The first byte that differs decides, a slash before all others: the same as segment by segment, and faster.
        let rank = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
        let (one, two) = (self.0.as_bytes(), other.0.as_bytes());
        match std::iter::zip(one, two).find(|(a, b)| a != b) {
            Some((&a, &b)) => rank(a).cmp(&rank(b)),
            None => one.len().cmp(&two.len()),
        }
    }
}

impl PartialOrd for RemotePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn is_segment(text: &str) -> bool {
    !matches!(text, "" | "." | "..")
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.0)
    }
}

impl FromStr for RemotePath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form() {
        for text in ["/a/b", "a/b", "a/b/", "/a/b/"] {
            assert_eq!(RemotePath::new(text).unwrap().to_string(), "/a/b", "{text}");
        }
        for text in ["", "/"] {
            let home = RemotePath::new(text).unwrap();
            assert!(home.is_home() && home.segments().next().is_none() && home.name().is_none(), "{text:?}");
            assert_eq!(home.to_string(), "/");
        }
        for text in ["//", "/a//b", "//a", "a//", ".", "/a/../b", "/a/./b"] {
            assert!(RemotePath::new(text).is_err(), "{text:?}");
        }
        assert_eq!(RemotePath::new("/a").unwrap().parent(), Some(RemotePath::home()));
    }

    #[test]
    fn a_folder_and_what_is_below_it_stand_together() {
        let mut paths: Vec<RemotePath> =
            ["b", "a/x", "a-x", "a", "/"].iter().map(|text| text.parse().unwrap()).collect();
        paths.sort();
        assert_eq!(paths.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/", "/a", "/a/x", "/a-x", "/b"]);
    }

    #[test]
    fn paths_are_ordered_segment_by_segment() {
        let texts = [
            "/", "a", "a/b", "a/b/c", "a/c", "a\u{1}", "a\u{1}/b", "a b", "a-b", "a.b/c", "ab", "b", "\u{e9}",
            "\u{e9}/a",
        ];
        let paths: Vec<RemotePath> = texts.iter().map(|text| text.parse().unwrap()).collect();
        for (one, other) in paths.iter().flat_map(|one| paths.iter().map(move |other| (one, other))) {
            assert_eq!(one.cmp(other), one.segments().cmp(other.segments()), "{one} {other}");
        }
    }

    #[test]
    fn m41_a_name_cannot_lead_elsewhere() {
        let folder = RemotePath::new("/in").unwrap();
        assert_eq!(folder.join("a b").unwrap().to_string(), "/in/a b");
        assert_eq!(RemotePath::home().join("a").unwrap().to_string(), "/a");
        for name in ["", ".", "..", "../x", "/etc/passwd", "a/"] {
            assert!(folder.join(name).is_err(), "{name:?}");
        }
    }
}
