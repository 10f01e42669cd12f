//! Processes: started on a core, asked what they use, ended when dropped.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Linux counts processor time for user space in hundredths of a second.
const TICK_MICROS: u64 = 10_000;
/// Bytes of a memory page.
const PAGE_BYTES: u64 = 4096;

/// A process that ends when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`, on `core` only if one is given. What it prints goes to `log`.
    pub fn start(command: &Command, core: Option<usize>, log: &Path) -> Result<Self> {
        Self::spawn(command, core, log, Stdio::null())
    }

    /// The same for a command that ends when its standard input does, which is when this is
    /// dropped.
    pub fn start_with_input(command: &Command, core: Option<usize>, log: &Path) -> Result<Self> {
        Self::spawn(command, core, log, Stdio::piped())
    }

    fn spawn(command: &Command, core: Option<usize>, log: &Path, input: Stdio) -> Result<Self> {
        let mut pinned;
        match core {
            None => pinned = Command::new(command.get_program()),
            // taskset becomes the program, so the process id stays.
            Some(core) => {
                pinned = Command::new("taskset");
                pinned.arg("-c").arg(core.to_string()).arg(command.get_program());
            }
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => pinned.env(name, value),
                None => pinned.env_remove(name),
            };
        }
        let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = pinned
            .args(command.get_args())
            .stdin(input)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Self { child })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails if the process has ended.
    pub fn must_live(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("ended too early: {status}"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Asked first: a killed nginx would leave its workers behind.
        let is_asked = match self.child.stdin.take() {
            // Its end is the question.
            Some(_input) => true,
            None => Command::new("kill").arg(self.child.id().to_string()).status().is_ok(),
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while is_asked && Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end, which must be a good one, and tells what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Processor time of a process, its threads and its children, in microseconds.
pub fn cpu_micros(process: u32) -> Result<u64> {
    sum(process, |id| {
        let text = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        ticks(&text).map(|ticks| ticks * TICK_MICROS)
    })
}

/// Resident memory of a process and its children, in bytes. Pages they share count twice.
pub fn resident_bytes(process: u32) -> Result<u64> {
    sum(process, |id| {
        let text = std::fs::read_to_string(format!("/proc/{id}/statm"))?;
        let pages = text.split(' ').nth(1).context("statm is too short")?;
        Ok(pages.parse::<u64>()? * PAGE_BYTES)
    })
}

fn sum(process: u32, figure: impl Fn(u32) -> Result<u64>) -> Result<u64> {
    let mut total = figure(process)?;
    for child in children(process)? {
        total += figure(child)?;
    }
    Ok(total)
}

fn children(process: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("children"))?;
        found.extend(text.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    Ok(found)
}

/// User and system time of a `stat` line.
fn ticks(stat: &str) -> Result<u64> {
    // The name stands in parentheses and may contain anything.
    let (_, rest) = stat.rsplit_once(')').context("stat without a name")?;
    let mut fields = rest.split_whitespace().skip(11).map(str::parse::<u64>);
    let mut next = || fields.next().context("stat is too short")?.map_err(anyhow::Error::from);
    Ok(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_read_after_any_name() {
        let stat = "42 (a) b ( c) S 1 2 3 4 5 6 7 8 9 10 250 17 0 0 20 0 1 0";
        assert_eq!(ticks(stat).unwrap(), 267);
        assert!(ticks("42 (a) S 1").is_err());
    }

    #[test]
    fn what_a_command_prints_or_complains_of_is_told() {
        let shell = |text| output(Command::new("sh").args(["-c", text]));
        assert_eq!(shell("echo yes").unwrap(), "yes\n");
        assert!(shell("echo no >&2; exit 1").unwrap_err().to_string().ends_with(": no\n"));
    }

    #[test]
    fn an_open_input_ends_with_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let ended = folder.path().join("ended");
        let mut command = Command::new("sh");
        command.args(["-c", "cat; : >\"$1\"", "sh"]).arg(&ended);
        let log = folder.path().join("log");
        let mut process = Process::start_with_input(&command, None, &log).unwrap();
        process.must_live().unwrap();
        drop(process);
        assert!(ended.exists());
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(resident_bytes(std::process::id()).unwrap() > 100_000);
    }
}
