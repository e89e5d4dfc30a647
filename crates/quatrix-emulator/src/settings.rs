//! What this server does where the evidence leaves a choice.

use std::time::Duration;

/// How the emulated server behaves. The default is the best reading of the evidence; a field that settles an open
/// question names its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How long a session lives after the last API call. The documentation says 15 minutes.
    pub idle_timeout: Duration,
    /// Whether a time-based code is refused once it has been used. By default it may be used again, because a test
    /// that logs in twice would have to wait for the next code.
    pub totp_single_use: bool,
    /// A word that must stand before the session id in `X-Auth-Token`, as the generated clients' `apiKeyPrefix` sends
    /// it. Default: none.
    pub token_prefix: Option<String>,
    /// Operations that this server does not have, such as `"POST /file/moveone"`: older servers lack some. They answer
    /// like any unknown path. Default: none.
    pub without: Vec<String>,
    /// How many requests [`Server::requests`](crate::Server::requests) remembers; the oldest go first. Default: 10,000.
    pub remembered_requests: usize,

    /// Q1: the `Mfa-Code` of an account with an authenticator; `None` sends the 207 without that header. Default: 71.
    pub totp_mfa_code: Option<i64>,
    /// Q1: the `Mfa-Code` of an account with a PIN. Default: 73.
    pub pin_mfa_code: Option<i64>,
    /// Q2: how the code of the second factor has to be written.
    pub code_encoding: CodeEncoding,
    /// Q4: which session id the second factor answers with.
    pub second_factor_id: SecondFactorId,
    /// Q5: where an answer carries the session id.
    pub id_place: IdPlace,
    /// Q6: how a login says that a captcha is due.
    pub captcha_signal: CaptchaSignal,
    /// Q6: after how many refused passwords in a row an account's captcha is due. Default: never.
    pub captcha_after: Option<u32>,
    /// Q7: how a captcha token may be sent.
    pub captcha_method: CaptchaMethod,
    /// Q8: whether the right captcha also logs in (unless a second factor is due). Otherwise the session of the
    /// captcha ends, and the next login of that account is not asked again. Default: yes.
    pub captcha_logs_in: bool,
    /// Q9: the answer to a call whose session is unknown or gone. Default: 401, code 14.
    pub gone: Refused,
    /// Q9: the answer to a call that the caller has no right to make. Default: 403, code 50.
    pub no_right: Refused,
    /// Q11: how long a session lives that still waits for a captcha or a second factor, from its login on, whatever
    /// is called meanwhile. `None`: like any session. Default: `None`.
    pub partial_lifetime: Option<Duration>,

    /// Q10: whether chunk posts (with a session) and downloads start the session's idle time anew. Default: no.
    pub transfers_extend: bool,
    /// Q12: whether a chunk post has to carry a session or an API key besides its upload key. Default: no; what it
    /// carries is not looked at then.
    pub chunks_need_credentials: bool,
    /// Q13: what the life of an upload key counts from.
    pub upload_key_life: UploadKeyLife,
    /// Q13: how long an upload key lives. The documentation says 15 minutes.
    pub upload_key_lifetime: Duration,
    /// How long a download link lives, however often it is used. No evidence; 15 minutes as the other things.
    pub download_link_lifetime: Duration,
    /// Whether a `Range` of a file's download is served; otherwise it is ignored, and all of the file comes. A ZIP
    /// archive always comes as a whole. Default: yes.
    pub ranges: bool,
    /// Q14: what the `size` of a folder is.
    pub folder_size: FolderSize,
    /// Q15: with how many ids at least a delete or a move answers with a job. Default: 11; 10 is the other reading.
    pub job_from: usize,
    /// Q16: how many calls are served, all callers together. Default: no limit.
    pub rate_limit: Option<RateLimit>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(15 * 60),
            totp_single_use: false,
            token_prefix: None,
            without: Vec::new(),
            remembered_requests: 10_000,
            totp_mfa_code: Some(71),
            pin_mfa_code: Some(73),
            code_encoding: CodeEncoding::Plain,
            second_factor_id: SecondFactorId::Kept,
            id_place: IdPlace::Body,
            captcha_signal: CaptchaSignal::MultiStatus,
            captcha_after: None,
            captcha_method: CaptchaMethod::Both,
            captcha_logs_in: true,
            gone: Refused { status: 401, code: 14 },
            no_right: Refused { status: 403, code: 50 },
            partial_lifetime: None,
            transfers_extend: false,
            chunks_need_credentials: false,
            upload_key_life: UploadKeyLife::SinceLastChunk,
            upload_key_lifetime: Duration::from_secs(15 * 60),
            download_link_lifetime: Duration::from_secs(15 * 60),
            ranges: true,
            folder_size: FolderSize::Items,
            job_from: 11,
            rate_limit: None,
        }
    }
}

/// An HTTP status and the `code` of the error model that comes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status, from 400 to 599.
    pub status: u16,
    /// The number in the error model.
    pub code: i64,
}

/// How the code of the second factor has to be written (Q2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeEncoding {
    /// As the user reads it: every description since 2018-06-21.
    Plain,
    /// As base64 of that text: the description of 2018-06-13.
    Base64,
}

/// Which session id the second factor answers with (Q4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactorId {
    /// The id of the partial session, which goes on.
    Kept,
    /// A new one; the old one is gone.
    Rotated,
    /// None at all; the partial session goes on under its id.
    Omitted,
}

/// Where an answer carries the session id (Q5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdPlace {
    /// As `session_id` in the body.
    Body,
    /// In an `X-Auth-Token` header, with the account's id in the body: documentation from before 2018.
    Header,
}

/// How a login says that a captcha is due (Q6). The password has been checked by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaSignal {
    /// 207 with `Mfa-Code: 72` and the session id where a login has it.
    MultiStatus,
    /// 401 with the error model (code 72), `Mfa-Code: 72`, and the session id in an `X-Auth-Token` header.
    UnauthorizedHeader,
    /// 401 with the error model (code 72), which has a `session_id` besides.
    UnauthorizedBody,
    /// A plain 401: nothing tells it from a wrong password, and no id allows to send a captcha.
    Silent,
}

/// How a captcha token may be sent (Q7); the other way answers 405.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaMethod {
    /// By POST or by GET.
    Both,
    /// By POST only: until 2019-12.
    Post,
    /// By GET only: since 2020-01.
    Get,
}

/// What the life of an upload key counts from (Q13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadKeyLife {
    /// From the latest chunk, or from the link if there is none.
    SinceLastChunk,
    /// From the link, whatever is sent.
    SinceLink,
}

/// What the `size` of a folder is (Q14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderSize {
    /// How many items are in it: as rclone reads it.
    Items,
    /// How many bytes are in all files below it: as the specification says.
    Bytes,
}

/// How many calls are served in a stretch of time (Q16); the others answer 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many in one stretch.
    pub calls: u32,
    /// How long a stretch is; the next begins with the first call after it.
    pub per: Duration,
    /// Whether a 429 says in `Retry-After` how many seconds are left.
    pub retry_after: bool,
}
