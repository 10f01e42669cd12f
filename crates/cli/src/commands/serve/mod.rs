//! `trunkline serve`: the gateway.

mod example;
mod first_key;
mod greeting;
pub mod nodes;
mod settings;
mod sources;
mod upkeep;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use gateway::control::limits::Nodes;
use gateway::control::refresh_while_open;
use gateway::listener::{Server, serve_metrics};
use gateway::{App, Installation};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use store::{Actor, Retention};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::configuration::{
    AddressSettings, Context, MetricsListen, ServerSettings, Simulation, misspelt_variables,
    unknown_variables,
};
use crate::open_files::OpenFiles;
use crate::output::print;
use crate::signal::Interruption;
use crate::simulated::EXAMPLE_MODEL;
use crate::{data_folder, moment};

pub use settings::{Serving, SignOn};

/// Serves until told to stop; then lets running requests end and writes the books.
pub async fn run(given: ServerSettings, context: Context) -> Result<()> {
    let given = given.or(context.file_server.clone());
    for misspelt in misspelt_variables(&context.folder, &given) {
        warn!(
            variable = misspelt.name,
            "there is no such setting, and it has no effect; did you mean {}?", misspelt.meant
        );
    }
    let unknown = unknown_variables(&context.folder, &given);
    if !unknown.is_empty() {
        info!(variables = unknown.join(", "), "these variables are of no setting");
    }
    let mut serving = Serving::of(given);
    let files = OpenFiles::raised();
    if let Some(room) = files.fewer_than(serving.limits.max_connections) {
        // Beyond it callers would hang, and no provider could be connected to.
        warn!(
            open_files = files.0,
            needed = OpenFiles::needed_for(serving.limits.max_connections),
            max_connections = serving.limits.max_connections,
            served = room,
            "too few files may be open for max_connections: fewer connections are served; raise the \
             hard limit on open files"
        );
        serving.limits.max_connections = room;
    }
    let sharing = nodes::open(serving.valkey_url.as_ref(), &context.folder)?;
    let mut interruption = Interruption::listen()?;
    let listener = listen(serving.listen).await?;
    let address = listener.local_addr()?;
    let metrics = match serving.metrics_listen {
        MetricsListen::Off => None,
        MetricsListen::At(address) => Some(listen(address).await?),
    };
    let url = serving
        .public_url
        .clone()
        .unwrap_or_else(|| format!("{}{}", local_url(address), serving.limits.base_path.as_str()));
    serving.limits.public_url.clone_from(&url);
    serving.limits.installation = Installation {
        listen: address.to_string(),
        generation_days: serving.generation_retention_days,
    };
    trust(&mut serving)?;
    if let Some(sign_on) = serving.sign_on.take() {
        serving.limits.sign_on = Some(sign_on.read()?);
    }

    let store = tokio::select! {
        opened = data_folder::serve(&context.folder) => opened?,
        // It may be waiting for a server that is not there yet.
        () = interruption.wait() => return Ok(()),
    };
    nodes::agree(&store, &sharing).await?;
    let valkey = sharing.into_server();
    let sources = sources::find(&store).await?;
    let simulate = match serving.simulated {
        Simulation::On => true,
        Simulation::Off => false,
        Simulation::Auto => sources.available.is_empty(),
    };
    let simulator = if simulate { Some(crate::simulated::start().await?) } else { None };
    let simulator_address = simulator.as_ref().map(|simulator| simulator.address());
    let (available, example) = (sources.available.clone(), sources.example.clone());
    let control = sources.into_control(simulator_address);
    let shared = valkey.is_some();
    let dashboard = serving.limits.dashboard;
    let is_in_the_clear = serves_in_the_clear(address, serving.public_url.as_deref());
    let stored_response_days = serving.limits.stored_response_days;
    let nodes = valkey.map(|valkey| Nodes { valkey });
    let app = tokio::select! {
        app = App::among(serving.limits, store.clone(), control, nodes) => app?,
        // It may be waiting for the server that nodes share.
        () = interruption.wait() => {
            store.close().await?;
            return Ok(());
        }
    };
    let first_key = first_key::create_once(&store).await?;
    if first_key.is_some() {
        app.reload().await?;
    }
    // While nobody can sign in, each start says how somebody can; there has to be a page for it.
    let setup = match dashboard {
        true => store.create_setup_link(&Actor::command_line(), moment::now()).await?,
        false => None,
    };
    let server = Server::start(Arc::clone(&app), listener, serving.workers)?;
    let refreshing = tokio::spawn(refresh_while_open(Arc::clone(&app)));
    let retention = Retention {
        generation_days: serving.generation_retention_days,
        stored_response_days,
        ..Retention::default()
    };
    let upkeep = tokio::spawn(upkeep::keep_in_order(store.clone(), retention));
    let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    let metrics = metrics.map(|listener| tokio::spawn(serve_metrics(Arc::clone(&app), listener)));

    print(&greeting::text(&greeting::Greeting {
        url: &url,
        metrics: metrics_address,
        first_key: first_key.as_ref(),
        setup_code: setup.as_ref().map(|link| link.token.expose()),
        example_model: if simulate { Some(EXAMPLE_MODEL) } else { example.as_deref() },
        available: &available,
        simulated: simulate,
        in_the_clear: is_in_the_clear.then_some(address),
    }))?;
    info!(%address, providers = available.len(), simulated = simulate, shared, "serving");
    allocator::keep_a_moment();

    interruption.wait().await;
    info!("stopping: running requests may end");
    let stopping = server.stop();
    tokio::pin!(stopping);
    let drained = tokio::select! {
        drained = stopping.as_mut() => drained,
        () = interruption.wait() => {
            warn!("told to stop twice: requests under way are cut off");
            app.cut_off();
            // Waited for all the same: what is cut off is yet to be written into the books.
            stopping.await
        }
    };
    app.limits.close().await;
    // Both end with the server; what they might say was logged where it happened.
    let _ = refreshing.await;
    upkeep.abort();
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    store.close().await.context(
        "some settlements could not be written; they wait in the journal of the data folder for the \
         next start",
    )?;
    if !drained {
        warn!("some requests did not end in time");
    }
    info!("stopped");
    Ok(())
}

/// Reads the certificate authorities that the settings name, to be trusted at providers and at the
/// sign-on service.
pub fn trust(serving: &mut Serving) -> Result<()> {
    if let Some(path) = &serving.ca_file {
        serving.limits.upstream.authorities = authorities(path)?;
    }
    Ok(())
}

/// The certificates of a PEM file; one without any is a mistake.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    let found = read().with_context(|| format!("ca_file {} cannot be read", path.display()))?;
    if found.is_empty() {
        bail!("ca_file {} holds no certificate", path.display());
    }
    Ok(found)
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!("{address} is in use by another program; choose another address")
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

/// Where people open links, as it would be served with certain settings.
pub struct Pages {
    /// The address under which callers know the gateway.
    pub url: String,
    /// Whether there are pages at all.
    are_served: bool,
}

impl Pages {
    /// As these settings have them.
    pub fn of(given: AddressSettings, context: &Context) -> Self {
        let serving = Serving::of(given.or(context.file_server.clone()));
        let are_served = serving.limits.dashboard;
        let url = serving.public_url.unwrap_or_else(|| {
            format!("{}{}", local_url(serving.listen), serving.limits.base_path.as_str())
        });
        Self { url, are_served }
    }

    /// What there is to say of a link beside it.
    pub fn note(&self) -> &'static str {
        if self.are_served {
            return "";
        }
        "There is no page behind it while dashboard = false: set that to true for as long as it takes \
         to open it.\n"
    }
}

/// Whether others can reach the gateway with nothing before it that encrypts, as far as the settings
/// tell.
fn serves_in_the_clear(address: SocketAddr, public_url: Option<&str>) -> bool {
    !address.ip().is_loopback() && !public_url.is_some_and(|url| url.starts_with("https://"))
}

/// How a caller on this machine reaches an address: one that means all interfaces is no place to
/// connect to.
fn local_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_reach_without_tls_is_in_the_clear() {
        for (address, public_url, expected) in [
            ("127.0.0.1:80", None, false),
            ("[::1]:80", None, false),
            ("0.0.0.0:80", None, true),
            ("10.0.0.1:80", Some("http://llm.example"), true),
            ("0.0.0.0:80", Some("https://llm.example"), false),
        ] {
            assert_eq!(serves_in_the_clear(address.parse().unwrap(), public_url), expected);
        }
    }

    #[test]
    fn an_address_that_means_everywhere_is_shown_as_this_machine() {
        assert_eq!(local_url("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(local_url("[::]:80".parse().unwrap()), "http://[::1]:80");
        assert_eq!(local_url("10.0.0.1:80".parse().unwrap()), "http://10.0.0.1:80");
    }
}
