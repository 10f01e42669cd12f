//! Step 7: a WebSocket. The handshake passes like any request; then bytes pass as they are, both
//! ways, until one side has ended, nothing was said for too long, or the gateway stops.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{
    AUTHORIZATION, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{Method, Request};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::exchange::{ErrorType, Fault, Usage};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::books::Books;
use super::frames::{
    Frames, GOING_AWAY_TO_CALLER, GOING_AWAY_TO_PROVIDER, Piece, refused_to_caller,
};
use super::guard::Guard;
use super::spoken::Spoken;
use super::standing::Standing;
use crate::app::App;
use crate::inference::live::stopping;
use crate::listener::Running;

/// How much is read at once in each direction, in bytes.
const BUFFER: usize = 16 * 1024;
/// How long one side may go on after the other has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How often what is held for the call is kept.
const KEEPING: Duration = Duration::from_secs(60);

/// Where pages put a key, since they can set no header of a WebSocket.
const KEY_IN_PROTOCOLS: &str = "openai-insecure-api-key.";

/// Whether a WebSocket is asked for.
pub fn is_asked<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET
        && request
            .headers()
            .get(UPGRADE)
            .is_some_and(|kind| kind.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// What makes a message one that changes the protocol.
pub fn upgrade(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Takes the key out of the protocols that a page offers. It counts where no header has one.
pub fn key_of_protocols(headers: &mut HeaderMap) {
    let offered: Vec<String> = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|protocol| protocol.trim().to_owned())
        .collect();
    let Some(key) = offered.iter().find_map(|offer| offer.strip_prefix(KEY_IN_PROTOCOLS)) else {
        return;
    };
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {key}"))
        && !headers.contains_key(AUTHORIZATION)
    {
        headers.insert(AUTHORIZATION, value);
    }
    let others = offered.iter().filter(|offer| !offer.starts_with(KEY_IN_PROTOCOLS));
    let others = others.cloned().collect::<Vec<_>>().join(", ");
    headers.remove(SEC_WEBSOCKET_PROTOCOL);
    if let Ok(value) = HeaderValue::from_str(&others)
        && !others.is_empty()
    {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
}

/// A tunnel that is to be opened as soon as the caller has its answer.
pub(crate) struct Tunnel {
    /// What all requests share.
    pub app: Arc<App>,
    /// The caller's side, once it is one.
    pub caller: OnUpgrade,
    /// The provider's side.
    pub provider: Upgraded,
    /// What it owes to the books.
    pub books: Books,
    /// Looks at what the caller asks for.
    pub guard: Guard,
    /// Tells whether the caller may still ask.
    pub standing: Standing,
    /// When it must be over.
    pub deadline: Instant,
    /// Counts as a connection.
    pub running: Running,
}

/// Why a tunnel was ended from here.
enum Ended {
    /// Nothing was said for too long, or it took too long altogether.
    TooLate,
    /// The gateway stops.
    Stopping,
    /// A message of the caller's was not sent, limits leave nothing for another answer, or the caller
    /// may not ask any more.
    Refused(Fault),
}

impl Tunnel {
    /// Passes bytes until the end, and settles.
    pub async fn run(self) {
        let Self { app, caller, provider, mut books, mut guard, standing, deadline, running } =
            self;
        let Ok(Ok(caller)) = timeout(app.settings.header_timeout, caller).await else {
            // The caller left; dropped, the books say so.
            return;
        };
        let (mut from_caller, mut to_caller) = split(TokioIo::new(caller));
        let (mut from_provider, mut to_provider) = split(TokioIo::new(provider));
        let (mut up, mut down) = (Frames::default(), Frames::default());
        let (clock, mut spoken) = (Clock::new(), Spoken::new(guard.is_of_setup()));
        let (counts, counted) = watch::channel(Usage::default());
        let (held, holding) = watch::channel(false);
        let ended = {
            let mut outward = std::pin::pin!(pump(
                &mut from_caller,
                &mut to_provider,
                |bytes: &[u8]| {
                    if let Err(fault) = standing.check() {
                        guard.refuse(fault);
                        return Passing::Never;
                    }
                    match guard.allows(bytes) {
                        false => Passing::Never,
                        true if guard.has_just_named() => {
                            counts.send_modify(|_| {});
                            Passing::OnceHeld
                        }
                        true => Passing::Now,
                    }
                },
                (&mut up, |_: Piece<'_>| {}),
                (&clock, holding.clone())
            ));
            let mut homeward = std::pin::pin!(pump(
                &mut from_provider,
                &mut to_caller,
                |_: &[u8]| Passing::Now,
                (&mut down, |piece: Piece<'_>| if spoken.hear(piece) {
                    counts.send_replace(spoken.used());
                }),
                (&clock, holding.clone())
            ));
            let passing = async {
                // One side may end and still hear the other. A broken one hears nothing.
                tokio::select! {
                    result = &mut outward => if result.is_ok() {
                        let _ = timeout(LAST_WORDS, homeward).await;
                    },
                    result = &mut homeward => if result.is_ok() {
                        let _ = timeout(LAST_WORDS, outward).await;
                    },
                }
            };
            tokio::select! {
                () = passing => None,
                ended = until_it_must_end(
                    (&app, &standing), &clock, deadline, (&mut books, counted, &held)
                ) => Some(ended),
            }
        };
        let ended = ended.or_else(|| guard.refusal().cloned().map(Ended::Refused));
        let told = spoken.told(guard.model());
        if let Some(ended) = &ended {
            let farewell = async {
                if down.is_between() {
                    to_caller.write_all(&ended.farewell()).await?;
                }
                if up.is_between() {
                    to_provider.write_all(&GOING_AWAY_TO_PROVIDER).await?;
                }
                to_caller.shutdown().await?;
                to_provider.shutdown().await
            };
            // Whoever does not take it is gone, or will find out.
            let _ = timeout(LAST_WORDS, farewell).await;
            let fault = ended.fault();
            drop(books.tunnelled(told, (up.passed(), down.passed()), Some(&fault)));
        } else {
            drop(books.tunnelled(told, (up.passed(), down.passed()), None));
        }
        drop(running);
    }
}

impl Ended {
    fn fault(&self) -> Fault {
        match self {
            Self::TooLate => Fault::new(ErrorType::Timeout, "the WebSocket took too long"),
            Self::Stopping => stopping(),
            Self::Refused(fault) => fault.clone(),
        }
    }

    /// What the caller is told.
    fn farewell(&self) -> Vec<u8> {
        match self {
            Self::TooLate | Self::Stopping => GOING_AWAY_TO_CALLER.to_vec(),
            Self::Refused(_) => refused_to_caller(&self.fault().message),
        }
    }
}

/// When something was last said.
struct Clock {
    begun: Instant,
    /// Milliseconds after that.
    last: AtomicU64,
}

impl Clock {
    fn new() -> Self {
        Self { begun: Instant::now(), last: AtomicU64::new(0) }
    }

    fn touch(&self) {
        let since = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}

/// Whether bytes may pass.
enum Passing {
    /// At once.
    Now,
    /// When money is held for what they ask for.
    OnceHeld,
    /// Neither they nor anything after them.
    Never,
}

/// Passes bytes in one direction until they end, and ends the other side then.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut allow: impl FnMut(&[u8]) -> Passing,
    (frames, mut hear): (&mut Frames, impl FnMut(Piece<'_>)),
    (clock, mut held): (&Clock, watch::Receiver<bool>),
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        clock.touch();
        if count == 0 {
            return to.shutdown().await;
        }
        let mut rest = &buffer[..count];
        let may_pass = match allow(rest) {
            Passing::Now => true,
            // Where nothing is to be held any more, the tunnel is at its end.
            Passing::OnceHeld => held.wait_for(|is_held| *is_held).await.is_ok(),
            Passing::Never => false,
        };
        if !may_pass {
            return Err(io::ErrorKind::InvalidData.into());
        }
        while !rest.is_empty() {
            // Piece by piece, so that it is known what was written, whenever this is dropped.
            let written = to.write(rest).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            frames.pass(&rest[..written], &mut hear);
            rest = &rest[written..];
        }
        to.flush().await?;
        clock.touch();
    }
}

/// Resolves when the tunnel has to end. What is held for it is kept meanwhile, and made more after
/// answers that were counted.
async fn until_it_must_end(
    (app, standing): (&App, &Standing),
    clock: &Clock,
    deadline: Instant,
    (books, mut counted, held): (&mut Books, watch::Receiver<Usage>, &watch::Sender<bool>),
) -> Ended {
    let mut stopping = app.stopping();
    let idle = app.settings.passthrough.idle;
    loop {
        let now = Instant::now();
        let silent_until = clock.last() + idle;
        if now >= deadline || now >= silent_until {
            return Ended::TooLate;
        }
        // Its provider may go on without a word of the caller's.
        if let Err(fault) = standing.check() {
            return Ended::Refused(fault);
        }
        books.keep();
        let next = silent_until.min(deadline).min(now + KEEPING);
        tokio::select! {
            () = sleep_until(next) => {}
            Ok(()) = counted.changed() => {
                let used = *counted.borrow_and_update();
                tokio::select! {
                    going = books.goes_on(&used) => match going {
                        Ok(()) => held.send_replace(true),
                        Err(fault) => return Ended::Refused(fault),
                    },
                    () = stopping.wait_cut_off() => return Ended::Stopping,
                };
            }
            () = stopping.wait_cut_off() => return Ended::Stopping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_among_protocols_is_the_callers_and_goes_no_further() {
        let mut headers = HeaderMap::new();
        let offered = "realtime, openai-insecure-api-key.sk-or-1, openai-beta.realtime-v1";
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offered));
        key_of_protocols(&mut headers);
        assert_eq!(headers[AUTHORIZATION], "Bearer sk-or-1");
        assert_eq!(headers[SEC_WEBSOCKET_PROTOCOL], "realtime, openai-beta.realtime-v1");
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("realtime"));
        key_of_protocols(&mut headers);
        assert_eq!(headers.len(), 1);
    }
}
