//! Behaviour of the server where the evidence leaves a choice.

use std::time::Duration;

/// Behaviour of the emulated server. The defaults follow the most likely reading of the evidence; `Q1` and so on are
/// the numbers of open questions.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Lifetime of a session after its last API call. Documented as 15 minutes.
    pub idle_timeout: Duration,
    /// Whether a used time-based code is rejected. Default: no, because a test that logs in twice would have to wait
    /// for the next code.
    pub totp_single_use: bool,
    /// Prefix of the session id in `X-Auth-Token`, as sent by generated clients with `apiKeyPrefix`. Default: none.
    pub token_prefix: Option<String>,
    /// Operations that this server lacks, such as `"POST /file/moveone"`, as older servers do. They respond like any
    /// unknown path. Default: none.
    pub without: Vec<String>,
    /// Number of requests kept by [`Server::requests`](crate::Server::requests); the oldest are dropped. Default: 10,000.
    pub remembered_requests: usize,

    /// Q1: the `Mfa-Code` of an account with an authenticator; `None` sends the 207 without that header. Default: 71.
    pub totp_mfa_code: Option<i64>,
    /// Q1: the `Mfa-Code` of an account with a PIN. Default: 73.
    pub pin_mfa_code: Option<i64>,
    /// Q2: encoding of the second factor's code.
    pub code_encoding: CodeEncoding,
    /// Q4: session id in the response to the second factor.
    pub second_factor_id: SecondFactorId,
    /// Q5: place of the session id in a response.
    pub id_place: IdPlace,
    /// Q6: how a login reports that a captcha is required.
    pub captcha_signal: CaptchaSignal,
    /// Q6: number of wrong passwords in a row after which a captcha is required. Default: never.
    pub captcha_after: Option<u32>,
    /// Q7: accepted method for a captcha token.
    pub captcha_method: CaptchaMethod,
    /// Q8: whether a correct captcha also logs in (unless a second factor is required). Otherwise the session of the
    /// captcha ends, and the next login of that account needs no captcha. Default: yes.
    pub captcha_logs_in: bool,
    /// Q9: the response to a call with an unknown or ended session. Default: 401, code 14.
    pub gone: Refused,
    /// Q9: the response to a call without the required permission. Default: 403, code 50.
    pub no_right: Refused,
    /// Q11: lifetime of a session without its captcha or second factor, counted from its login. `None`: as for any
    /// session. Default: `None`.
    pub partial_lifetime: Option<Duration>,

    /// Q10: whether chunk uploads (with a session) and downloads reset the session's idle time. Default: no.
    pub transfers_extend: bool,
    /// Q12: whether a chunk upload needs a session or an API key besides its upload key. Default: no; credentials are
    /// ignored then.
    pub chunks_need_credentials: bool,
    /// Q13: start of an upload key's lifetime.
    pub upload_key_life: UploadKeyLife,
    /// Q13: lifetime of an upload key. Documented as 15 minutes.
    pub upload_key_lifetime: Duration,
    /// Lifetime of a download link, however often it is used. No evidence; 15 minutes, as for sessions and keys.
    pub download_link_lifetime: Duration,
    /// Whether a file's download supports `Range`; otherwise the header is ignored and the whole file is sent. A ZIP
    /// archive is always sent whole. Default: yes.
    pub ranges: bool,
    /// Q14: meaning of a folder's `size`.
    pub folder_size: FolderSize,
    /// Q15: minimum number of ids for which a delete or a move returns a job. Default: 11; 10 is the other reading.
    pub job_from: usize,
    /// Q16: limit on the calls of all callers together. Default: no limit.
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

/// HTTP status and `code` of an error response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status, from 400 to 599.
    pub status: u16,
    /// The number in the error model.
    pub code: i64,
}

/// Encoding of the second factor's code (Q2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeEncoding {
    /// Plain text: every description since 2018-06-21.
    Plain,
    /// Base64 of that text: the description of 2018-06-13.
    Base64,
}

/// Session id in the response to the second factor (Q4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactorId {
    /// The id of the partial session, which stays valid.
    Kept,
    /// A new id; the old one ends.
    Rotated,
    /// No id; the partial session stays valid.
    Omitted,
}

/// Place of the session id in a response (Q5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdPlace {
    /// As `session_id` in the body.
    Body,
    /// In an `X-Auth-Token` header, with the account's id in the body: documentation from before 2018.
    Header,
}

/// How a login reports that a captcha is required (Q6), once the password is correct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaSignal {
    /// 207 with `Mfa-Code: 72` and the session id in its usual place.
    MultiStatus,
    /// 401 with the error model (code 72), `Mfa-Code: 72`, and the session id in an `X-Auth-Token` header.
    UnauthorizedHeader,
    /// 401 with the error model (code 72) and a `session_id` in it.
    UnauthorizedBody,
    /// A plain 401 without a session id, which cannot be distinguished from a wrong password.
    Silent,
}

/// Accepted method for a captcha token (Q7); the other method is rejected with 405.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaMethod {
    /// By POST or by GET.
    Both,
    /// By POST only: until 2019-12.
    Post,
    /// By GET only: since 2020-01.
    Get,
}

/// Start of an upload key's lifetime (Q13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadKeyLife {
    /// The latest chunk, or the link before the first chunk.
    SinceLastChunk,
    /// The link.
    SinceLink,
}

/// Meaning of a folder's `size` (Q14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderSize {
    /// Number of items in it, as rclone reads it.
    Items,
    /// Bytes of all files below it, as specified.
    Bytes,
}

/// Limit on the calls in a period (Q16); further calls are rejected with 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Number of calls per period.
    pub calls: u32,
    /// Length of a period; the next one begins with the first call after it.
    pub per: Duration,
    /// Whether a 429 has a `Retry-After` with the remaining seconds.
    pub retry_after: bool,
}
