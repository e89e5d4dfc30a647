//! Sans-IO libraries for another protocol: they build a token request and parse the response.

use std::hint::black_box;

use http::Response;
use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, ClientSecret, HttpRequest, RefreshToken, TokenUrl};
use tame_oauth::gcp::TokenOrRequest;
use tame_oauth::gcp::TokenProvider as _;
use tame_oauth::gcp::end_user::{EndUserCredentialsInfo, EndUserCredentialsInner};

const ANSWER: &[u8] =
    br#"{"access_token":"3f0e5b1c-4a7d-4c8e-9f6a-1b2c3d4e5f60","token_type":"bearer","expires_in":900}"#;
const NO_SCOPES: [&&str; 0] = [];

fn token_response() -> Response<Vec<u8>> {
    let response = Response::builder().header("content-type", "application/json");
    response.body(ANSWER.to_vec()).expect("it is well formed")
}

pub(super) fn oauth2() -> impl FnMut() {
    let url = "https://acme.example.com/token".to_owned();
    let client = BasicClient::new(ClientId::new("user@example.com".to_owned()))
        .set_client_secret(ClientSecret::new("only-for-tests-4711".to_owned()))
        .set_auth_uri(AuthUrl::new(url.clone()).expect("it is a URL"))
        .set_token_uri(TokenUrl::new(url).expect("it is a URL"));
    let token = RefreshToken::new("9d3a1f42-7b55-4e0b-8f0c-2a6f4f6f1c11".to_owned());
    let send = |request: HttpRequest| {
        black_box(request);
        Ok::<_, std::io::Error>(token_response())
    };
    move || {
        black_box(client.exchange_refresh_token(&token).request(&send).expect("it is granted"));
    }
}

pub(super) fn tame() -> impl FnMut() {
    let provider = EndUserCredentialsInner::new(EndUserCredentialsInfo {
        client_id: "user@example.com".to_owned(),
        client_secret: "only-for-tests-4711".to_owned(),
        refresh_token: "9d3a1f42-7b55-4e0b-8f0c-2a6f4f6f1c11".to_owned(),
        client_type: "authorized_user".to_owned(),
    });
    move || {
        let asked = provider.get_token(NO_SCOPES).expect("it needs nothing else");
        let TokenOrRequest::Request { request, scope_hash, .. } = asked else { panic!("nothing was kept") };
        black_box(request);
        black_box(provider.parse_token_response(scope_hash, token_response()).expect("it is granted"));
    }
}
