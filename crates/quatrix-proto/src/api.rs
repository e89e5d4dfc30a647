//! The operations of the API: one type each, request and answer side by side.
//!
//! Every type here works without a [`Session`](crate::Session), and every type with a session's authentication rides on
//! one through [`Session::call`](crate::Session::call).
//!
//! Each names the method and path that it stands for. Where it says nothing else, all published specifications of API
//! 1.0 have it, from 2018-06 to 2020-07.

mod account_metadata;
mod copy_move;
mod copy_move_one;
mod delete_files;
mod download;
mod download_link;
mod empty_trash;
mod file_id;
mod file_info;
mod file_metadata;
mod file_size;
mod finalize_upload;
mod keep_alive;
#[cfg(test)]
pub(crate) mod known;
mod log_in;
mod log_out;
mod make_folder;
mod operations;
mod profile;
mod profile_info;
mod raw;
mod rename_file;
mod search_files;
mod second_factor;
mod unblock_captcha;
mod upload_chunk;
mod upload_link;

pub use account_metadata::{AccountMetadata, GetAccountMetadata};
pub use copy_move::{CopyFiles, MoveFiles};
pub use copy_move_one::{CopyOne, MoveOne, OnConflict};
pub use delete_files::{DeleteFiles, Ids};
pub use download::{FilePart, ReadLink};
pub use download_link::GetDownloadLink;
pub use empty_trash::EmptyTrash;
pub use file_id::{GetFileId, Located};
pub use file_info::{FileInfo, GetFileInfo};
pub use file_metadata::{GetFile, GetHome, SetModified};
pub use file_size::GetFileSize;
pub use finalize_upload::{FinalizeUpload, Finalized};
pub use keep_alive::KeepAlive;
pub use log_in::{LogIn, LoginResponse};
pub use log_out::LogOut;
pub use make_folder::MakeFolder;
pub use operations::{Operation, open_api, operations};
pub use profile::{GetProfile, Profile};
pub use profile_info::{GetProfileInfo, ProfileInfo};
pub use raw::Raw;
pub use rename_file::RenameFile;
pub use search_files::{Condition, Group, SearchFiles, Tag, TagKind};
pub use second_factor::{CodeEncoding, SecondFactor, SecondFactorResponse};
pub use unblock_captcha::{CaptchaMethod, CaptchaResponse, UnblockCaptcha};
pub use upload_chunk::UploadChunk;
pub use upload_link::{GetUploadLink, ModifyFile, UploadLink};

pub(crate) use keep_alive::SPEC as KEEP_ALIVE;
pub(crate) use log_in::{SPEC as LOG_IN, answered_id, mfa_code};
#[cfg(any(test, feature = "_internals"))]
pub(crate) use operations::{Reader, readers};
