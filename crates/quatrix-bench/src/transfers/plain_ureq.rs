//! The same requests through ureq and nothing else.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use quatrix_proto::api::{FinalizeUpload, GetDownloadLink, GetFile, GetHome, ReadLink, UploadChunk};
use quatrix_proto::{Authorization, Endpoint, FileId};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body, SendBody};

use super::{CONCURRENCY, Job, Kind, many};

pub(super) fn run_transfer(kind: Kind, job: &Job) {
    let plain = Plain { agent: agent(job), job };
    let home = || plain.call(&GetHome::new().with_content());
    let child =
        |name: &str| home().content.into_iter().flatten().find(|file| file.name == name).expect("it is there").id;
    match kind {
        Kind::LargeUp => plain.upload(&job.path, &home().id),
        Kind::LargeDown => plain.download(&child("large.bin"), &job.path.join("large.bin")),
        Kind::ManyUp => {
            let (home, plain) = (home().id, &plain);
            std::thread::scope(|scope| {
                for hand in many::dealt(&job.path, CONCURRENCY) {
                    let home = &home;
                    scope.spawn(move || hand.iter().for_each(|path| plain.upload(path, home)));
                }
            });
        }
        Kind::ManyDown => {
            let folder = plain.call(&GetFile::new(child("small")).with_content());
            let plain = &plain;
            let files = folder.content.unwrap_or_default();
            std::thread::scope(|scope| {
                for hand in files.chunks(files.len() / CONCURRENCY) {
                    let one = |file: &quatrix_proto::File| plain.download(&file.id, &job.path.join(&file.name));
                    scope.spawn(move || hand.iter().for_each(one));
                }
            });
        }
    }
}

fn agent(job: &Job) -> Agent {
    let certificate = Certificate::from_pem(&job.pem()).expect("it is one");
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::new_with_certs(&[certificate]))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = Agent::config_builder().tls_config(tls).proxy(None).max_idle_connections_per_host(CONCURRENCY);
    config.user_agent("").accept("").accept_encoding("").build().into()
}

struct Plain<'a> {
    agent: Agent,
    job: &'a Job,
}

impl Plain<'_> {
    fn request(&self, endpoint: &impl Endpoint) -> Request<Bytes> {
        let prepared = endpoint.prepare(&self.job.server).expect("its values can be sent");
        prepared.into_request(Authorization::Key(&Job::key()))
    }

    fn call<E: Endpoint>(&self, endpoint: &E) -> E::Response {
        let (head, body) = self.request(endpoint).into_parts();
        let response = match body.is_empty() {
            true => self.agent.run(Request::from_parts(head, ())),
            false => self.agent.run(Request::from_parts(head, &body[..])),
        };
        decode::<E>(response.expect("the call succeeds"))
    }

    fn upload(&self, path: &Path, home: &FileId) {
        let mut file = File::open(path).expect("it is there");
        let size = file.metadata().expect("it is there").len();
        let link = self.call(&many::link(path, size, home));
        for range in many::chunks(size) {
            file.seek(SeekFrom::Start(range.start)).expect("it is a file");
            let mut part = (&mut file).take(range.end - range.start);
            let chunk = UploadChunk::new(link.upload_key.clone(), range, size);
            let (head, _) = self.request(&chunk).into_parts();
            let response = self.agent.run(Request::from_parts(head, SendBody::from_reader(&mut part)));
            decode::<UploadChunk>(response.expect("the call succeeds"));
        }
        let finalized = self.call(&FinalizeUpload::new(link.upload_key));
        assert_eq!(finalized.size, size);
    }

    fn download(&self, id: &FileId, to: &Path) {
        let link = self.call(&GetDownloadLink::new(vec![id.clone()]));
        let (head, _) = self.request(&ReadLink::new(link)).into_parts();
        let mut response = self.agent.run(Request::from_parts(head, ())).expect("the call succeeds");
        let mut file = File::create(to).expect("it can be made");
        io::copy(&mut response.body_mut().as_reader(), &mut file).expect("it is whole");
        file.sync_all().expect("there is room");
    }
}

fn decode<E: Endpoint>(response: Response<Body>) -> E::Response {
    let (head, mut body) = response.into_parts();
    let body = body.read_to_vec().expect("it is whole");
    E::decode(Response::from_parts(head, body.into())).expect("the emulator agrees")
}
