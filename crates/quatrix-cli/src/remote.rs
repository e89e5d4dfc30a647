//! Files on the server: paths, what they lead to, and how they are shown.

use quatrix_ureq::Client;
use quatrix_ureq::proto::api::{GetFile, Located};
use quatrix_ureq::proto::task::mirror::{ListRemote, Remote};
use quatrix_ureq::proto::task::{Listed, LookUp};
use quatrix_ureq::proto::{File, FileId, FileKind, FileName, RemotePath};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::show::{Quoted, Shown};
use crate::units::utc;

/// A place for something new: a folder that is there, and a name in it.
pub(crate) struct Place {
    pub(crate) folder: FileId,
    pub(crate) name: FileName,
    pub(crate) path: RemotePath,
    /// What has the name already.
    pub(crate) taken: Option<Located>,
}

/// A path as it is typed; it starts at the home, with or without a slash.
pub(crate) fn path(text: &str) -> Result<RemotePath, Failure> {
    RemotePath::new(text).map_err(|invalid| Failure::usage(format!("{text}: {invalid}")))
}

/// A path that starts at a folder, from the home on. Only names that both sides have taken are in it.
pub(crate) fn below(folder: &RemotePath, path: &RemotePath) -> RemotePath {
    path.segments().fold(folder.clone(), |path, name| path.join(name).unwrap_or(path))
}

/// What the path leads to, if to anything.
pub(crate) fn look_up(client: &Client, path: &RemotePath) -> Result<Option<Located>, Failure> {
    Ok(client.run(LookUp::new(path.clone()))?)
}

/// What the path leads to.
pub(crate) fn need(client: &Client, path: &RemotePath) -> Result<Located, Failure> {
    look_up(client, path)?
        .ok_or_else(|| Failure::new(Exit::NotFound, format!("{path}: there is no such file or folder")))
}

/// The folder that the path leads to.
pub(crate) fn need_folder(client: &Client, path: &RemotePath) -> Result<Located, Failure> {
    let found = look_up(client, path)?;
    match found {
        Some(found) if found.kind.is_folder() => Ok(found),
        Some(_) => Err(Failure::new(Exit::Exists, format!("{path} is not a folder"))),
        None => Err(Failure::new(Exit::NotFound, format!("{path}: no such folder"))),
    }
}

/// The folder that the path leads to, if to anything.
pub(crate) fn folder_if_any(client: &Client, path: &RemotePath) -> Result<Option<FileId>, Failure> {
    match look_up(client, path)? {
        None => Ok(None),
        Some(_) => Ok(Some(need_folder(client, path)?.id)),
    }
}

/// Everything in a folder and below.
pub(crate) fn list(client: &Client, folder: FileId) -> Result<Remote, Failure> {
    Ok(client.run(ListRemote::new(folder))?)
}

/// Everything in a folder that need not be there yet.
pub(crate) fn list_if_any(client: &Client, folder: Option<FileId>) -> Result<Remote, Failure> {
    match folder {
        Some(folder) => list(client, folder),
        None => Ok(Remote::missing()),
    }
}

/// Fails if a part of what was to be listed is missing, and says which.
pub(crate) fn all_listed(listed: Listed) -> Result<(), Failure> {
    let unnamed = listed.unnamed.into_iter().map(|unnamed| (unnamed.shown, unnamed.error));
    let failed: Vec<_> = listed.failed.into_iter().chain(unnamed).collect();
    for (path, error) in &failed {
        out::note(&format!("{path}: {}", Failure::from(error.clone()).what()));
    }
    match failed.len() {
        0 => Ok(()),
        count => Err(Failure::new(Exit::Partial, format!("{count} files and folders could not be listed"))),
    }
}

/// The folder that something is to be put into.
pub(crate) fn target_folder(client: &Client, path: &RemotePath) -> Result<Located, Failure> {
    need_folder(client, path).map_err(|failure| match failure.exit() {
        Exit::NotFound => failure.next(format!("quatrix mkdir -p {}", Quoted(path.to_string()))),
        _ => failure,
    })
}

/// All that is known of what the path leads to; with its children, if it is a folder and they are asked for.
pub(crate) fn file(client: &Client, path: &RemotePath, content: bool) -> Result<File, Failure> {
    let file = GetFile::new(need(client, path)?.id);
    Ok(client.call(&if content { file.with_content() } else { file })?)
}

/// Where something of this name goes that is put to `target`: into it if it is a folder, else to just that place.
pub(crate) fn place(client: &Client, target: &str, name: Option<&str>) -> Result<Place, Failure> {
    let to = path(target)?;
    match (look_up(client, &to)?, name) {
        (Some(folder), Some(name)) if folder.kind.is_folder() => {
            let path = to.join(name).map_err(|invalid| Failure::usage(invalid.to_string()))?;
            let taken = look_up(client, &path)?;
            Ok(Place { folder: folder.id, name: file_name(name)?, path, taken })
        }
        (Some(folder), None) if folder.kind.is_folder() => {
            Err(Failure::usage(format!("{to} is a folder: give a name below it")))
        }
        (None, _) if target.ends_with('/') => Err(target_folder(client, &to).err().unwrap_or_else(|| gone(&to))),
        (taken, _) => {
            let parent = to.parent().ok_or_else(|| gone(&to))?;
            let folder = target_folder(client, &parent)?.id;
            Ok(Place { folder, name: file_name(to.name().unwrap_or_default())?, path: to, taken })
        }
    }
}

fn gone(path: &RemotePath) -> Failure {
    Failure::new(Exit::NotFound, format!("{path}: it is not there any more"))
}

fn file_name(name: &str) -> Result<FileName, Failure> {
    FileName::new(name).map_err(|invalid| Failure::usage(format!("{name}: {invalid}")))
}

/// What is known of a file, for programs.
pub(crate) fn json(path: &RemotePath, file: &File) -> Value {
    json!({
        "path": path.to_string(),
        "name": file.name,
        "kind": kind(file.kind),
        "id": file.id.as_str(),
        "size": file.size.filter(|_| !file.is_folder()),
        "modified": file.modified.map(|time| time.as_micros() as f64 / 1e6),
        "created": file.created.map(|time| time.as_micros() as f64 / 1e6),
    })
}

/// One line for people: what it is, bytes, when it was changed (UTC), its name.
pub(crate) fn long(file: &File, name: &str) -> String {
    // The sources do not agree on what the size of a folder is.
    let size = file.size.filter(|_| !file.is_folder()).map_or_else(|| "-".to_owned(), |size| size.to_string());
    let modified = file.modified.map_or_else(|| "-".to_owned(), utc);
    format!("{} {size:>13}  {modified:<19}  {}", file.kind.letter(), short(file, name))
}

/// Its name; folders end with a slash.
pub(crate) fn short(file: &File, name: &str) -> String {
    format!("{}{}", Shown(name), if file.is_folder() { "/" } else { "" })
}

/// What it is, in a word.
pub(crate) fn kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::File => "file",
        FileKind::Folder => "folder",
        FileKind::Project => "project",
        FileKind::Trash => "trash",
        FileKind::Link => "link",
        _ => "other",
    }
}
