//! Signals: what we are told is told to the command, once, and how it died is how we die.
//!
//! Without a terminal the command has a process group of its own, so that what is sent to our group reaches it only through us.
//! With a terminal it shares ours, for a group in the background may not read from a terminal; Ctrl-C then reaches it by itself.

use std::process::{Child, Command, ExitStatus};

use super::Ending;

pub(super) use system::Signals;

/// Ends us as a signal ended the command, where that can be; else it returns.
#[cfg(unix)]
pub fn die_of(signal: i32) {
    use rustix::process::{Resource, Rlimit, getpid, setrlimit};
    // The first process of a container is not ended by its own signals.
    if getpid().is_init() {
        return;
    }
    // The command may have left a core file here; ours must not be written over it.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if setrlimit(Resource::Core, none).is_ok() {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
}

/// Ends us as a signal ended the command, where that can be; else it returns.
#[cfg(not(unix))]
pub fn die_of(_: i32) {}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io;
    use std::os::unix::process::CommandExt;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::thread;

    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    use signal_hook::iterator::Signals as Arriving;

    use super::{Child, Command, Ending, ExitStatus};
    use crate::stop;

    const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

    /// Signals that wait for a command to be passed on to.
    pub(in super::super) struct Signals {
        arriving: Option<Arriving>,
        terminal: Option<File>,
    }

    /// Signals on their way to a command.
    pub(in super::super) struct Forward {
        state: Arc<Mutex<State>>,
        pid: Pid,
    }

    struct State {
        phase: Phase,
        /// Whether we were told to end.
        told: bool,
    }

    enum Phase {
        Running { pid: Pid, terminal: Option<File> },
        Over(Ending),
    }

    impl Signals {
        /// From here on signals wait. Those that whoever started us has us ignore stay ignored, by us and by the command.
        pub(in super::super) fn register() -> Self {
            let ignored = stop::ignored();
            let wanted = PASSED_ON.iter().filter(|signal| ignored & (1 << (**signal - 1)) == 0);
            Self { arriving: Arriving::new(wanted).ok(), terminal: File::open("/dev/tty").ok() }
        }

        pub(in super::super) fn prepare(&self, builder: &mut Command) {
            if self.terminal.is_none() {
                builder.process_group(0);
            }
        }

        pub(in super::super) fn forward(self, child: &Child, late: impl Fn(&Ending) + Send + 'static) -> Forward {
            let pid = Pid::from_child(child);
            let phase = Phase::Running { pid, terminal: self.terminal };
            let state = Arc::new(Mutex::new(State { phase, told: false }));
            listen(self.arriving, Arc::clone(&state), late);
            Forward { state, pid }
        }

        pub(in super::super) fn unused(self, ending: Ending, late: impl Fn(&Ending) + Send + 'static) {
            let state = State { phase: Phase::Over(ending), told: false };
            listen(self.arriving, Arc::new(Mutex::new(state)), late);
        }
    }

    impl Forward {
        /// Waits for the command's end.
        pub(in super::super) fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
            // Until it is reaped its number is nobody else's, so that no signal goes astray.
            let ended = loop {
                match waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                    Err(rustix::io::Errno::INTR) => {}
                    other => break other.is_ok(),
                }
            };
            let _held = ended.then(|| lock(&self.state));
            child.wait()
        }

        /// Says that the command has ended. Whether we were told to end before that.
        pub(in super::super) fn over(&self, ending: Ending) -> bool {
            let mut state = lock(&self.state);
            state.phase = Phase::Over(ending);
            state.told
        }
    }

    fn listen(arriving: Option<Arriving>, state: Arc<Mutex<State>>, late: impl Fn(&Ending) + Send + 'static) {
        let Some(mut arriving) = arriving else { return };
        let body = move || {
            for signal in arriving.forever() {
                let mut held = lock(&state);
                let ends = !matches!(signal, SIGUSR1 | SIGUSR2);
                held.told |= ends;
                match &held.phase {
                    Phase::Running { pid, terminal } => pass_on(signal, *pid, terminal.as_ref()),
                    Phase::Over(ending) if ends => {
                        let ending = ending.clone();
                        drop(held);
                        late(&ending);
                    }
                    Phase::Over(_) => {}
                }
            }
        };
        // Without a thread signals are not passed on; the command runs all the same.
        let _ = thread::Builder::new().spawn(body);
    }

    fn pass_on(number: i32, pid: Pid, terminal: Option<&File>) {
        let Some(signal) = Signal::from_named_raw(number) else { return };
        // A command that has ended in this moment needs no signal.
        let _ = match terminal {
            None => kill_process_group(pid, signal),
            // What the terminal sends it sends to all of its foreground, the command among them.
            Some(terminal) if matches!(number, SIGINT | SIGQUIT) && in_front(terminal) => Ok(()),
            Some(_) => kill_process(pid, signal),
        };
    }

    fn in_front(terminal: &File) -> bool {
        rustix::termios::tcgetpgrp(terminal).is_ok_and(|group| group == rustix::process::getpgrp())
    }

    fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::SIGINT;

    use super::{Child, Command, Ending, ExitStatus};

    /// Ctrl-C, which the console sends to the command too: all there is to do is to outlive it.
    pub(in super::super) struct Signals(Arc<AtomicBool>);

    pub(in super::super) struct Forward(Arc<AtomicBool>);

    impl Signals {
        pub(in super::super) fn register() -> Self {
            let told = Arc::new(AtomicBool::new(false));
            // Without it Ctrl-C ends us before the command.
            let _ = signal_hook::flag::register(SIGINT, Arc::clone(&told));
            Self(told)
        }

        #[expect(clippy::unused_self, reason = "where there are process groups it is used")]
        pub(in super::super) fn prepare(&self, _: &mut Command) {}

        pub(in super::super) fn forward(self, _: &Child, _: impl Fn(&Ending) + Send + 'static) -> Forward {
            Forward(self.0)
        }

        pub(in super::super) fn unused(self, _: Ending, _: impl Fn(&Ending) + Send + 'static) {}
    }

    impl Forward {
        #[expect(clippy::unused_self, reason = "where there are signals it is used")]
        pub(in super::super) fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
            child.wait()
        }

        pub(in super::super) fn over(&self, _: Ending) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }
}
