//! This project's clients.

use quatrix_proto::api::{GetHome, Located};
use quatrix_proto::task::LookUp;
use quatrix_proto::{FileId, RemotePath};
use tokio::runtime::Builder;

use super::{CONCURRENCY, Job, Kind};

fn look_up(name: &str) -> LookUp {
    LookUp::new(name.parse::<RemotePath>().expect("it is a path"))
}

fn found(found: Option<Located>) -> FileId {
    found.expect("it was put there").id
}

pub(super) fn blocking(kind: Kind, job: &Job) {
    let client = job.blocking();
    let home = || client.call(&GetHome::new()).expect("it is there").id;
    let file = |name| found(client.run(look_up(name)).expect("it can be looked for"));
    let files = client.files().concurrency(CONCURRENCY);
    match kind {
        Kind::LargeUp => drop(files.upload(&job.path, &home()).expect("it is taken")),
        Kind::LargeDown => {
            files.download(&file("/large.bin"), job.path.join("large.bin")).expect("it is given");
        }
        Kind::ManyUp => {
            let report = files.upload_folder(&job.path, &home()).expect("it is taken");
            assert!(report.files == super::SMALL_FILES as u64 && report.failed.is_empty(), "{report:?}");
        }
        Kind::ManyDown => {
            let report = files.download_folder(&file("/small"), &job.path).expect("it is given");
            assert!(report.files == super::SMALL_FILES as u64 && report.failed.is_empty(), "{report:?}");
        }
    }
}

pub(super) fn awaited(kind: Kind, job: &Job) {
    let builder = quatrix_hyper::Client::builder(job.config()).no_proxy().roots(job.pem()).api_key(Job::key());
    let client = builder.build().expect("the settings are valid");
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime can be made");
    runtime.block_on(async {
        let home = async || client.call(&GetHome::new()).await.expect("it is there").id;
        let file = async |name| found(client.run(look_up(name)).await.expect("it can be looked for"));
        let files = client.files().concurrency(CONCURRENCY);
        match kind {
            Kind::LargeUp => drop(files.upload(&job.path, &home().await).await.expect("it is taken")),
            Kind::LargeDown => {
                let id = file("/large.bin").await;
                files.download(&id, job.path.join("large.bin")).await.expect("it is given");
            }
            Kind::ManyUp => {
                let report = files.upload_folder(&job.path, &home().await).await.expect("it is taken");
                assert!(report.files == super::SMALL_FILES as u64 && report.failed.is_empty(), "{report:?}");
            }
            Kind::ManyDown => {
                let id = file("/small").await;
                let report = files.download_folder(&id, &job.path).await.expect("it is given");
                assert!(report.files == super::SMALL_FILES as u64 && report.failed.is_empty(), "{report:?}");
            }
        }
    });
}
