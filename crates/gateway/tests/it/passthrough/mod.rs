//! A provider's own API, passed through: as it came, with our credential, limited and recorded.

mod calls;
mod credentials;
mod estimates;
mod money;
mod prices;
mod size;
mod tunnel;
mod world;
