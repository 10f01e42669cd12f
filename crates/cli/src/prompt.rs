//! Questions at the terminal whose answers are not shown.

use std::io::ErrorKind;

use anyhow::{Context as _, Result, bail};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use store::Secret;
use tokio::sync::oneshot;

use crate::signal::Interruption;

/// Asks, and leaves the terminal as it was, whatever ends the question: one that shows nothing any
/// more is of no use to the shell.
pub async fn hidden(question: String) -> Result<Secret> {
    let stdin = std::io::stdin();
    let before = tcgetattr(&stdin).context("the terminal cannot be asked how it is set")?;
    // Before the terminal is changed: a signal would end the program with it as it is.
    let mut interruption = Interruption::listen()?;
    let (sender, answer) = oneshot::channel();
    // A thread that nobody waits for: when the question is broken off it still reads.
    std::thread::spawn(move || sender.send(rpassword::prompt_password(question)));
    let answer = tokio::select! {
        answer = answer => answer.context("nobody asked")?,
        () = interruption.wait() => Err(ErrorKind::Interrupted.into()),
    };
    match answer {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            tcsetattr(&stdin, OptionalActions::Now, &before)
                .context("the terminal cannot be set as it was")?;
            bail!("the question was broken off; nothing is stored");
        }
        answer => Ok(Secret::new(answer.context("the terminal cannot be read")?)),
    }
}
