//! Every file operation, through both adapters, plain and over TLS.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use quatrix_emulator::{FolderSize, Seed, Settings};
use quatrix_proto::api::{
    Condition, CopyFiles, CopyOne, DeleteFiles, EmptyTrash, FinalizeUpload, GetDownloadLink, GetFile, GetFileId,
    GetFileInfo, GetFileSize, GetHome, GetProfileInfo, GetUploadLink, MakeFolder, ModifyFile, MoveFiles, MoveOne,
    OnConflict, Raw, ReadLink, RenameFile, SearchFiles, SetModified,
};
use quatrix_proto::task::{LookUp, MakeFolders, Walk};
use quatrix_proto::{Deferred, Error, ErrorCode, File, FileId, FileKind, FileName, RemotePath, UnixTime};
use quatrix_tests::conform;
use quatrix_tests::stage::{Stage, Wire};
use quatrix_tests::subject::Subject;

conform![
    the_home_is_listed_with_and_without_its_content,
    a_folder_is_made_and_a_clash_is_told,
    names_with_spaces_unicode_and_255_characters_survive,
    a_bad_name_is_refused_before_it_is_sent,
    files_are_renamed_copied_moved_and_deleted,
    one_file_replaces_another_only_if_told_to,
    q15_ten_are_answered_at_once_or_as_a_job_and_eleven_always_as_a_job,
    q14_the_size_of_a_folder_decides_nothing,
    q16_a_rate_limit_is_waited_for,
    times_info_size_and_search,
    the_trash_is_emptied,
    a_small_file_goes_up_and_comes_down,
    a_file_is_modified_in_place,
    paths_are_looked_up_with_and_without_the_operation_for_it,
    a_tree_is_walked_and_folders_made_with_their_parents,
];

fn stage(wire: Wire) -> Stage {
    Stage::built(wire, |builder| builder.files(seed()))
}

fn seed() -> Seed {
    Seed::new().folder("reports").folder("reports/2026").file("reports/2026/q3.pdf", "third").file("a.txt", "hello")
}

fn name(text: &str) -> FileName {
    FileName::new(text).unwrap()
}

fn home<S: Subject>(client: &S) -> File {
    client.call(&GetHome::new().with_content()).unwrap()
}

fn find<S: Subject>(client: &S, path: &str) -> FileId {
    client.run(LookUp::new(RemotePath::new(path).unwrap())).unwrap().unwrap().id
}

fn names(folder: &File) -> Vec<&str> {
    let mut names: Vec<_> = folder.content.iter().flatten().map(|file| file.name.as_str()).collect();
    names.sort_unstable();
    names
}

fn make<S: Subject>(client: &S, target: &FileId, text: &str) -> Result<File, Error> {
    client.call(&MakeFolder::new(target.clone(), name(text)))
}

fn the_home_is_listed_with_and_without_its_content<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let whole = home(&client);
    assert!(names(&whole).contains(&"reports") && names(&whole).contains(&"a.txt"));
    let bare = client.call(&GetHome::new()).unwrap();
    assert_eq!((bare.id.clone(), &bare.content), (whole.id.clone(), &None));
    let reports = whole.content.iter().flatten().find(|file| file.name == "reports").unwrap();
    assert_eq!(
        (reports.kind, reports.is_folder(), reports.parent_id.as_ref()),
        (FileKind::Folder, true, Some(&whole.id))
    );
    let listed = client.call(&GetFile::new(reports.id.clone()).with_content()).unwrap();
    assert_eq!(names(&listed), ["2026"]);
    let error = client.call(&GetFile::new("no-such-id".parse().unwrap())).unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.code()), (404, Some(ErrorCode::NOT_FOUND)));
}

fn a_folder_is_made_and_a_clash_is_told<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let home = home(&client).id;
    let made = make(&client, &home, "new").unwrap();
    assert_eq!((made.name.as_str(), made.kind), ("new", FileKind::Folder));
    let on_conflict = make(&client, &home, "new").unwrap_err();
    assert_eq!((on_conflict.status().unwrap().as_u16(), on_conflict.code()), (400, Some(ErrorCode::EXISTS)));
    let other = client.call(&MakeFolder::new(home, name("new")).rename_on_conflict()).unwrap();
    assert_ne!((other.id, other.name), (made.id, made.name), "the server has picked a free name");
}

fn names_with_spaces_unicode_and_255_characters_survive<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let home_id = home(&client).id;
    let long = "x".repeat(255);
    for text in ["two words", " leading", "\u{e4}\u{f6}\u{fc}", "\u{65e5}\u{672c}", "\u{1f600}.txt", "%41&?#=+", &long]
    {
        let made = make(&client, &home_id, text).unwrap();
        assert_eq!(made.name, text);
        assert_eq!(find(&client, &format!("/{text}")), made.id, "{text}");
    }
    assert!(names(&home(&client)).contains(&long.as_str()));
}

fn a_bad_name_is_refused_before_it_is_sent<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let before = stage.emulator.requests().len();
    for text in ["", ".", "..", "a/b", "a\\b", "a\nb", "trailing ", &"x".repeat(256)] {
        assert!(FileName::new(text).is_err(), "{text:?}");
    }
    // What slips past the type is refused by the server all the same.
    let body = format!(r#"{{"target":"{}","name":"a/b","resolve":false}}"#, home(&client).id);
    assert_eq!(client.call(&Raw::post("/file/makedir", body)).unwrap().status(), 400);
    assert_eq!(stage.emulator.requests().len(), before + 2);
}

fn files_are_renamed_copied_moved_and_deleted<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let home_id = home(&client).id;
    let (file, reports) = (find(&client, "/a.txt"), find(&client, "/reports"));
    client.call(&RenameFile::new(file.clone(), name("b.txt"))).unwrap();
    assert_eq!(find(&client, "/b.txt"), file);

    let copied = client.call(&CopyFiles::new(vec![file.clone()], reports.clone())).unwrap();
    assert!(matches!(copied, Deferred::Job(_)), "copying is always a job");
    let copy = find(&client, "/reports/b.txt");

    let moved = client.call(&MoveFiles::new(vec![copy.clone()], home_id.clone()).rename_on_conflict()).unwrap();
    assert_eq!(moved.done().unwrap().ids, std::slice::from_ref(&copy));
    assert!(names(&home(&client)).len() > 2);

    let deleted = client.call(&DeleteFiles::to_trash([copy.clone()])).unwrap().done().unwrap();
    assert!(deleted.missing(&[copy]).is_none());
    let deleted = client.call(&DeleteFiles::permanently([file.clone()])).unwrap();
    assert_eq!(deleted.done().unwrap().ids, [file]);
    assert!(client.run(LookUp::new("/b.txt".parse().unwrap())).unwrap().is_none());
    let into_itself = client.call(&MoveFiles::new(vec![reports.clone()], reports));
    assert!(into_itself.is_err());
}

fn one_file_replaces_another_only_if_told_to<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let home_id = home(&client).id;
    let (file, target) = (find(&client, "/a.txt"), find(&client, "/reports/2026"));
    let copy = |on_conflict| CopyOne::new(file.clone(), target.clone(), name("q3.pdf")).on_conflict(on_conflict);
    assert_eq!(client.call(&copy(OnConflict::Refuse)).unwrap_err().code(), Some(ErrorCode::EXISTS));
    let beside = client.call(&copy(OnConflict::Rename)).unwrap();
    assert_ne!(beside.name, "q3.pdf");
    assert_eq!(stage.emulator.file("user@example.com", "reports/2026/q3.pdf").unwrap(), "third");
    client.call(&copy(OnConflict::Overwrite)).unwrap();
    assert_eq!(stage.emulator.file("user@example.com", "reports/2026/q3.pdf").unwrap(), "hello");

    let modified = Some(UnixTime::from_micros(1_612_325_106_789_012));
    let back = MoveOne::new(beside.id, home_id, name("c.txt")).modified(modified);
    let moved = client.call(&back).unwrap();
    assert_eq!((moved.name.as_str(), moved.modified), ("c.txt", modified));
}

fn q15_ten_are_answered_at_once_or_as_a_job_and_eleven_always_as_a_job<S: Subject>(wire: Wire) {
    for (job_from, counts) in [(11, [(9, true), (10, true), (11, false)]), (10, [(9, true), (10, false), (11, false)])]
    {
        let settings = Settings { job_from, ..Settings::default() };
        let stage = Stage::built(wire, |builder| builder.settings(settings));
        let client: S = stage.active();
        let home_id = home(&client).id;
        for (count, concurrency) in counts {
            let ids: Vec<FileId> = (0..count).map(|n| make(&client, &home_id, &format!("d{n}")).unwrap().id).collect();
            let deleted = client.call(&DeleteFiles::permanently(ids)).unwrap();
            assert_eq!(matches!(deleted, Deferred::Done(_)), concurrency, "{count}");
        }
    }
}

fn q14_the_size_of_a_folder_decides_nothing<S: Subject>(wire: Wire) {
    for folder_size in [FolderSize::Items, FolderSize::Bytes] {
        let settings = Settings { folder_size, ..Settings::default() };
        let stage = Stage::built(wire, |builder| builder.settings(settings).files(seed()));
        let client: S = stage.active();
        let folder = client.call(&GetFile::new(find(&client, "/reports/2026")).with_content()).unwrap();
        assert_eq!(
            (folder.size, folder.content.unwrap().len()),
            (Some(if folder_size == FolderSize::Items { 1 } else { 5 }), 1)
        );
        assert_eq!(client.run(Walk::home()).unwrap().entries.iter().filter(|e| !e.file.is_folder()).count(), 2);
    }
}

fn q16_a_rate_limit_is_waited_for<S: Subject>(wire: Wire) {
    use quatrix_emulator::{Fault, FaultKind};
    let stage = stage(wire);
    let client: S = stage.active();
    let busy = Fault::new(FaultKind::Status(429)).on("POST", "/file/makedir").header("retry-after", "0");
    stage.emulator.set_faults([busy]).unwrap();
    make(&client, &home(&client).id, "patient").unwrap();
    assert_eq!(stage.count("/file/makedir"), 2);

    let late = Fault::new(FaultKind::Status(429)).on("GET", "/profile/info").header("retry-after", "3600");
    stage.emulator.set_faults([late]).unwrap();
    let error = client.call(&GetProfileInfo).unwrap_err();
    assert_eq!(error.retry_after().unwrap().as_secs(), 3600, "too long: the caller decides");
}

fn times_info_size_and_search<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let file = find(&client, "/reports/2026/q3.pdf");
    let modified = UnixTime::from_micros(1_612_325_106_789_012);
    assert_eq!(client.call(&SetModified::new(file.clone(), modified)).unwrap().modified, Some(modified));
    assert_eq!(client.call(&GetFileInfo::new(file.clone())).unwrap().size, Some(5));
    assert_eq!(client.call(&GetFileSize::new(file.clone())).unwrap(), 5);
    let found = client.call(&SearchFiles::all([Condition::name("q3")])).unwrap();
    assert_eq!(found.iter().map(|file| &file.id).collect::<Vec<_>>(), [&file]);
    assert!(client.call(&SearchFiles::all([Condition::name("nothing like it")])).unwrap().is_empty());
    let info = client.call(&GetProfileInfo).unwrap();
    assert_eq!(info.user_used, Some(10));
}

fn the_trash_is_emptied<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let deleted = client.call(&DeleteFiles::to_trash([find(&client, "/a.txt")])).unwrap();
    assert!(deleted.done().is_some());
    let trash = home(&client).content.into_iter().flatten().find(|file| file.kind == FileKind::Trash).unwrap();
    let full = client.call(&GetFile::new(trash.id.clone()).with_content()).unwrap();
    assert_eq!(names(&full), ["a.txt"]);
    client.call(&EmptyTrash::new(trash.id.clone())).unwrap();
    assert!(client.call(&GetFile::new(trash.id).with_content()).unwrap().content.unwrap().is_empty());
}

/// By its single operations; what does it whatever gets in its way is tested in `transfers`.
fn a_small_file_goes_up_and_comes_down<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let parent_id = home(&client).id;
    let link = GetUploadLink::new(parent_id, name("empty")).file_size(0);
    let upload = client.call(&link).unwrap();
    let modified = Some(UnixTime::from_secs(1_600_000_000));
    let made = client.call(&FinalizeUpload::new(upload.upload_key).modified(modified)).unwrap();
    assert_eq!((made.id.clone(), made.size, made.modified), (upload.file_id, 0, modified));

    let link = client.call(&GetDownloadLink::new(vec![find(&client, "/reports/2026/q3.pdf")])).unwrap();
    let part = client.call(&ReadLink::new(link)).unwrap();
    assert_eq!(part.total, Some(5));
    let link = client.call(&GetDownloadLink::new(vec![made.id])).unwrap();
    assert_eq!(client.call(&ReadLink::new(link)).unwrap().total, Some(0));
}

fn a_file_is_modified_in_place<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let id = find(&client, "/a.txt");
    let upload = client.call(&ModifyFile::new(id.clone(), 0)).unwrap();
    assert_eq!(upload.file_id, id);
    assert_eq!(stage.emulator.file("user@example.com", "a.txt").unwrap(), "", "the old content goes first");
    client.call(&FinalizeUpload::new(upload.upload_key)).unwrap();
}

fn paths_are_looked_up_with_and_without_the_operation_for_it<S: Subject>(wire: Wire) {
    use quatrix_emulator::{Fault, FaultKind};
    let stage = stage(wire);
    let client: S = stage.active();
    let path: RemotePath = "/reports/2026/q3.pdf".parse().unwrap();
    let found = client.call(&GetFileId::new(path.clone())).unwrap();
    for status in [404, 405] {
        let unknown = Fault::new(FaultKind::Status(status)).on("POST", "/file/id").always();
        stage.emulator.set_faults([unknown]).unwrap();
        let walked = client.run(LookUp::new(path.clone())).unwrap().unwrap();
        assert_eq!(walked.id, found.id);
        assert!(client.run(LookUp::new("/reports/none".parse().unwrap())).unwrap().is_none());
    }
    let root = client.run(LookUp::new(RemotePath::home())).unwrap().unwrap();
    assert_eq!(root.id, home(&client).id);
}

fn a_tree_is_walked_and_folders_made_with_their_parents<S: Subject>(wire: Wire) {
    let stage = stage(wire);
    let client: S = stage.active();
    let made = client.run(MakeFolders::new("/a/b c/d".parse().unwrap())).unwrap();
    let again = client.run(MakeFolders::new("/a/b c/d".parse().unwrap())).unwrap();
    assert_eq!(made, again, "what is there is not made again");
    let entries = client.run(Walk::home()).unwrap().entries;
    let paths: Vec<String> = entries.iter().map(|entry| entry.path.to_string()).collect();
    for path in ["/a", "/a/b c", "/a/b c/d", "/reports/2026/q3.pdf", "/a.txt"] {
        assert!(paths.iter().any(|walked| walked == path), "{path} is missing in {paths:?}");
    }
}
