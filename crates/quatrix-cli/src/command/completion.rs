//! `quatrix completion`

use clap_complete::Shell;

use crate::failure::Failure;
use crate::out;

/// Print a completion script for a shell.
///
///   bash         d=~/.local/share/bash-completion/completions
///                mkdir -p $d && quatrix completion bash > $d/quatrix
///   zsh          quatrix completion zsh > "${fpath[1]}/_quatrix"
///   fish         quatrix completion fish > ~/.config/fish/completions/quatrix.fish
///   PowerShell   quatrix completion powershell >> $PROFILE
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Completion {
    /// The shell
    shell: Shell,
}

impl Completion {
    pub(crate) fn run(self, mut root: clap::Command) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut root, "quatrix", &mut script);
        out::write(&script)
    }
}
