//! The scripts that run inside the server, each atomic.

use std::sync::LazyLock;

use redis::Script;

/// A script of its own.
macro_rules! script {
    ($name:literal) => {
        LazyLock::new(|| Script::new(include_str!(concat!("lua/", $name, ".lua"))))
    };
}

/// A script that works with figures of spenders.
macro_rules! figures {
    ($name:literal) => {
        LazyLock::new(|| {
            Script::new(concat!(
                include_str!("lua/figures.lua"),
                include_str!(concat!("lua/", $name, ".lua"))
            ))
        })
    };
}

pub(super) static RESERVE: LazyLock<Script> = figures!("reserve");
pub(super) static SETTLE: LazyLock<Script> = figures!("settle");
pub(super) static RELEASE: LazyLock<Script> = figures!("release");
pub(super) static RENEW: LazyLock<Script> = figures!("renew");
pub(super) static EXPIRE: LazyLock<Script> = figures!("expire");
pub(super) static READ: LazyLock<Script> = figures!("read");
pub(super) static USED: LazyLock<Script> = figures!("used");
pub(super) static ADOPT: LazyLock<Script> = figures!("adopt");
pub(super) static STANDING: LazyLock<Script> = figures!("standing");
pub(super) static GATHER: LazyLock<Script> = figures!("gather");
pub(super) static TURN: LazyLock<Script> = figures!("turn");
pub(super) static LOCK: LazyLock<Script> = figures!("lock");
pub(super) static ASKED: LazyLock<Script> = figures!("asked");
pub(super) static ADMIT: LazyLock<Script> = script!("admit");
pub(super) static ENTER: LazyLock<Script> = script!("enter");
