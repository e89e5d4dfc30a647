//! Operations of the service: path, method, authentication, and whether each is emulated.

use std::sync::LazyLock;

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) base: Base,
    pub(crate) method: &'static str,
    /// The path under its base, with `{..}` where an id goes.
    pub(crate) template: &'static str,
    pub(crate) auth: Auth,
    /// Name of its query parameter, or `""`.
    pub(crate) query: &'static str,
    /// Action; `None` if it is known and not emulated.
    pub(crate) action: Option<Action>,
}

/// Base of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// `/api/1.0`
    Api,
    /// The host itself.
    Host,
}

/// Required credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    None,
    Basic,
    /// A session in any stage; the operation checks the stage.
    AnySession,
    /// A session that is logged in.
    Session,
    /// A session that is logged in, or an API key.
    SessionOrKey,
    /// The upload key in the path; further credentials only if the settings require them.
    UploadKey,
}

/// Action of an emulated operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    LogIn,
    AnswerSecondFactor,
    KeepAlive,
    LogOut,
    PostCaptcha,
    GetCaptcha,
    AccountMetadata,
    Profile,
    ProfileInfo,
    HomeMetadata,
    Metadata,
    SetTime,
    Info,
    Size,
    IdByPath,
    Search,
    MakeFolder,
    Rename,
    Delete,
    EmptyTrash,
    MoveMany,
    CopyMany,
    MoveOne,
    CopyOne,
    UploadLink,
    Modify,
    ModifyPath,
    Chunk,
    Finalize,
    DownloadLink,
    Download,
}

const EMULATED: &[Operation] = &[
    api("GET", "/session/login", Auth::Basic, Action::LogIn),
    api("POST", "/session/login", Auth::AnySession, Action::AnswerSecondFactor),
    api("GET", "/session/keepalive", Auth::Session, Action::KeepAlive),
    api("GET", "/session/logout", Auth::AnySession, Action::LogOut),
    api("POST", "/session/unblock-captcha", Auth::AnySession, Action::PostCaptcha),
    api("GET", "/session/unblock-captcha", Auth::AnySession, Action::GetCaptcha).with_query("token"),
    api("GET", "/account/metadata", Auth::None, Action::AccountMetadata),
    api("GET", "/profile", Auth::SessionOrKey, Action::Profile),
    api("GET", "/profile/info", Auth::SessionOrKey, Action::ProfileInfo),
    api("GET", "/file/metadata", Auth::SessionOrKey, Action::HomeMetadata).with_query("content"),
    api("POST", "/file/metadata", Auth::SessionOrKey, Action::SetTime),
    api("GET", "/file/metadata/{id}", Auth::SessionOrKey, Action::Metadata).with_query("content"),
    api("GET", "/file/info/{id}", Auth::SessionOrKey, Action::Info),
    api("GET", "/file/size/{id}", Auth::SessionOrKey, Action::Size),
    api("POST", "/file/id", Auth::SessionOrKey, Action::IdByPath),
    api("POST", "/file/search", Auth::SessionOrKey, Action::Search),
    api("POST", "/file/makedir", Auth::SessionOrKey, Action::MakeFolder),
    api("POST", "/file/rename/{id}", Auth::SessionOrKey, Action::Rename),
    api("POST", "/file/delete", Auth::SessionOrKey, Action::Delete),
    api("POST", "/file/empty-trash/{id}", Auth::SessionOrKey, Action::EmptyTrash),
    api("POST", "/file/move", Auth::SessionOrKey, Action::MoveMany),
    api("POST", "/file/copy", Auth::SessionOrKey, Action::CopyMany),
    api("POST", "/file/moveone", Auth::SessionOrKey, Action::MoveOne),
    api("POST", "/file/copyone", Auth::SessionOrKey, Action::CopyOne),
    api("POST", "/file/download-link", Auth::SessionOrKey, Action::DownloadLink),
    api("GET", "/file/download/{id}", Auth::SessionOrKey, Action::Download),
    api("POST", "/file/modify", Auth::SessionOrKey, Action::Modify),
    api("POST", "/file/modify/{id}", Auth::Session, Action::ModifyPath),
    api("POST", "/upload/link", Auth::SessionOrKey, Action::UploadLink),
    api("GET", "/upload/finalize/{id}", Auth::SessionOrKey, Action::Finalize).with_query("mtime"),
    Operation { base: Base::Host, ..api("POST", "/upload/chunked/{upload_key}", Auth::UploadKey, Action::Chunk) },
];

const fn api(method: &'static str, template: &'static str, auth: Auth, action: Action) -> Operation {
    Operation { base: Base::Api, method, template, auth, query: "", action: Some(action) }
}

impl Operation {
    const fn with_query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    /// Returns `true` if the id in the path is enough to read or write a file.
    pub(crate) fn id_is_secret(&self) -> bool {
        ["/upload/", "/file/download/", "/share/download/"].iter().any(|start| self.template.starts_with(start))
    }

    /// Returns `true` if it transfers file contents.
    pub(crate) fn moves_bytes(&self) -> bool {
        matches!(self.action, Some(Action::Chunk | Action::Download))
    }

    /// Returns `true` if it needs files, which a contact does not have.
    pub(crate) fn is_about_files(&self) -> bool {
        self.action == Some(Action::ProfileInfo)
            || ["/file/", "/upload/"].iter().any(|one| self.template.starts_with(one))
    }
}

/// Operations that are not emulated, from a text with one per line.
static NOT_EMULATED: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let lines = include_str!("not_emulated.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split(' ');
            let base = if words.next()? == "api" { Base::Api } else { Base::Host };
            let (method, template) = (words.next()?, words.next()?);
            Some(Operation { base, method, template, auth: Auth::None, query: "", action: None })
        })
        .collect()
});

/// All operations, for the fuzz target.
#[cfg(any(test, feature = "_internals"))]
pub(crate) fn all() -> impl ExactSizeIterator<Item = &'static Operation> {
    let all: Vec<_> = EMULATED.iter().chain(NOT_EMULATED.iter()).collect();
    all.into_iter()
}

/// A path that belongs to at least one operation.
#[derive(Debug)]
pub(crate) struct Route<'a> {
    /// One per method.
    pub(crate) operations: Vec<&'static Operation>,
    /// Path segment in the place of `{..}`.
    pub(crate) id: &'a str,
}

/// Finds the operations of a request's path.
pub(crate) fn route(path: &str) -> Option<Route<'_>> {
    let (base, path) = match path.strip_prefix("/api/1.0") {
        // rclone sends a double slash here.
        Some(rest) if rest.starts_with("//file/download/") => (Base::Api, &rest[1..]),
        Some(rest) => (Base::Api, rest),
        None => (Base::Host, path),
    };
    let operations = EMULATED.iter().chain(NOT_EMULATED.iter()).filter(|operation| operation.base == base);
    let mut fits: Vec<_> = operations.filter_map(|one| Some((one, capture(one.template, path)?))).collect();
    // A literal path takes precedence over a template with an id.
    if fits.iter().any(|(_, id)| id.is_empty()) {
        fits.retain(|(_, id)| id.is_empty());
    }
    let (_, id) = *fits.first()?;
    Some(Route { operations: fits.into_iter().map(|(operation, _)| operation).collect(), id })
}

/// Returns the segment that matches `{..}` of a template, not empty; `""` if the template has none and matches.
fn capture<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, rest)) = template.split_once('{') else { return (template == path).then_some("") };
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(path: &str) -> Vec<&'static str> {
        route(path).map_or_else(Vec::new, |route| route.operations.iter().map(|operation| operation.method).collect())
    }

    #[test]
    fn the_table_holds_every_known_operation_once() {
        let all: Vec<_> = all().collect();
        assert_eq!(all.len(), 160);
        for (index, one) in all.iter().enumerate() {
            assert!(matches!(one.method, "GET" | "POST") && one.template.starts_with('/'), "{one:?}");
            let twin = all[..index].iter().find(|two| (two.method, two.template) == (one.method, one.template));
            assert!(twin.is_none(), "{one:?}");
        }
    }

    #[test]
    fn a_path_finds_its_operations() {
        assert_eq!(methods("/api/1.0/session/login"), ["GET", "POST"]);
        assert_eq!(methods("/api/1.0/session/keepalive"), ["GET"]);
        assert_eq!(methods("/api/1.0/file/download/4711"), ["GET"]);
        assert_eq!(methods("/api/1.0//file/download/4711"), ["GET"]);
        assert_eq!(methods("/mq/req"), ["GET"]);
        for unknown in [
            "/api/1.0/session",
            "/api/1.0/session/login/",
            "/api/1.0//session/login",
            "/api/1.0///file/download/4711",
            "/api/1.0/mq/req",
            "/session/login",
            "/api/1.0session/login",
            "/api/1.0",
            "",
        ] {
            assert_eq!(methods(unknown), [""; 0], "{unknown}");
        }
    }

    #[test]
    fn an_id_is_taken_from_the_path() {
        assert_eq!(route("/api/1.0/contact/metadata/4711").unwrap().id, "4711");
        assert!(route("/api/1.0/contact/metadata/").is_none());
        assert!(route("/api/1.0/contact/metadata/4711/x").is_none());
    }

    #[test]
    fn a_written_out_path_comes_before_an_id() {
        let route = route("/api/1.0/tracking/csv").unwrap();
        assert_eq!(route.operations[0].template, "/tracking/csv");
        assert_eq!(route.id, "");
    }
}
