//! Whoever started us wants us to end: a signal on Unix, Ctrl-C on Windows.

#[cfg(unix)]
pub(crate) use system::ignored;
pub use system::{listen, outlive_full_files};

#[cfg(unix)]
mod system {
    use std::fs;
    use std::thread;

    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::signal_name;

    /// Calls `told` with the signal's name each time we are told to end. Signals that whoever started us has us ignore stay
    /// ignored. Where none can be waited for, a signal ends us as it always does.
    pub fn listen(told: impl Fn(&'static str) + Send + 'static) {
        let ignored = ignored();
        let wanted = [SIGTERM, SIGINT, SIGHUP].into_iter().filter(|signal| ignored & (1 << (*signal - 1)) == 0);
        let Ok(mut arriving) = Signals::new(wanted) else { return };
        let handle = arriving.handle();
        let body = move || arriving.forever().for_each(|signal| told(signal_name(signal).unwrap_or("a signal")));
        if thread::Builder::new().name("stop".to_owned()).spawn(body).is_err() {
            handle.close();
        }
    }

    /// Has a write beyond the largest file that is allowed fail like one to a full disk, instead of ending us.
    pub fn outlive_full_files() {
        // Where it cannot be had, the limit ends us, as it ends every program.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    }

    /// The signals that are ignored, a bit each from the lowest. Only Linux says.
    pub(crate) fn ignored() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
    }
}

#[cfg(not(unix))]
mod system {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use signal_hook::consts::SIGINT;

    /// How often we look whether Ctrl-C was pressed.
    const PAUSE: Duration = Duration::from_millis(50);

    /// Nothing: here a write beyond a limit fails by itself.
    pub const fn outlive_full_files() {}

    /// Calls `told` each time we are told to end.
    pub fn listen(told: impl Fn(&'static str) + Send + 'static) {
        let flag = Arc::new(AtomicBool::new(false));
        if signal_hook::flag::register(SIGINT, Arc::clone(&flag)).is_err() {
            return;
        }
        let body = move || {
            loop {
                thread::sleep(PAUSE);
                if flag.swap(false, Ordering::Relaxed) {
                    told("Ctrl-C");
                }
            }
        };
        // Without the thread Ctrl-C would be swallowed until the deadline, which holds all the same.
        let _ = thread::Builder::new().name("stop".to_owned()).spawn(body);
    }
}
