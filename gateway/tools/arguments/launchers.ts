/** Programs that run what they are given: what follows them is a command, or code, again. */

/**
 * How the rest of a command is read. `shell`: `-c` and a line; `rest`: the words that follow are a command; `lines`: all words
 * together are a line; `never`: it can't be told here what will run.
 */
export type Launch = "shell" | "rest" | "lines" | "never";

const table: readonly (readonly [Launch, string])[] = [
  ["shell", "sh bash dash ash zsh ksh mksh ksh93 yash posh rbash"],
  [
    "rest",
    "sudo doas env nohup nice ionice setsid stdbuf timeout time command builtin exec xargs busybox toybox pkexec gosu su-exec fakeroot setarch linux64 linux32 numactl rlwrap firejail tini dumb-init",
  ],
  ["rest", "chrt taskset unbuffer caffeinate eatmydata chronic proxychains torsocks"],
  ["lines", "eval"],
  [
    "never",
    "source . trap alias unalias enable hash bind complete fc history set shopt declare typeset local export readonly",
  ],
  [
    "never",
    "unset read mapfile readarray getopts let coproc su runuser script chroot unshare nsenter ssh watch parallel at batch",
  ],
  [
    "never",
    "bwrap capsh prlimit start-stop-daemon run-parts dbus-run-session entr direnv crontab flock expect screen tmux systemd-run strace ltrace gdb fish csh tcsh pwsh powershell cmd wsl rc elvish nu xonsh",
  ],
  ["never", "[[ ((  function select case if for while until"],
];
export const launches: ReadonlyMap<string, Launch> = new Map(
  table.flatMap(([launch, names]) => names.split(/\s+/).map((name) => [name, launch] as const)),
);

/** Programs that may run others, or code, by their own options: a policy that allows them allows that. */
export const interpreters: ReadonlySet<string> = new Set(
  (
    "python python2 python3 perl ruby node nodejs deno bun php lua luajit tclsh wish Rscript R julia java jshell groovy " +
    "scala go dotnet awk gawk mawk nawk sed find fd xargs make gmake cmake ninja npm npx pnpm yarn pip pip3 pipx uv uvx " +
    "poetry cargo gem bundle composer git hg svn vi vim nvim view ed ex emacs nano less more man gdb tar zip rsync scp " +
    "docker podman kubectl helm ansible terraform psql mysql sqlite3 mongo mongosh redis-cli socat nc ncat netcat openssl " +
    "sort split nmap ip systemctl journalctl unzip cpio mail mailx sendmail ssh-keygen logrotate dpkg rpm apt apt-get yum dnf " +
    "apk brew snap flatpak pacman insmod modprobe xdg-open latex pdflatex tex gnuplot octave " +
    "ffmpeg m4 dd tee install ld ld.so jq yq curl wget osascript"
  ).split(" "),
);

/** Variables that decide what is run, or how lines are read. */
export const dangerousVariable =
  /^(?:PATH|IFS|ENV|BASH_ENV|BASHOPTS|SHELLOPTS|SHELL|PS[0-4]|PROMPT_COMMAND|CDPATH|GLOBIGNORE|HOME|ZDOTDIR|FPATH|EDITOR|VISUAL|PAGER|BROWSER|LESSOPEN|LESSCLOSE|MANPAGER|TERMINFO|LOCALDOMAIN|HOSTALIASES|BASH_FUNC_.*|LD_.*|DYLD_.*|GCONV_PATH|MALLOC_.*|GIT_.*|SSH_.*|PYTHON.*|PERL.*|RUBY.*|NODE_.*|NPM_.*|npm_.*|JAVA_.*|_JAVA_.*|JDK_.*|CLASSPATH|GEM_.*|LUA_.*|PHP.*|DOTNET_.*|CORECLR_.*|COR_.*|RUSTC.*|CARGO_.*|CC|CXX|MAKEFLAGS|.*_PROXY|.*_proxy)$/;
