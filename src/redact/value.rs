//! Judges what stands where a secret could stand: a value, or only the name of one?

/// Whether `value` is what a person or a program could have as a password: not a mask, a variable, a type, a call.
pub(super) fn is_value(value: &str, words: &[String]) -> bool {
    let value = value.trim();
    value.len() >= super::forms::SHORTEST && !is_mask(value) && !is_reference(value) && !is_word(value, words)
}

/// Whether `name` is that of a secret, such as `Db.Password` or `ApiKey`.
pub(super) fn is_secret_name(name: &str) -> bool {
    const ENDS: &[&str] = &[
        "accesskey",
        "apikey",
        "authkey",
        "credential",
        "credentials",
        "encryptionkey",
        "masterkey",
        "passphrase",
        "password",
        "passwd",
        "privatekey",
        "pwd",
        "secret",
        "secretkey",
        "sharedkey",
        "signingkey",
        "storagekey",
        "token",
    ];
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    ENDS.iter().any(|end| name.ends_with(end))
        && !name.ends_with("publickeytoken")
        && !name.ends_with("cancellationtoken")
}

/// Whether `value` looks drawn at random: long, mixed, not a path, a version or words put together.
pub(super) fn is_odd(value: &str) -> bool {
    value.len() >= 8
        && !is_mask(value)
        && !is_path(value)
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && (value.split(|c: char| c.is_ascii_punctuation()).any(is_odd_piece) || is_made_up(value))
}

/// Whether `value`, which stood where a secret stands, is too rare to mean anything else where it stands again.
pub(super) fn is_rare(value: &str) -> bool {
    is_odd(value)
        || (!is_mask(value)
            && !is_path(value)
            && ((value.len() >= 10 && has_inner_sign(value))
                || value.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=_-".contains(c))).any(is_rare_piece)))
}

/// Digits among letters, or letters of both cases that make no words.
fn is_rare_piece(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    let any = |is: fn(&u8) -> bool| bytes.iter().any(is);
    let mixed = any(u8::is_ascii_digit) && any(u8::is_ascii_alphabetic) && !piece.contains(['-', '_', '/']);
    let cases = any(u8::is_ascii_lowercase) && any(u8::is_ascii_uppercase) && !is_camel(bytes);
    piece.len() >= 12 && (mixed || cases)
}

/// `aBc!Def+Ghij`: signs that no name has between letters of both cases that change all the time.
fn is_made_up(value: &str) -> bool {
    let bytes = value.as_bytes();
    let both = bytes.iter().any(u8::is_ascii_lowercase) && bytes.iter().any(u8::is_ascii_uppercase);
    let mut pieces = value.split(|c: char| c.is_ascii_punctuation()).filter(|piece| piece.len() >= 5);
    has_inner_sign(value) && both && value.len() >= 10 && pieces.any(|piece| turns(piece) * 3 >= piece.len())
}

/// Whether a sign that names do not have stands between letters or digits.
fn has_inner_sign(value: &str) -> bool {
    value.as_bytes().windows(3).any(|three| {
        b"!%+#$&*?^~@".contains(&three[1]) && three[0].is_ascii_alphanumeric() && three[2].is_ascii_alphanumeric()
    })
}

/// How often the kind of letter changes.
fn turns(text: &str) -> usize {
    text.as_bytes().windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count()
}

/// Bits per byte by how often each byte occurs in `value`.
#[expect(clippy::cast_precision_loss, reason = "lengths of words are small")]
pub(super) fn entropy(value: &str) -> f64 {
    let mut counts = [0_usize; 256];
    for byte in value.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = value.len() as f64;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| count as f64 / length)
        .map(|share| -share * share.log2())
        .sum()
}

/// `********`, `xxxx`, `...`: one sign over and over, or no letter and no digit at all.
fn is_mask(value: &str) -> bool {
    let value = value.trim_matches(|c: char| "\"'[]<>(){}".contains(c));
    let mut bytes = value.bytes();
    let first = bytes.next();
    let same = bytes.all(|byte| Some(byte) == first);
    let sign = first.is_none_or(|byte| !byte.is_ascii_digit());
    (same && sign) || value.contains("****") || !value.chars().any(char::is_alphanumeric)
}

/// `${VAR}`, `#{Var}`, `$(VAR)`, `%VAR%`, `<password>`, `getPassword()`, `process.env.X`.
fn is_reference(value: &str) -> bool {
    let value = value.trim_start_matches(['\\', '"', '\'']);
    let wrapped = |open: &str, close: &str| {
        value.len() > open.len() + close.len() && value.starts_with(open) && value.ends_with(close)
    };
    let opens = [
        "${",
        "#{",
        "$(",
        "{{",
        "@(",
        "$[",
        "$env:",
        "<%",
        "@Microsoft.KeyVault",
        "id=",
        "!Ref",
        "!Sub",
        "((",
        "[System.",
    ];
    let name = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    opens.iter().any(|open| value.starts_with(open))
        || (wrapped("%", "%") && value.get(1..value.len() - 1).is_some_and(name))
        || (wrapped("<", ">") && !value.contains("><"))
        || (wrapped("[", "]") || wrapped("{", "}")) && value.get(1..value.len() - 1).is_some_and(name)
        || (wrapped("__", "__") || wrapped("@", "@"))
        || value.strip_prefix('$').is_some_and(name)
        || value.strip_prefix('%').is_some_and(|rest| name(rest) && !is_odd_piece(rest))
        || is_call(value)
        || is_member(value)
        || is_cmdlet(value)
        || is_constant(value)
        || is_file(value)
}

/// `getPassword()`, `os.environ["X"]`, `encrypt(`: a name followed by a bracket.
fn is_call(value: &str) -> bool {
    let end = value.find(|c: char| !(c.is_ascii_alphanumeric() || "_.$:>-".contains(c))).unwrap_or(value.len());
    let (name, rest) = value.split_at_checked(end).unwrap_or_default();
    name.len() >= 3
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'$' || byte == b'_')
        && ((rest.starts_with('(') && (rest.ends_with(')') || rest.len() == 1 || rest.starts_with("()")))
            || rest.starts_with("[\"")
            || rest.starts_with("['"))
}

/// `CI_TOKEN`: the name of a variable.
fn is_constant(value: &str) -> bool {
    value.contains('_') && value.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// `Get-Secret`, `Read-Host`: two capitalized words.
fn is_cmdlet(value: &str) -> bool {
    const VERBS: &[&str] = &[
        "Get",
        "New",
        "Read",
        "Convert",
        "ConvertTo",
        "ConvertFrom",
        "Import",
        "Invoke",
        "Join",
        "Request",
        "Select",
        "Unprotect",
    ];
    value
        .split_once('-')
        .is_some_and(|(verb, noun)| VERBS.contains(&verb) && noun.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

/// `process.env.TOKEN`, `var.password`: words joined by dots, the first one known for holding settings.
fn is_member(value: &str) -> bool {
    const HOLDERS: &[&str] = &[
        "args",
        "config",
        "configuration",
        "context",
        "ctx",
        "data",
        "env",
        "environment",
        "github",
        "inputs",
        "local",
        "matrix",
        "module",
        "options",
        "opts",
        "os",
        "params",
        "parameters",
        "process",
        "props",
        "request",
        "req",
        "secrets",
        "self",
        "settings",
        "steps",
        "system",
        "this",
        "values",
        "var",
        "variables",
        "vars",
    ];
    let (holder, rest) = value.trim_start_matches(['$', '.']).split_once(['.', ':']).unwrap_or_default();
    HOLDERS.contains(&holder.to_ascii_lowercase().as_str())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-:".contains(&byte))
}

/// A place where a secret may be kept.
fn is_file(value: &str) -> bool {
    let bytes = value.as_bytes();
    let drive = bytes.first().is_some_and(u8::is_ascii_alphabetic) && value.get(1..3) == Some(":\\");
    let rooted = ["/", "./", "../", "~/", "\\\\", "file://"].iter().any(|root| value.starts_with(root));
    // Base64 can start with a slash, but is rarely cut by slashes into words.
    drive || (rooted && value.split(['/', '\\', '.']).all(|piece| !is_odd_piece(piece)))
}

fn is_path(value: &str) -> bool {
    is_file(value) || value.contains("://")
}

/// A word that says what belongs here, or that nothing does.
fn is_word(value: &str, words: &[String]) -> bool {
    let bare = value.trim_matches(|c: char| c.is_ascii_punctuation());
    words.iter().any(|word| word.eq_ignore_ascii_case(bare))
}

/// Whether a piece between signs looks drawn at random: letters and digits mixed, or case changing all the time.
fn is_odd_piece(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    // `python3`, `v2`, `x86`, `Summer24`: letters, then two digits at most.
    let tail = bytes.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let word = digits == tail && digits <= 2;
    (letters > 0 && digits > 0 && piece.len() >= 6 && !word)
        || (piece.len() >= 10 && turns(piece) * 3 >= piece.len() && letters > 0 && !(digits == 0 && is_camel(bytes)))
}

/// `atomsCountAtStart`: words of three letters at least, each with its capital.
fn is_camel(letters: &[u8]) -> bool {
    let capitals = letters.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let mut words = letters.chunk_by(|one, next| !(one.is_ascii_lowercase() && next.is_ascii_uppercase()));
    capitals * 3 <= letters.len() && words.all(|word| word.len() >= 3)
}

fn kind(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests;
