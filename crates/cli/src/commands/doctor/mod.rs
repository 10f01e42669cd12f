//! `trunkline doctor`: looks for what is wrong, and says what to mend.

mod access;
mod catalogue;
mod database;
mod finding;
mod folder;
mod journal;
mod markups;
mod open_files;
mod sign_on;
mod valkey;

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::finding::{Finding, State};
use crate::commands::serve::{self, Serving};
use crate::configuration::{Context, MetricsListen, Misspelt, ServerSettings, misspelt_variables};
use crate::open_files::OpenFiles;
use crate::output::{print, print_json};
use crate::{moment, outbound};

/// What to look at: the settings are those of `serve`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    #[command(flatten)]
    server: ServerSettings,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A clock before this is wrong: 1 January 2025, in microseconds.
const EARLIEST: i64 = 1_735_689_600_000_000;

/// Looks at everything; fails when something must be mended.
pub async fn run(arguments: DoctorArguments, context: &Context) -> Result<ExitCode> {
    let server = arguments.server.or(context.file_server.clone());
    let mut findings = vec![configuration(context)];
    findings.extend(misspelt_variables(&context.folder, &server).into_iter().map(variable));
    findings.push(clock(moment::now()));
    let mut serving = Serving::of(server);
    match serve::trust(&mut serving) {
        Ok(()) => {}
        Err(error) => findings.push(
            Finding::failure("ca_file", format!("{error:#}"))
                .mend("name a PEM file with the certificates of your authority"),
        ),
    }
    let upstream = &serving.limits.upstream;
    if let Some(given) = serving.sign_on.clone() {
        findings.push(sign_on::check(given, &upstream.authorities).await);
    }
    findings.push(open_files::check(OpenFiles::raised(), serving.limits.max_connections));
    findings.extend(folder::rights(&context.folder));
    let (store, opened) = database::open(&context.folder).await;
    findings.extend(journal::check(&context.folder, store.as_ref()).await);
    findings.extend(opened);
    findings.extend(access::check(store.as_ref(), upstream).await);
    if let Some(store) = store {
        findings.extend(catalogue::check(&store).await);
        findings.extend(markups::check(&store).await);
        findings.extend(valkey::agreement(&store, serving.valkey_url.as_ref()).await);
        store.close().await?;
    }
    findings.extend(valkey::check(serving.valkey_url.as_ref(), &context.folder).await);
    findings.push(port("listen", serving.listen).await);
    if let MetricsListen::At(address) = serving.metrics_listen {
        findings.push(port("metrics_listen", address).await);
    }
    tell(&findings, arguments.json)
}

/// What there is to say when the settings cannot even be read.
pub fn unreadable_settings(error: &anyhow::Error, arguments: &DoctorArguments) -> Result<ExitCode> {
    let finding = Finding::failure("configuration", format!("{error:#}"))
        .mend("correct the setting; `trunkline config` prints all there are");
    tell(&[finding], arguments.json)
}

fn tell(findings: &[Finding], as_json: bool) -> Result<ExitCode> {
    let failed = findings.iter().any(|finding| finding.state == State::Failure);
    if as_json {
        let findings: Vec<Value> = findings.iter().map(Finding::document).collect();
        print_json(&json!({ "ok": !failed, "findings": findings }))?;
    } else {
        let text: String = findings.iter().map(Finding::text).collect();
        let verdict = if failed { "Something must be mended." } else { "All is well." };
        print(&format!("{text}{verdict}\n"))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn configuration(context: &Context) -> Finding {
    match &context.file {
        Some(path) => Finding::fine("configuration", format!("{} is read", path.display())),
        None => Finding::fine("configuration", "flags and environment are read; no file is named"),
    }
}

fn variable(Misspelt { name, meant }: Misspelt) -> Finding {
    Finding::warning("configuration", format!("there is no setting {name}: it has no effect"))
        .mend(format!("call it {meant} if that is what it is for"))
}

fn clock(now: store::Micros) -> Finding {
    let text = moment::text(now);
    if now < EARLIEST {
        return Finding::failure("clock", format!("it shows {text}, which is in the past"))
            .mend("set the clock, for instance with NTP: limits and expiries go by it");
    }
    Finding::fine("clock", format!("it shows {text}"))
}

/// Whether `serve` could listen there, or is listening already.
async fn port(setting: &'static str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address).await {
        Ok(_) => Finding::fine(setting, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            if is_gateway(address).await {
                return Finding::fine(setting, format!("a gateway is answering at {address}"));
            }
            Finding::failure(setting, format!("{address} is in use by another program")).mend(
                format!("stop that program, or choose another address with --{}", flag(setting)),
            )
        }
        Err(error) => Finding::failure(setting, format!("cannot listen on {address}: {error}"))
            .mend(format!("choose another address with --{}", flag(setting))),
    }
}

fn flag(setting: &str) -> String {
    setting.replace('_', "-")
}

async fn is_gateway(address: SocketAddr) -> bool {
    let time = std::time::Duration::from_secs(2);
    for path in ["/healthz", "/metrics"] {
        let url = format!("http://{address}");
        let answer = outbound::get(&url, path, &HeaderMap::new(), 8 * 1024 * 1024, time).await;
        if answer.is_ok_and(|answer| answer.status.is_success()) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_the_past_is_a_failure() {
        assert_eq!(clock(0).state, State::Failure);
        assert_eq!(clock(EARLIEST + 1).state, State::Fine);
    }

    #[tokio::test]
    async fn a_port_in_use_is_a_failure_that_names_the_flag() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        // Whoever asks is turned away at once.
        let answering = std::thread::spawn(move || {
            for _ in 0..2 {
                drop(taken.accept());
            }
        });
        let finding = port("metrics_listen", address).await;
        assert_eq!(finding.state, State::Failure);
        assert!(finding.text().contains("--metrics-listen"));
        answering.join().unwrap();
    }
}
