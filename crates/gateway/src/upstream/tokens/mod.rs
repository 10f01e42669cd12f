//! Tokens of clouds: got before they are needed, kept while they hold, shared by all workers.
//!
//! A request that finds a token that holds takes it without waiting. One that is near its end is
//! renewed meanwhile, and only who comes when there is none waits, together with all others who do:
//! one question at a time is asked for one credential. The question is a task of its own, so that
//! nobody who leaves takes it along.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use signing::google::METADATA_FLAVOR;
use signing::{MAX_ANSWER_BYTES, Renewal, Token, TokenError, TokenRequest, TokenSource};
use tokio::sync::watch;

use super::body::BodyError;
use super::origin::Origin;
use super::pool::{Pool, SendError};

/// The longest time for one question, from connecting to the last byte.
const LONGEST: Duration = Duration::from_secs(10);

/// How long after a failure the next question is asked, in seconds. Who comes before is told of
/// the failure at once and goes to another provider.
const PAUSE: u64 = 2;

/// The same where the answer will be the same until somebody changes something.
const LONG_PAUSE: u64 = 30;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFailure {
    /// The server could not be reached.
    #[error("the token server cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("the token server gave no answer within {} seconds", LONGEST.as_secs())]
    Late,
    /// It answered, but not with a token.
    #[error(transparent)]
    Answer(#[from] TokenError),
    /// Something else answers in place of Google's metadata service.
    #[error("the metadata service of Google Cloud is not there: this machine does not run in it")]
    NotMetadata,
    /// The question was given up, because the gateway stops.
    #[error("the question for a token was given up")]
    GivenUp,
}

impl TokenFailure {
    fn pause(&self) -> u64 {
        match self {
            Self::Answer(error) if error.is_final() => LONG_PAUSE,
            _ => PAUSE,
        }
    }
}

/// A token in use.
#[derive(Clone, Debug)]
pub struct Grant {
    header: HeaderValue,
    token: Arc<Token>,
    /// Which of a source's tokens it is.
    number: u64,
}

impl Grant {
    /// The value of `Authorization`; it does not show itself.
    pub fn header(&self) -> &HeaderValue {
        &self.header
    }
}

/// A source of tokens with the token it gave last.
pub struct Tokens {
    source: TokenSource,
    companion: Option<(HeaderName, HeaderValue)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Grant>,
    /// The one before: a request may still be under way with it.
    former: Option<Grant>,
    /// The question that is being asked.
    asking: Option<watch::Receiver<Option<Outcome>>>,
    failure: Option<Failure>,
    /// How many tokens there were.
    count: u64,
}

struct Failure {
    why: TokenFailure,
    /// When it may be asked again, in seconds since 1970.
    again: u64,
}

type Outcome = Result<Grant, TokenFailure>;

impl Tokens {
    /// A source that gave no token yet.
    pub fn new(source: TokenSource) -> Self {
        let companion = source.companion_header().and_then(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
        });
        Self { source, companion, state: Mutex::default() }
    }

    /// Where the tokens come from.
    pub fn source(&self) -> &TokenSource {
        &self.source
    }

    /// The header that goes with its tokens.
    pub fn companion(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.companion.as_ref()
    }

    /// A token that holds at `now`, in seconds since 1970. `server` is asked in place of the host
    /// that the credential names.
    pub async fn get(
        self: &Arc<Self>,
        now: u64,
        pool: &Pool,
        server: Option<&Origin>,
    ) -> Result<Grant, TokenFailure> {
        self.get_by(now, || ask(self.source.clone(), pool.clone(), server.cloned(), now)).await
    }

    async fn get_by<F>(
        self: &Arc<Self>,
        now: u64,
        question: impl FnOnce() -> F,
    ) -> Result<Grant, TokenFailure>
    where
        F: Future<Output = Result<Token, TokenFailure>> + Send + 'static,
    {
        let mut outcome = {
            let mut state = self.lock();
            let held = state.held.clone().map(|grant| (grant.token.renewal(now), grant));
            match held {
                Some((Renewal::Fresh, grant)) => return Ok(grant),
                Some((Renewal::Due, grant)) => {
                    if state.asking.is_none() && state.recent_failure(now).is_none() {
                        self.begin(&mut state, now, question());
                    }
                    return Ok(grant);
                }
                Some((Renewal::Ended, _)) | None => {}
            }
            match (&state.asking, state.recent_failure(now)) {
                (Some(asking), _) => asking.clone(),
                (None, Some(failure)) => return Err(failure.clone()),
                (None, None) => self.begin(&mut state, now, question()),
            }
        };
        match outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(TokenFailure::GivenUp)),
            Err(_) => Err(TokenFailure::GivenUp),
        }
    }

    /// Forgets a token that a provider refused, unless there is another already.
    pub fn refused(&self, grant: &Grant) {
        let mut state = self.lock();
        if state.held.as_ref().is_some_and(|held| held.number == grant.number) {
            state.former = state.held.take();
        }
    }

    /// The tokens that requests under way may have.
    pub fn sent(&self) -> Vec<Grant> {
        let state = self.lock();
        [&state.held, &state.former].into_iter().flatten().cloned().collect()
    }

    fn begin<F>(
        self: &Arc<Self>,
        state: &mut State,
        now: u64,
        question: F,
    ) -> watch::Receiver<Option<Outcome>>
    where
        F: Future<Output = Result<Token, TokenFailure>> + Send + 'static,
    {
        let (sender, receiver) = watch::channel(None);
        state.asking = Some(receiver.clone());
        let asking = Asking { tokens: Arc::clone(self), sender, now, answered: false };
        tokio::spawn(async move {
            let answer = tokio::time::timeout(LONGEST, question).await;
            asking.end(answer.unwrap_or(Err(TokenFailure::Late)));
        });
        receiver
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn recent_failure(&self, now: u64) -> Option<&TokenFailure> {
        self.failure.as_ref().filter(|failure| now < failure.again).map(|failure| &failure.why)
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tokens").field("source", &self.source).finish_non_exhaustive()
    }
}

/// A question that others wait for. Tells them however it ends.
struct Asking {
    tokens: Arc<Tokens>,
    sender: watch::Sender<Option<Outcome>>,
    /// When it was asked.
    now: u64,
    answered: bool,
}

impl Asking {
    fn end(mut self, answer: Result<Token, TokenFailure>) {
        self.answered = true;
        let mut state = self.tokens.lock();
        state.asking = None;
        let outcome = match answer {
            Ok(token) => {
                state.count += 1;
                let number = state.count;
                bearer(&token).map(|header| Grant { header, token: Arc::new(token), number })
            }
            Err(failure) => Err(failure),
        };
        match &outcome {
            Ok(grant) => {
                let before = state.held.replace(grant.clone());
                state.former = before.or(state.former.take());
                state.failure = None;
            }
            Err(why) => {
                tracing::warn!(source = kind(&self.tokens.source), error = %why, "no access token");
                let again = self.now.saturating_add(why.pause());
                state.failure = Some(Failure { why: why.clone(), again });
            }
        }
        drop(state);
        self.sender.send_replace(Some(outcome));
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.answered {
            self.tokens.lock().asking = None;
        }
    }
}

fn bearer(token: &Token) -> Result<HeaderValue, TokenFailure> {
    let malformed = TokenError::Malformed {
        field: "access_token",
        problem: "has characters that no header can carry",
    };
    let mut value = HeaderValue::from_str(token.authorization().expose()).map_err(|_| malformed)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a source is, for the log.
fn kind(source: &TokenSource) -> &'static str {
    match source {
        TokenSource::GoogleServiceAccount(_) => "service account of Google Cloud",
        TokenSource::GoogleUser(_) => "user of Google Cloud",
        TokenSource::GoogleMetadata => "metadata service of Google Cloud",
        TokenSource::Entra(_) => "application of Entra",
        TokenSource::AzureManagedIdentity(_) => "managed identity of Azure",
    }
}

/// Asks for a token. Redirects are not followed: what is sent is a secret.
async fn ask(
    source: TokenSource,
    pool: Pool,
    server: Option<Origin>,
    now: u64,
) -> Result<Token, TokenFailure> {
    let (origin, request) = written(source.request(now)?, server)?;
    let response = pool.send(&origin, request).await.map_err(|error| match error {
        SendError::ConnectTimeout(_) => TokenFailure::Late,
        error => TokenFailure::Unreachable(error.to_string()),
    })?;
    let (parts, body) = response.into_parts();
    if source == TokenSource::GoogleMetadata {
        let (name, flavor) = METADATA_FLAVOR;
        if parts.headers.get(name).is_none_or(|value| value.as_bytes() != flavor.as_bytes()) {
            return Err(TokenFailure::NotMetadata);
        }
    }
    let body = body.collect(MAX_ANSWER_BYTES, LONGEST).await.map_err(|error| match error {
        BodyError::TooLarge(_) => TokenFailure::Answer(TokenError::TooLong),
        BodyError::Idle(_) => TokenFailure::Late,
        BodyError::Broken(_) => TokenFailure::Unreachable("the answer broke off".to_owned()),
    })?;
    Ok(source.read(parts.status.as_u16(), &body, now)?)
}

fn written(
    asked: TokenRequest,
    server: Option<Origin>,
) -> Result<(Origin, Request<Full<Bytes>>), TokenFailure> {
    let unusable = || TokenFailure::Unreachable("its address cannot be used".to_owned());
    let parts = asked.url.parse::<Uri>().map_err(|_| unusable())?.into_parts();
    let path = parts.path_and_query.unwrap_or(PathAndQuery::from_static("/"));
    let origin = match (server, parts.scheme, parts.authority) {
        (Some(server), ..) => server,
        (None, Some(scheme), Some(authority)) => {
            Origin { scheme, authority, prefix: String::new() }
        }
        _ => return Err(unusable()),
    };
    let body = asked.body.map(|body| Bytes::copy_from_slice(body.expose().as_bytes()));
    let mut request = Request::new(Full::new(body.unwrap_or_default()));
    *request.method_mut() = match asked.method {
        signing::Method::Get => Method::GET,
        signing::Method::Post => Method::POST,
    };
    *request.uri_mut() = path.as_str().parse().map_err(|_| unusable())?;
    let headers = request.headers_mut();
    let host = HeaderValue::from_str(origin.authority.as_str()).map_err(|_| unusable())?;
    headers.insert(HOST, host);
    let agent = concat!("trunkline/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in asked.headers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Ok((origin, request))
}

/// The name of the header that carries a token.
pub(super) const HEADER: HeaderName = AUTHORIZATION;

#[cfg(test)]
mod tests;
