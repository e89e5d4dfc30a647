//! The same requests through hyper-util's client and nothing else.

use std::convert::Infallible;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::channel::Channel;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use quatrix_proto::api::{FinalizeUpload, GetDownloadLink, GetFile, GetHome, ReadLink, UploadChunk};
use quatrix_proto::{ApiKey, Authorization, Endpoint, FileId, Server};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::runtime::Builder;

use super::{CONCURRENCY, Job, Kind, many};

const PIECE: usize = 256 * 1024;

pub(super) fn run_transfer(kind: Kind, job: &Job) {
    let plain = Plain { http: client(job), server: job.server.clone(), key: Job::key() };
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime can be made");
    runtime.block_on(plain.transfer(kind, job.path.clone()));
}

type Http = Client<HttpsConnector<HttpConnector>, BoxBody<Bytes, Infallible>>;

fn client(job: &Job) -> Http {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&job.pem()).expect("it is one")).expect("it is an authority");
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("it has both")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().wrap_connector(tcp);
    Client::builder(TokioExecutor::new()).build(connector)
}

#[derive(Clone)]
struct Plain {
    http: Http,
    server: Server,
    key: ApiKey,
}

impl Plain {
    async fn transfer(self, kind: Kind, path: PathBuf) {
        let home = self.call(&GetHome::new().with_content()).await;
        let child =
            |name: &str| home.content.iter().flatten().find(|file| file.name == name).expect("it is there").id.clone();
        let mut tasks = Vec::new();
        match kind {
            Kind::LargeUp => self.upload(&path, &home.id).await,
            Kind::LargeDown => self.download(&child("large.bin"), &path.join("large.bin")).await,
            Kind::ManyUp => {
                for hand in many::dealt(&path, CONCURRENCY) {
                    let (plain, home) = (self.clone(), home.id.clone());
                    tasks.push(tokio::spawn(async move {
                        for path in hand {
                            plain.upload(&path, &home).await;
                        }
                    }));
                }
            }
            Kind::ManyDown => {
                let folder = self.call(&GetFile::new(child("small")).with_content()).await;
                let files = folder.content.unwrap_or_default();
                for hand in files.chunks(files.len() / CONCURRENCY) {
                    let (plain, hand, path) = (self.clone(), hand.to_vec(), path.clone());
                    tasks.push(tokio::spawn(async move {
                        for file in hand {
                            plain.download(&file.id, &path.join(&file.name)).await;
                        }
                    }));
                }
            }
        }
        for task in tasks {
            task.await.expect("no transfer fails");
        }
    }

    fn request(&self, endpoint: &impl Endpoint) -> Request<Bytes> {
        let prepared = endpoint.prepare(&self.server).expect("its values can be sent");
        prepared.into_request(Authorization::Key(&self.key))
    }

    async fn call<E: Endpoint>(&self, endpoint: &E) -> E::Response {
        let request = self.request(endpoint).map(|body| Full::new(body).boxed());
        decode::<E>(self.http.request(request).await.expect("the call succeeds")).await
    }

    async fn upload(&self, path: &Path, home: &FileId) {
        let mut file = File::open(path).await.expect("it is there");
        file.set_max_buf_size(PIECE);
        let size = file.metadata().await.expect("it is there").len();
        let link = self.call(&many::link(path, size, home)).await;
        for range in many::chunks(size) {
            let (mut sender, body) = Channel::<Bytes>::new(1);
            let chunk = UploadChunk::new(link.upload_key.clone(), range.clone(), size);
            let response = self.http.request(self.request(&chunk).map(|_| body.boxed()));
            let feed = async {
                for piece in pieces(range) {
                    file.seek(std::io::SeekFrom::Start(piece.start)).await.expect("it is a file");
                    let mut bytes = Vec::with_capacity(PIECE);
                    (&mut file).take(piece.end - piece.start).read_to_end(&mut bytes).await.expect("it is there");
                    sender.send_data(bytes.into()).await.expect("it is sent");
                }
                drop(sender);
            };
            let (response, ()) = tokio::join!(response, feed);
            decode::<UploadChunk>(response.expect("the call succeeds")).await;
        }
        let finalized = self.call(&FinalizeUpload::new(link.upload_key)).await;
        assert_eq!(finalized.size, size);
    }

    async fn download(&self, id: &FileId, to: &Path) {
        let link = self.call(&GetDownloadLink::new(vec![id.clone()])).await;
        let request = self.request(&ReadLink::new(link)).map(|body| Full::new(body).boxed());
        let mut body = self.http.request(request).await.expect("the call succeeds").into_body();
        let mut file = File::create(to).await.expect("it can be made");
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame.expect("it is whole").into_data() else { continue };
            file.write_all(&piece).await.expect("there is room");
        }
        file.flush().await.expect("there is room");
        file.sync_all().await.expect("there is room");
    }
}

fn pieces(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    range.clone().step_by(PIECE).map(move |start| start..range.end.min(start + PIECE as u64))
}

async fn decode<E: Endpoint>(response: Response<Incoming>) -> E::Response {
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("it is whole").to_bytes();
    E::decode(Response::from_parts(head, body)).expect("the emulator agrees")
}
