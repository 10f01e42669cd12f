//! nginx as a plain reverse proxy, set up as one would for an API that streams.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::process::Process;
use crate::target::{Cores, Target, UPSTREAM_PATH, free_address, ready};

/// A way to start nginx.
#[derive(Debug)]
pub struct Nginx {
    /// The program.
    pub program: PathBuf,
    /// The provider.
    pub upstream: SocketAddr,
    /// Where it runs.
    pub cores: Cores,
}

impl Nginx {
    /// What `nginx -v` prints.
    pub fn version(&self) -> Result<String> {
        let output = Command::new(&self.program)
            .arg("-v")
            .output()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        Ok(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// Starts it with its files in `folder`, and says how long it took to answer.
    pub async fn start(&self, folder: &Path) -> Result<(Target, Duration)> {
        std::fs::create_dir_all(folder)?;
        let address = free_address()?;
        let file = folder.join("nginx.conf");
        std::fs::write(&file, self.configuration(address))?;
        let mut command = Command::new(&self.program);
        command.arg("-p").arg(folder).arg("-c").arg(&file);
        let begin = Instant::now();
        let mut process = Process::start(&command, self.cores.proxy, &folder.join("nginx.log"))?;
        ready(&mut process, address, "/healthz").await?;
        let took = begin.elapsed();
        let path = UPSTREAM_PATH.to_owned();
        Ok((Target { process, address, path, key: "none".to_owned() }, took))
    }

    fn configuration(&self, address: SocketAddr) -> String {
        // A worker for each core it may use.
        let workers = if self.cores.proxy.is_some() { "1" } else { "auto" };
        let upstream = self.upstream;
        format!(
            "daemon off;
user root;
worker_processes {workers};
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log stderr warn;
events {{
    worker_connections 8192;
    multi_accept on;
}}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 100000000;
    client_body_buffer_size 64k;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream provider {{
        server {upstream};
        keepalive 1024;
        keepalive_requests 100000000;
    }}
    server {{
        listen {address} backlog=4096;
        location = /healthz {{
            return 200;
        }}
        location / {{
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_buffering off;
            proxy_read_timeout 120s;
        }}
    }}
}}
"
        )
    }
}
