//! The terminal that this process belongs to, whatever its standard streams are.

use std::io::{self, Read, Write};

#[cfg(unix)]
pub(crate) use unix::{Terminal, width};
#[cfg(not(unix))]
pub(crate) use unsupported::{Terminal, width};

impl Read for Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.0).flush()
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::{File, OpenOptions};
    use std::io;

    use std::os::fd::AsFd;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

    use crate::interrupt::{AtInterrupt, at_interrupt};

    pub(crate) struct Terminal(pub(super) File);

    /// The terminal does not show what is typed, until this is dropped or the process is interrupted.
    pub(crate) struct Silence {
        terminal: File,
        usual: Termios,
        _at_interrupt: AtInterrupt,
    }

    /// How many cells a line of this terminal has, if it says so.
    pub(crate) fn width(terminal: &impl AsFd) -> Option<usize> {
        tcgetwinsize(terminal).ok().map(|size| size.ws_col.into()).filter(|width| *width > 0)
    }

    impl Terminal {
        pub(crate) fn open() -> io::Result<Self> {
            OpenOptions::new().read(true).write(true).open("/dev/tty").map(Self)
        }

        pub(crate) fn silence(&self) -> io::Result<Silence> {
            let usual = tcgetattr(&self.0)?;
            let (terminal, again) = (self.0.try_clone()?, usual.clone());
            let at_interrupt = at_interrupt(move || restore(&terminal, &again));
            let mut silent = usual.clone();
            silent.local_modes -= LocalModes::ECHO;
            // What was typed before the question belongs to something else.
            tcsetattr(&self.0, OptionalActions::Flush, &silent)?;
            Ok(Silence { terminal: self.0.try_clone()?, usual, _at_interrupt: at_interrupt })
        }
    }

    impl Drop for Silence {
        fn drop(&mut self) {
            restore(&self.terminal, &self.usual);
        }
    }

    /// If that fails there is no terminal left to say so to.
    fn restore(terminal: &File, usual: &Termios) {
        let _ = tcsetattr(terminal, OptionalActions::Now, usual);
    }
}

/// Elsewhere nobody is asked: secrets come from files, standard input or the environment.
#[cfg(not(unix))]
mod unsupported {
    use std::fs::File;
    use std::io;

    pub(crate) struct Terminal(pub(super) File);
    pub(crate) struct Silence;

    pub(crate) fn width<T>(_terminal: &T) -> Option<usize> {
        None
    }

    impl Terminal {
        pub(crate) fn open() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn silence(&self) -> io::Result<Silence> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}
