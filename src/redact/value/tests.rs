//! What is taken for a secret, and what only stands where one could.

use super::*;

fn check(judge: fn(&str) -> bool, yes: &[&str], no: &[&str]) {
    for value in yes {
        assert!(judge(value), "{value:?} should be taken");
    }
    for value in no {
        assert!(!judge(value), "{value:?} should not be taken");
    }
}

#[test]
fn a_placeholder_is_no_value() {
    check(
        |value| is_value(value, &["null".into(), "string".into()]),
        &["hunter2", "correct horse", "$ecret!word", "12345678", "P@ss(w)ord", "aaaa1", "/Zx81kQ0pL/9"],
        &[
            "********",
            "xxxxxxxx",
            "****1234",
            "${VAR}",
            "#{Project.Password}",
            "$(VAR)",
            "%VAR%",
            "<password>",
            "NULL",
            "string",
            "getPassword()",
            "process.env.DB_PASS",
            "$password",
            "$env:PASS",
            "{{ secret }}",
            "[REDACTED]",
            "os.environ[\"X\"]",
            "/run/secrets/db",
            "C:\\secrets\\db.txt",
            "var.password",
            "__Password__",
            "abc",
            "string,",
        ],
    );
}

#[test]
fn a_rare_value_is_no_word_either() {
    check(
        is_rare,
        &["abcdefGhijkLm", "production2024", "correct!horse"],
        &["production", "camelCaseWords", "my-secret-name", "/usr/lib/x", "Octopus.Server"],
    );
}

#[test]
fn an_odd_value_is_no_word_path_or_version() {
    check(
        is_odd,
        &[
            "x8Kq2Lm9Zr",
            "hunter2hunter2",
            "P4ssw0rd!",
            "dGhpc0lzQVNlY3JldA",
            "3f2a9c81d04e",
            "Summer2024",
            "aBcDe!fGhIj",
        ],
        &[
            "production",
            "my-secret-name",
            "10.0.19045.1",
            "1234567890",
            "/usr/lib/x86_64/a.so",
            "python3.8-token",
            "v1.2.3-beta",
            "C:\\Windows\\System32",
            "https://h.example/x8Kq2Lm9Zr",
            "Octopus.Server",
            "Outer+Inner+Type",
            "nonZeroRefcountAtomsCount == 0",
            "C#and+Java",
            "aaaaaaaaaaaa",
            "short1",
            "--------",
        ],
    );
}

#[test]
fn a_value_has_four_characters_at_least() {
    check(|value| is_value(value, &[]), &["abcd", " abcd "], &["abc", " abc "]);
}

#[test]
fn a_secret_is_known_by_the_end_of_its_name() {
    check(
        is_secret_name,
        &["Db.Password", "api-key", "GITHUB_TOKEN", "Key Vault Secret"],
        &["Mood", "PasswordFile", "PublicKeyToken", "CancellationToken", ""],
    );
}

#[test]
fn an_odd_value_has_eight_characters_and_a_letter() {
    check(is_odd, &["x8Kq2Lm9"], &["x8Kq2Lm", "x8Kq2Lm9****", "12345678", "https://h.example/x8Kq2Lm9"]);
}

#[test]
fn a_rare_value_has_a_sign_inside_or_a_piece_that_no_name_is() {
    check(
        is_rare,
        &["abcde!fghi", "production24", "x: abcdefGhijkLm", "abcdefGhijkL"],
        &[
            "abcde!fgh",
            "abc!def****",
            "/ab!cdefghij",
            "https://a!bcdefghi",
            "productio24",
            "product-2024",
            "PRODUCTIONSYSTEM",
            "productionsystem",
            "abcdefGhijk",
            "abc def ghi jkl",
        ],
    );
}

#[test]
fn a_piece_is_rare_by_digits_among_letters_or_by_its_capitals() {
    check(
        is_rare_piece,
        &["production24", "abcdefGhijkL"],
        &[
            "production-2",
            "production_2",
            "production/2",
            "123456789012",
            "ABCDEFGHIJKL",
            "abcDefGhiJkl",
            "production2",
        ],
    );
}

#[test]
fn what_is_made_up_changes_its_letters_all_the_time() {
    check(
        is_made_up,
        &["aBcDe!fGhI", "aBcDe!fghi", "abCdef!ghij", "abCdefGhi!jk"],
        &["aBcDe!fGh", "aBcD!fghijk", "abcde!fghij", "abcde!f1h2i3j", "ABC1E!F1H2I3", "aBcDe-fGhIj", "Abcde!fghij"],
    );
}

#[test]
fn a_sign_is_inside_between_letters_or_digits() {
    check(has_inner_sign, &["a!b", "1~2", "xx@yy"], &["a!", "!ab", "a-b", "a!!b", "ab", ""]);
}

#[test]
fn a_turn_is_a_change_of_the_kind_of_letter() {
    let check = |text: &str, expected: usize| assert_eq!(turns(text), expected, "{text}");
    check("ab1C-", 3);
    for two in ["aA", "A1", "1a", "a-", "A-", "1-"] {
        check(two, 1);
    }
    for two in ["ab", "AB", "12", "-+", "a", ""] {
        check(two, 0);
    }
}

#[test]
fn entropy_is_in_bits_a_byte() {
    let check = |text: &str, expected: f64| assert!((entropy(text) - expected).abs() < 1e-9, "{text}");
    check("", 0.0);
    check("aaaa", 0.0);
    check("aabb", 1.0);
    check("abcd", 2.0);
    check("aaaaaabc", 1.061_278_124_459_133);
}

#[test]
fn a_mask_is_one_sign_over_and_over() {
    check(is_mask, &["xxxx", "\"****\"", "ab****", "-+-+", "", "<>"], &["1111", "abcd", "xxxy", "ab***"]);
}

#[test]
fn each_way_to_name_a_secret_is_a_reference() {
    check(
        is_reference,
        &[
            "#{Project.Password}",
            "\\\"${VAR}",
            "%A_B%",
            "<the password>",
            "[REDACTED]",
            "{Password}",
            "__Pass.word__",
            "@Pass.word@",
            "$password",
            "%password",
            "getPassword()",
            "process.env.X",
            "Get-Secret",
            "CI_TOKEN",
            "/run/secrets/db",
        ],
        &[
            "%A-B%",
            "%%",
            "<a><b>",
            "<>",
            "<abc",
            "abc>",
            "[a b]",
            "[]",
            "{a b}",
            "@@",
            "@",
            "$na me",
            "$",
            "%x8Kq2Lm9",
            "%na me",
            "abc",
        ],
    );
}

#[test]
fn a_call_is_a_name_before_a_bracket() {
    check(
        is_call,
        &["get()", "$get(x)", "_get(", "get()x", "os.environ[\"X\"]", "env['X']"],
        &["ge()", "1get()", "get(x", "get[X]", "get x()", "get", "(get)", "-get()"],
    );
}

#[test]
fn the_name_of_a_variable_or_of_a_command_is_a_reference() {
    check(is_constant, &["CI_TOKEN"], &["CITOKEN", "CI_Token", "CI_1", "CI-TOKEN"]);
    check(is_cmdlet, &["Get-Secret", "ConvertTo-SecureString"], &["Foo-Secret", "Get-Secret1", "GetSecret"]);
    check(is_member, &["process.env.X", "var:a-b", "$config.x"], &["proc.env", "process.a b", "process"]);
}

#[test]
fn a_path_is_no_secret() {
    check(
        is_file,
        &["C:\\x", "/run/x", "~/x", "../x", "\\\\host\\x", "file:///x"],
        &["1:\\x", "C:/x", "run/x", "/x8Kq2Lm9/a", ""],
    );
    check(is_path, &["/a", "https://a"], &["a", "a:b"]);
}

#[test]
fn a_piece_is_odd_by_digits_among_its_letters_or_by_its_turns() {
    check(
        is_odd_piece,
        &["a1b2c3", "abc123", "1bcdef", "aBcDeFgHiJ", "aBcDefghij", "abcDefGhiJkl1"],
        &["a1b2c", "abcd12", "abcde1", "123456", "abcdef", "aBcDeFgHi", "12-34-56-7", "abcDefGhiJkl", "abcdefghij"],
    );
}

#[test]
fn words_put_together_have_three_letters_each() {
    let camel = |text: &str| is_camel(text.as_bytes());
    check(camel, &["abcDef", "AbcDef", "ABcdef", "Abc", "abc"], &["abDef", "ABCdef", "abcDe", "ab"]);
}
