//! Promise 2, all of it at once: whatever is asked, whatever it costs, whatever fails, whoever
//! leaves and whenever the process is killed, generations, roll-ups, usage of keys, balances and
//! counters of limits are the same amounts, to the nano-dollar, and who saw an answer to its end
//! finds it in the books.
//!
//! Each test goes through worlds of two hundred requests, made from their seed alone, and lives each
//! of them in several lives: gateways over the same books, one after the other, most of which are
//! killed while they serve. A failure names the world's seed; `TRUNKLINE_SEED` has only that one
//! made again, as often as `TRUNKLINE_WORLDS` says. What a seed does not decide is which of the
//! things that happen at once comes first.

mod callers;
mod chance;
mod check;
mod place;
#[path = "../../../../store/src/tests/server.rs"]
mod server;
mod torn;
mod world;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway::App;
use gateway::listener::Server;
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use callers::{Caller, Diary, Seen};
use chance::Chance;
use check::{Known, check, check_calls, today};
use place::Place;
use world::{Accounts, World};

/// Requests of a world.
const REQUESTS: usize = 200;
/// How many of them are under way at once.
const CALLERS: usize = 12;
/// Longer than any world takes: what hangs is a failure too.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a test went through, so that it can be seen that it did.
#[derive(Debug, Default)]
struct Tally {
    worlds: usize,
    requests: usize,
    seen: usize,
    rows: usize,
    nano_usd: i64,
    kills: usize,
    outages: usize,
    under_way_at_kills: usize,
    records_torn_off: usize,
}

/// A world's parts that do not change.
struct Setting {
    world: World,
    accounts: Accounts,
    /// The UTC day it began. Limits are of windows that begin anew with it: a world that has seen
    /// two days proves nothing.
    began: i64,
}

/// A gateway that serves.
struct Life {
    app: Arc<App>,
    server: Option<Server>,
}

impl Life {
    async fn begin(world: &World, store: Store) -> Self {
        let app = App::new(world.settings(), store, world.sources()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::start(Arc::clone(&app), listener, 1).unwrap();
        Self { app, server: Some(server) }
    }

    fn address(&self) -> SocketAddr {
        self.server.as_ref().unwrap().address()
    }

    /// Ends serving, when what is under way has ended, also of those who left.
    async fn stop(&mut self) {
        self.server.take().unwrap().stop().await;
    }

    async fn close(self) {
        // Its books may have been taken away.
        self.app.store.close().await.ok();
    }

    /// Compares everything, while nothing is under way.
    async fn verify(&self, setting: &Setting, place: &Place, seen: &[Seen], known: &mut Known) {
        if today() == setting.began {
            check(&setting.world, &setting.accounts, place, &self.app, seen, known).await;
        }
    }
}

/// What was seen to its end so far.
fn seen(diary: &Diary) -> Vec<Seen> {
    diary.lock().unwrap().clone()
}

/// One world from its beginning to its end.
async fn live(seed: u64, mut place: Place, tally: &mut Tally) {
    let mut chance = Chance::new(seed);
    let world = World::of(&mut chance).await;
    let began = today();
    let mut store = place.open().await;
    let accounts = world.settle_in(&store).await;
    let setting = Arc::new(Setting { world, accounts, began });
    let Setting { world, accounts, .. } = &*setting;
    let mut callers: VecDeque<Caller> =
        (0..REQUESTS).map(|_| Caller::of(world, &accounts.keys, &mut chance)).collect();
    let diary = Diary::default();
    let (mut known, mut burials) = (Known::default(), JoinSet::new());
    loop {
        let mut life = Life::begin(world, store).await;
        life.verify(&setting, &place, &seen(&diary), &mut known).await;
        if callers.is_empty() {
            life.stop().await;
            life.close().await;
            break;
        }
        let is_killed = chance.percent(75);
        // Some are killed before they served anybody, or with next to nothing in their journal.
        let most = match chance.below(10) {
            0 => 0,
            1 | 2 => chance.between(1, 3),
            _ => chance.between(4, 60),
        };
        let mut part = chance.part();
        let mut asking = serve(&life, &mut callers, most, &diary).await;
        let mut outage = None;
        if part.percent(40) {
            outage = Some(place.outage().await);
            tally.outages += 1;
            let most = part.between(1, 20);
            go_on(&mut asking, &life, &mut callers, most, &diary).await;
        }
        if is_killed {
            let seen = seen(&diary);
            let promised = seen.iter().map(|seen| seen.id.clone()).collect();
            let outage = match outage {
                Some(outage) => outage,
                None => place.outage().await,
            };
            let (left, lost) = place.torn(outage, &promised, &mut part).await;
            tally.kills += 1;
            tally.under_way_at_kills += asking.len();
            tally.records_torn_off += lost;
            drop(asking);
            // Who saw an end while the copy was made saw what a dead process had not sent.
            diary.lock().unwrap().truncate(seen.len());
            let killed = std::mem::replace(&mut place, left);
            burials.spawn(bury(life, killed, Arc::clone(&setting), seen, known.clone()));
            if part.percent(20) {
                place = place.killed_in_replay().await;
            }
        } else {
            if let Some(outage) = outage {
                outage.end().await;
            }
            asking.join_all().await;
            life.stop().await;
            life.verify(&setting, &place, &seen(&diary), &mut known).await;
            life.close().await;
        }
        store = place.open().await;
    }
    let stays = place.stays();
    let mut books = burials.join_all().await;
    books.push(known.clone());
    if stays {
        check_calls(world, &books);
    }
    tally.worlds += 1;
    tally.requests += REQUESTS;
    tally.seen += seen(&diary).len();
    tally.rows += known.rows();
    tally.nano_usd += known.cost();
}

/// Lets a gateway that counts as killed end, out of sight: in truth it is still there. To it, all
/// its callers left at once. Its books at the end.
async fn bury(
    mut life: Life,
    place: Place,
    setting: Arc<Setting>,
    seen: Vec<Seen>,
    mut known: Known,
) -> Known {
    life.app.cut_off();
    life.stop().await;
    if place.stays() {
        life.verify(&setting, &place, &seen, &mut known).await;
    }
    life.close().await;
    known
}

/// Has callers ask, some at once, until so many have ended; those who are still at it.
async fn serve(
    life: &Life,
    callers: &mut VecDeque<Caller>,
    most: usize,
    diary: &Diary,
) -> JoinSet<()> {
    let mut asking = JoinSet::new();
    for caller in callers.drain(..CALLERS.min(callers.len())) {
        asking.spawn(caller.ask(life.address(), Arc::clone(diary)));
    }
    go_on(&mut asking, life, callers, most, diary).await;
    asking
}

/// The next one asks for each that has ended, until so many have.
async fn go_on(
    asking: &mut JoinSet<()>,
    life: &Life,
    callers: &mut VecDeque<Caller>,
    most: usize,
    diary: &Diary,
) {
    for _ in 0..most {
        let Some(ended) = asking.join_next().await else { break };
        ended.unwrap();
        if let Some(caller) = callers.pop_front() {
            asking.spawn(caller.ask(life.address(), Arc::clone(diary)));
        }
    }
}

/// Names the seed of a world that fails, whichever way it does.
struct Culprit(u64);

impl Drop for Culprit {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this world again: TRUNKLINE_SEED={}", self.0);
        }
    }
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|number| number.parse().expect("a number"))
}

/// Lives so many worlds, whose seeds begin at `first`.
fn live_through(first: u64, worlds: u64, on_postgres: bool) {
    let seed = from_environment("TRUNKLINE_SEED");
    let worlds = from_environment("TRUNKLINE_WORLDS").unwrap_or(seed.map_or(worlds, |_| 1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut tally = Tally::default();
    for number in 0..worlds {
        let seed = seed.unwrap_or(first + number);
        let _culprit = Culprit(seed);
        runtime.block_on(async {
            let place = match on_postgres {
                true => Place::postgres().await,
                false => Some(Place::sqlite()),
            };
            let Some(place) = place else { return };
            tokio::time::timeout(PATIENCE, live(seed, place, &mut tally)).await.unwrap();
        });
    }
    println!("{tally:?}");
}

/// Ten thousand requests, in parts that can run at once.
mod on_sqlite {
    use super::live_through;

    #[test]
    fn all_figures_are_the_same_first_quarter() {
        live_through(1_000, 13, false);
    }

    #[test]
    fn all_figures_are_the_same_second_quarter() {
        live_through(2_000, 13, false);
    }

    #[test]
    fn all_figures_are_the_same_third_quarter() {
        live_through(3_000, 13, false);
    }

    #[test]
    fn all_figures_are_the_same_last_quarter() {
        live_through(4_000, 13, false);
    }
}

#[test]
fn all_figures_are_the_same_on_postgres() {
    live_through(5_000, 3, true);
}
