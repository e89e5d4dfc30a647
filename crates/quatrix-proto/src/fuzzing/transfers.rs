//! Uploads and downloads over a wire that breaks, and beside others who change the files.

use super::Input;
use crate::FileId;
use crate::api::OnConflict;
use crate::task::model::{Fault, Model, Wire, download_keeps_its_promise, upload_keeps_its_promise};
use crate::task::{Download, Upload};

const OLD: &[u8] = b"the old content";
const BYTES: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

/// One transfer, each of whose exchanges meets the fault that the data says; then none.
pub fn transfers(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 2 {
        0 => upload(&mut input),
        _ => download(&mut input),
    }
}

fn upload(input: &mut Input<'_>) {
    let on_conflict =
        input.pick(&[Some(OnConflict::Refuse), Some(OnConflict::Rename), Some(OnConflict::Overwrite), None]);
    let bytes = &BYTES[..usize::from(input.byte() % 65)];
    let most = u64::from(input.byte() % 32);
    let old = (on_conflict != Some(OnConflict::Refuse)).then_some(OLD);

    let mut model = Model::new();
    let folder = model.folder("home", "in");
    if let Some(old) = old {
        model.file(&folder, "a.txt", old);
    }
    let size = bytes.len() as u64;
    let task = match on_conflict {
        None => Upload::in_place(id(&model, "/in/a.txt"), size),
        Some(on_conflict) => Upload::new(id(&model, "/in"), "a.txt".parse().unwrap(), size, 1).on_conflict(on_conflict),
    };
    let mut task = task.with_max_chunk(most);
    let mut wire = Wire::breaking(bytes, |_, _, model| {
        let (fault, elsewhere) = fault(input);
        if elsewhere {
            model.expire_keys();
        }
        fault
    });
    let result = wire.run(&mut model, &mut task);
    match on_conflict {
        None => {
            assert!(!model.calls().contains(&"file.delete"), "in place, nothing is ever deleted");
            assert!(result.is_err() || model.files("/in") == [("a.txt".to_owned(), bytes.to_vec())].into());
        }
        Some(on_conflict) => {
            let replaces = on_conflict == OnConflict::Overwrite;
            upload_keeps_its_promise(&model, &mut task, result, bytes, old, replaces);
        }
    }
}

fn download(input: &mut Input<'_>) {
    let (bytes, most) = (&BYTES[..usize::from(input.byte() % 65)], u64::from(input.byte() % 32));
    let mut model = Model::new();
    model.file("home", "a.txt", bytes);
    model.ranges = input.byte() & 1 == 0;
    let file = id(&model, "/a.txt");
    let kept = usize::from(input.byte() % 65).min(bytes.len());
    let (task, begun) = match input.byte() % 4 {
        0 => (Download::zip([file]), &[][..]),
        1 => (Download::by_id(file).after(kept as u64), &bytes[..kept]),
        _ => (Download::by_id(file), &[][..]),
    };
    let mut task = task.with_max_range(most);
    let mut now = bytes.to_vec();
    let mut versions = vec![now.clone()];
    let mut wire = Wire::breaking(b"", |n, _, model| {
        let (fault, elsewhere) = fault(input);
        // Before the first answer, whoever goes on after a part would have to know of it.
        if elsewhere && n > 0 && versions.len() < 8 {
            now.reverse();
            model.rewrite("/a.txt", &now);
            versions.push(now.clone());
        }
        fault
    });
    wire.sink.extend_from_slice(begun);
    let result = wire.run(&mut model, &mut task);
    let sink = wire.sink;
    download_keeps_its_promise(result, &sink, &versions.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

/// What happens to an exchange, and whether something happens elsewhere before it.
fn fault(input: &mut Input<'_>) -> (Fault, bool) {
    let byte = input.byte();
    let fault = match byte >> 5 {
        0..4 => Fault::None,
        4 => Fault::Unsent,
        5 => Fault::Lost,
        6 => Fault::Cut(usize::from(byte & 15)),
        _ => Fault::Status([429, 500, 503, 502][usize::from(byte & 3)]),
    };
    (fault, byte & 16 != 0)
}

fn id(model: &Model, path: &str) -> FileId {
    model.id(path).parse().unwrap()
}
