//! The HTTP server: the API surfaces, the way of a request, connections to providers.
//!
//! Start reading at [`inference`]: the way of one request, a file per step. `control` holds the
//! snapshot a request works with, `upstream` the connections to providers, `api` the resources
//! that are not inference, `listener` the sockets.

pub mod answer;
pub mod api;
pub mod app;
pub mod clock;
pub mod control;
pub mod error;
pub mod inference;
pub mod listener;
pub mod pages;
pub mod passthrough;
pub mod proxies;
pub mod settings;
mod socket;
pub mod telemetry;
pub mod tokenizer;
pub mod upstream;

pub use app::{App, Worker};
pub use settings::{
    CallerLimits, Installation, PassthroughLimits, PassthroughPermission, Settings, SignOnSettings,
    UpstreamLimits, WithoutValkey,
};
