//! Settings for what the evidence about the server leaves open.

use crate::api::{CaptchaMethod, CodeEncoding};

/// Settings for what the evidence about the server leaves open; the defaults are the likelier answers.
///
/// Each setter names its question (Q2, Q6 ..); `docs/assurance/open-questions.md` has both sides of each. The prefix of
/// the token is part of the [`Server`](crate::Server::with_token_prefix), because single requests need it as well.
///
/// ```
/// use quatrix_proto::{CaptchaForm, Compat, Config, Server};
///
/// let compat = Compat::default().with_captcha_form(CaptchaForm::Post);
/// let config = Config::new(Server::account("acme")?).with_compat(compat);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compat {
    pub(crate) code_encoding: CodeEncoding,
    pub(crate) captcha_codes: Vec<i64>,
    pub(crate) captcha_form: CaptchaForm,
    pub(crate) transfers_count_as_use: bool,
    pub(crate) chunk_tokens: bool,
}

/// Form of the captcha operation, and whether the other form is tried where this one does not exist (Q7).
///
/// A refused method spends no captcha token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptchaForm {
    /// POST, and GET on 404 or 405.
    #[default]
    PostThenGet,
    /// GET, and POST on 404 or 405.
    GetThenPost,
    /// POST only.
    Post,
    /// GET only.
    Get,
}

impl Default for Compat {
    fn default() -> Self {
        Self {
            code_encoding: CodeEncoding::default(),
            captcha_codes: vec![72],
            captcha_form: CaptchaForm::default(),
            transfers_count_as_use: false,
            chunk_tokens: true,
        }
    }
}

impl Compat {
    /// Sets the encoding of second-factor codes (Q2).
    ///
    /// Default: plain.
    #[must_use]
    pub fn with_code_encoding(mut self, encoding: CodeEncoding) -> Self {
        self.code_encoding = encoding;
        self
    }

    /// Sets the numbers in `Mfa-Code` or in the error model that ask for a captcha (Q6).
    ///
    /// Default: 72, a guess.
    #[must_use]
    pub fn with_captcha_codes(mut self, codes: impl Into<Vec<i64>>) -> Self {
        self.captcha_codes = codes.into();
        self
    }

    /// Sets the form of the captcha operation (Q7).
    ///
    /// Default: POST, then GET.
    #[must_use]
    pub fn with_captcha_form(mut self, form: CaptchaForm) -> Self {
        self.captcha_form = form;
        self
    }

    /// Sets whether chunk uploads and download streams count as use of the session (Q10).
    ///
    /// Default: no, so that long transfers send keepalives in between.
    #[must_use]
    pub fn with_transfers_as_use(mut self, count: bool) -> Self {
        self.transfers_count_as_use = count;
        self
    }

    /// Sets whether chunk uploads send the token (Q12).
    ///
    /// Default: yes; the upload key seems to be enough, because the C# client sends no token.
    #[must_use]
    pub fn with_chunk_tokens(mut self, send: bool) -> Self {
        self.chunk_tokens = send;
        self
    }

    /// Whether this code asks for a captcha.
    pub(crate) fn is_captcha(&self, code: Option<i64>) -> bool {
        code.is_some_and(|code| self.captcha_codes.contains(&code))
    }
}

impl CaptchaForm {
    pub(crate) fn first(self) -> CaptchaMethod {
        match self {
            Self::PostThenGet | Self::Post => CaptchaMethod::Post,
            Self::GetThenPost | Self::Get => CaptchaMethod::Get,
        }
    }

    pub(crate) fn other(self) -> Option<CaptchaMethod> {
        match self {
            Self::PostThenGet => Some(CaptchaMethod::Get),
            Self::GetThenPost => Some(CaptchaMethod::Post),
            Self::Post | Self::Get => None,
        }
    }
}
