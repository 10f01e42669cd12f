//! How many files may be open: whether that is enough for the connections that are to be served.

use super::finding::Finding;
use crate::open_files::OpenFiles;

const CHECK: &str = "open files";

/// Looks at the limit as a server raises it, for this many connections of callers.
pub fn check(limit: OpenFiles, max_connections: usize) -> Finding {
    let most = limit.0.map_or_else(|| "any number of".to_owned(), |most| most.to_string());
    match limit.fewer_than(max_connections) {
        None => Finding::fine(CHECK, format!("{most} files may be open here")),
        Some(room) => {
            let detail = format!(
                "{most} files may be open here, which is enough for {room} callers and not for \
                 max_connections, {max_connections}"
            );
            let needed = OpenFiles::needed_for(max_connections);
            Finding::warning(CHECK, detail).mend(format!(
                "raise the hard limit to {needed} (LimitNOFILE of a service, `ulimit -Hn` of a \
                 shell), or set max_connections to {room}"
            ))
        }
    }
}
