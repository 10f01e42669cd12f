//! `trunkline member`: people who sign in. A running server on the same data folder notices each
//! change within a second.

use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use gateway::pages::secret_link;
use serde_json::{Value, json};
use store::{Actor, Member, MemberChange, MemberRole, NewInvitation, Store, StoreError};

use crate::commands::serve::Pages;
use crate::configuration::{AddressSettings, Context};
use crate::output::{one_line, print, print_json, table};
use crate::{data_folder, moment};

/// What to do with members.
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// List members
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a link by which somebody becomes a member, good once, for 7 days
    Invite {
        /// The person's mail address; nobody is written to
        email: String,
        /// What the person is to be
        #[arg(long, value_enum, default_value_t = Role::Member)]
        role: Role,
        #[command(flatten)]
        address: AddressSettings,
    },
    /// Make a link by which a member sets its password anew, good once, for 24 hours
    Reset {
        /// The member's mail address or id
        #[arg(value_name = "EMAIL|ID")]
        which: String,
        #[command(flatten)]
        address: AddressSettings,
    },
    /// Change what a member may do
    Role {
        /// The member's mail address or id
        #[arg(value_name = "EMAIL|ID")]
        which: String,
        /// What the member is to be
        #[arg(value_enum)]
        role: Role,
    },
    /// Remove a member and sign it out; its keys must be deleted or disabled first
    Remove {
        /// The member's mail address or id
        #[arg(value_name = "EMAIL|ID")]
        which: String,
    },
}

/// What a member may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Role {
    /// Everything
    Owner,
    /// Everything but making and unmaking owners
    Admin,
    /// Sees and makes keys of its own
    Member,
}

impl From<Role> for MemberRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Member => Self::Member,
        }
    }
}

/// Runs one of the commands.
pub async fn run(command: MemberCommand, context: &Context) -> Result<()> {
    let store = data_folder::open(&context.folder).await?;
    let outcome = perform(command, context, &store).await;
    store.close().await?;
    outcome
}

async fn perform(command: MemberCommand, context: &Context, store: &Store) -> Result<()> {
    let (actor, now) = (Actor::command_line(), moment::now());
    match command {
        MemberCommand::List { json } => list(store, json).await,
        MemberCommand::Invite { email, role, address } => {
            let made = store.invite(&email, role.into(), &actor, now).await?;
            let (url, note) = link(address, context, &made);
            let role = made.invitation.role.as_str();
            print(&format!(
                "{url}\n\nGood once, for 7 days: whoever opens it becomes the {role} {}.\n{note}",
                one_line(&made.invitation.email)
            ))
        }
        MemberCommand::Reset { which, address } => {
            let member = one_of(store, &which).await?;
            let made = store.create_reset(&member.id, &actor, now).await?;
            let (url, note) = link(address, context, &made);
            print(&format!(
                "{url}\n\nGood once, for 24 hours: whoever opens it sets the password of {}, and \
                 ends all sessions of that member.\n{note}",
                one_line(&member.email)
            ))
        }
        MemberCommand::Role { which, role } => {
            let member = one_of(store, &which).await?;
            let change = MemberChange { name: None, role: Some(role.into()) };
            let member = store.update_member(&member.id, change, &actor, now).await?;
            print(&format!(
                "{} has the role {} now.\n",
                one_line(&member.email),
                member.role.as_str()
            ))
        }
        MemberCommand::Remove { which } => {
            let member = one_of(store, &which).await?;
            match store.remove_member(&member.id, &actor, now).await {
                Ok(()) => {
                    print(&format!("{} is removed and signed out.\n", one_line(&member.email)))
                }
                Err(StoreError::Invalid { what: "removal", reason }) => bail!(
                    "{} has keys in use, which have to be deleted or disabled first: {reason}",
                    member.email
                ),
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// The link, and what there is to say of it.
fn link(
    address: AddressSettings,
    context: &Context,
    made: &NewInvitation,
) -> (String, &'static str) {
    let pages = Pages::of(address, context);
    (secret_link(&pages.url, made.invitation.kind, made.token.expose()), pages.note())
}

async fn list(store: &Store, as_json: bool) -> Result<()> {
    let members = store.members().await?;
    if as_json {
        let documents = members.iter().map(|member| {
            json!({
                "id": member.id,
                "email": member.email,
                "name": member.name,
                "role": member.role,
                "created_at": moment::text(member.created_at),
            })
        });
        return print_json(&Value::Array(documents.collect()));
    }
    let rows: Vec<_> = members
        .into_iter()
        .map(|member| {
            let created = moment::day_text(member.created_at);
            [member.email, member.name, member.role.as_str().to_owned(), created, member.id]
        })
        .collect();
    print(&table(["EMAIL", "NAME", "ROLE", "CREATED", "ID"], &rows))
}

/// The member that is meant.
pub(super) async fn one_of(store: &Store, which: &str) -> Result<Member> {
    let email = which.trim().to_lowercase();
    let found =
        store.members().await?.into_iter().find(|one| one.id == which || one.email == email);
    match found {
        Some(member) => Ok(member),
        None => bail!("there is no member `{which}`; `trunkline member list` shows them"),
    }
}
