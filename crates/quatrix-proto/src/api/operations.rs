//! Every operation that has a type of its own, in one list.

use serde_json::{Map, Value, json};

use super::*;
use crate::endpoint::{Auth, Replay, Spec};
#[cfg(any(test, feature = "_internals"))]
use {crate::endpoint::Endpoint, crate::error::Error, bytes::Bytes};

/// An operation of the API and the type that stands for it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// The name of the type in [`api`](crate::api).
    pub type_name: &'static str,
    /// What is known of it before any value is.
    pub spec: &'static Spec,
}

macro_rules! operations {
    ($($type:ident: $spec:path,)*) => {
        static OPERATIONS: &[Operation] = &[$(Operation { type_name: stringify!($type), spec: &$spec }),*];
        /// A name that is no type does not compile.
        const _: fn() = || { $(let _ = size_of::<$type>();)* };
        #[cfg(any(test, feature = "_internals"))]
        static READERS: &[Reader] = &[$(Reader {
            type_name: stringify!($type),
            read: |answer| <$type>::decode(answer).map(|value| format!("{value:?}")),
        }),*];
    };
}

operations! {
    LogIn: log_in::SPEC,
    SecondFactor: second_factor::SPEC,
    KeepAlive: keep_alive::SPEC,
    LogOut: log_out::SPEC,
    UnblockCaptcha: unblock_captcha::POST,
    UnblockCaptcha: unblock_captcha::GET,
    GetAccountMetadata: account_metadata::SPEC,
    GetProfile: profile::SPEC,
    GetProfileInfo: profile_info::SPEC,
    GetHome: file_metadata::HOME,
    GetFile: file_metadata::GET,
    SetModified: file_metadata::SET,
    GetFileInfo: file_info::SPEC,
    GetFileSize: file_size::SPEC,
    GetFileId: file_id::SPEC,
    SearchFiles: search_files::SPEC,
    MakeFolder: make_folder::SPEC,
    RenameFile: rename_file::SPEC,
    CopyFiles: copy_move::COPY,
    MoveFiles: copy_move::MOVE,
    CopyOne: copy_move_one::COPY,
    MoveOne: copy_move_one::MOVE,
    DeleteFiles: delete_files::SPEC,
    EmptyTrash: empty_trash::SPEC,
    GetDownloadLink: download_link::SPEC,
    ReadLink: download::SPEC,
    GetUploadLink: upload_link::LINK,
    ModifyFile: upload_link::MODIFY,
    UploadChunk: upload_chunk::SPEC,
    FinalizeUpload: finalize_upload::SPEC,
}

/// Reads the answers of an operation, for the fuzz targets.
#[cfg(any(test, feature = "_internals"))]
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) type_name: &'static str,
    /// The value as `Debug` shows it.
    pub(crate) read: fn(http::Response<Bytes>) -> Result<String, Error>,
}

/// One for each of the operations.
#[cfg(any(test, feature = "_internals"))]
pub(crate) fn readers() -> &'static [Reader] {
    READERS
}

/// Every operation that has a type of its own.
///
/// [`Raw`] stands for all others.
pub fn operations() -> &'static [Operation] {
    OPERATIONS
}

/// A description of these operations as OpenAPI 3.0, in JSON: paths, methods, authentication and the statuses of
/// success.
///
/// `x-type` names the type, `x-replay` says whether a second time does no harm.
pub fn open_api() -> String {
    let mut paths = Map::new();
    for Operation { type_name, spec } in operations() {
        let security = match spec.authentication() {
            Auth::None => json!([]),
            Auth::Basic => json!([{"basic": []}]),
            Auth::Session => json!([{"session": []}, {"key": []}]),
        };
        let success = |status: &u16| (status.to_string(), json!({"description": "success"}));
        let mut described = json!({
            "operationId": spec.name(),
            "security": security,
            "parameters": parameters(spec.path()),
            "responses": spec.success().iter().map(success).collect::<Map<_, _>>(),
            "x-type": type_name,
            "x-replay": match spec.replay() { Replay::Safe => "safe", Replay::Never => "never" },
        });
        if spec.is_below_files_base() {
            described["servers"] = json!([{"url": "https://api.quatrix.it"}]);
        }
        let path = paths.entry(spec.path()).or_insert_with(|| json!({}));
        path[spec.method().as_str().to_ascii_lowercase()] = described;
    }
    let description = json!({
        "openapi": "3.0.3",
        "info": {"title": "Quatrix, as this client uses it", "version": env!("CARGO_PKG_VERSION")},
        "servers": [{"url": crate::Server::default().to_string()}],
        "components": {"securitySchemes": {
            "basic": {"type": "http", "scheme": "basic"},
            "session": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
            "key": {"type": "http", "scheme": "bearer"},
        }},
        "paths": paths,
    });
    format!("{description:#}")
}

/// The values in a path template.
fn parameters(path: &str) -> Value {
    let names = path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    names.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})).collect()
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the tests read the documentation and the sources")]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn here(path: &str) -> String {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    }

    /// The rows of the table in the documentation, from the description.
    fn described() -> BTreeSet<Vec<String>> {
        let description: Value = serde_json::from_str(&open_api()).unwrap();
        let mut rows = BTreeSet::new();
        for (path, methods) in description["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let text = |name: &str| operation[name].as_str().unwrap().to_owned();
                let scheme = operation["security"][0].as_object();
                let statuses: Vec<_> = operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
                rows.insert(vec![
                    text("operationId"),
                    text("x-type"),
                    method.to_ascii_uppercase(),
                    format!("{}{path}", if operation.get("servers").is_some() { "(files)" } else { "" }),
                    scheme.map_or("none", |scheme| scheme.keys().next().unwrap()).to_owned(),
                    statuses.join(" "),
                    text("x-replay"),
                ]);
            }
        }
        rows
    }

    #[test]
    fn the_description_and_the_documentation_agree() {
        let documented: BTreeSet<Vec<String>> = here("../../docs/api.md")
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
            .collect();
        let described = described();
        let only = |a: &BTreeSet<Vec<String>>, b: &BTreeSet<Vec<String>>| a.difference(b).cloned().collect::<Vec<_>>();
        assert_eq!(only(&described, &documented), Vec::<Vec<String>>::new(), "not in docs/api.md");
        assert_eq!(only(&documented, &described), Vec::<Vec<String>>::new(), "only in docs/api.md");
        assert_eq!(described.len(), operations().len(), "each has a path and method of its own");
    }

    /// The text of every file that holds operations of its own.
    fn sources() -> String {
        let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api")).unwrap();
        let paths = files.map(|file| file.unwrap().path()).filter(|path| !path.ends_with("raw.rs"));
        paths.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    #[test]
    fn no_operation_is_left_out_of_the_list() {
        let written = sources().matches(concat!(": Spec", " =")).count();
        assert_eq!(written, operations().len(), "a `Spec` that is not in the list above, or in it twice");
    }

    #[test]
    fn the_published_documentation_names_every_method_and_path() {
        let sources = sources();
        for Operation { type_name, spec } in operations() {
            let name = format!("`{} {}", spec.method(), spec.path());
            assert!(
                sources.lines().any(|line| line.starts_with("/// ") && line.contains(&name)),
                "{type_name}: {name}"
            );
        }
    }

    #[test]
    fn values_of_a_path_are_parameters() {
        let description: Value = serde_json::from_str(&open_api()).unwrap();
        let chunk = &description["paths"]["/upload/chunked/{upload_key}"]["post"];
        assert_eq!(chunk["parameters"][0]["name"], "upload_key");
        assert_eq!(chunk["servers"][0]["url"], "https://api.quatrix.it");
    }
}
