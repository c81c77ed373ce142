//! A machine that lacks what a run takes for granted.

/// What is wrong with the machine: what it is called, and a line of Bash that makes it so and then starts the program.
pub(crate) struct Lack {
    pub(crate) name: &'static str,
    pub(crate) line: &'static str,
    /// Whether nobody can hear what is said.
    pub(crate) deaf: bool,
}

const fn lack(name: &'static str, line: &'static str) -> Lack {
    Lack { name, line, deaf: false }
}

const fn deaf(name: &'static str, line: &'static str) -> Lack {
    Lack { name, line, deaf: true }
}

pub(crate) const LACKS: &[Lack] = &[
    lack("nothing wrong", r#"exec "$@""#),
    deaf("the output is closed", r#"exec "$@" >&-"#),
    deaf("the output's disk is full", r#"exec "$@" >/dev/full"#),
    lack("the error stream is closed", r#"exec "$@" 2>&-"#),
    lack("the input is closed", r#"exec "$@" <&-"#),
    lack("the working folder can't be written to", r#"cd /proc/self && exec "$@""#),
    lack("the working folder is gone", r#"mkdir gone && cd gone && rmdir ../gone && exec "$@""#),
    lack("files may have no byte", r#"ulimit -f 0; exec "$@" | cat"#),
    lack("files may have a kilobyte", r#"ulimit -f 1; exec "$@" | cat"#),
    lack("no folder for temporary files", r#"TMPDIR=/none TMP=/none TEMP=/none exec "$@""#),
    lack("no home", r#"unset HOME; exec "$@""#),
    lack("no search path", r#"PATH=/none exec "$@""#),
    lack("24 open files", r#"ulimit -n 24; exec "$@""#),
    lack("a stack of 256 kB", r#"ulimit -s 256; exec "$@""#),
    lack("2 GB of addresses", r#"ulimit -v 2000000; exec "$@""#),
    lack("one processor", r#"exec taskset 1 "$@""#),
    lack("the lowest priority", r#"exec nice -n 19 "$@""#),
    lack("a clock that says 1970", r#"SOURCE_DATE_EPOCH=0 exec "$@""#),
    lack("a clock that says 2100", r#"SOURCE_DATE_EPOCH=4102444800 exec "$@""#),
    lack("an unknown language", r#"exec env LANG=xx_YY LC_ALL=xx_YY "$@""#),
    lack("variables that are no UTF-8", r#"export ODD=$'\xff\xfe'; exec "$@""#),
    lack(
        "a megabyte of variables",
        r#"for n in {1..10}; do printf -v "MUCH$n" '%*s' 100000 x; export "MUCH$n"; done; exec "$@""#,
    ),
];
