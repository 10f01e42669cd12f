//! `trunkline setup-link`: a link to set the gateway up, for the first owner.

use anyhow::{Result, bail};
use gateway::pages::secret_link;
use store::{Actor, InvitationKind};

use crate::commands::serve::Pages;
use crate::configuration::{AddressSettings, Context};
use crate::output::print;
use crate::{data_folder, moment};

/// Makes a link and prints it, once.
pub async fn run(address: AddressSettings, context: &Context) -> Result<()> {
    let store = data_folder::open_or_create(&context.folder).await?;
    let made = store.create_setup_link(&Actor::command_line(), moment::now()).await?;
    store.close().await?;
    let Some(made) = made else {
        bail!(
            "somebody can sign in already: `trunkline member invite` makes a link for others, and \
             `trunkline member reset` one for whoever forgot a password"
        );
    };
    let pages = Pages::of(address, context);
    let link = secret_link(&pages.url, InvitationKind::Setup, made.token.expose());
    print(&format!(
        "{link}\n\nGood once, for 24 hours: whoever opens it becomes the owner.\n{}",
        pages.note()
    ))
}
