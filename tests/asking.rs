//! How models are asked: less firmly where they know less, once more where that helps, another where it does not, and never
//! beyond the limits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use firefighter::diagnose::facts::Facts;
use firefighter::diagnose::{Limits, Model};
use firefighter::model::Author;
use serde_json::json;
use sim::{Listener, Manner, Response};
use stand::{ANSWER, DIALECTS, KEY, ask, bodies, chat, folder, model, response, says, script};

mod sim;
#[path = "dialects/stand.rs"]
mod stand;

#[test]
fn who_does_not_know_schemas_is_asked_less_firmly() {
    for (provider, dialect, ..) in DIALECTS {
        let (refusal, whole) = (folder(dialect).join("schema-unknown.txt"), folder(dialect).join("whole.txt"));
        let listener = Listener::start(move |request| {
            let firm = ["json_schema", "responseJsonSchema"].iter().any(|word| request.text().contains(word));
            response(if firm { &refusal } else { &whole })
        });
        let told = ask(vec![model(provider, &listener)], Limits::default(), 20.0);
        assert!(told.by_model() && told.notes.is_empty(), "{dialect}: {}", told.notes);
        assert_eq!(listener.requests().len(), 2, "{dialect}");
    }
}

#[test]
fn who_does_not_stream_is_asked_for_a_whole_answer() {
    for (provider, dialect, ..) in DIALECTS {
        let whole = folder(dialect).join("whole.txt");
        let listener = Listener::start(move |request| {
            let streams =
                request.text().contains("\"stream\":true") || request.target().to_lowercase().contains("stream");
            if streams {
                return Response::json(400, &json!({"error": {"message": "Streaming is not supported"}}));
            }
            response(&whole)
        });
        let told = ask(vec![model(provider, &listener)], Limits::default(), 20.0);
        assert!(told.by_model() && told.notes.is_empty(), "{dialect}: {}", told.notes);
        assert_eq!(listener.requests().len(), 2, "{dialect}");
    }
}

#[test]
fn a_server_with_the_older_limit_gets_the_older_limit() {
    let listener = Listener::start(|request| {
        if request.text().contains("max_completion_tokens") {
            let error = json!({"error": {"message": "max_completion_tokens: Extra inputs are not permitted"}});
            return Response::json(422, &error);
        }
        chat("whole")
    });
    let limits = Limits { cost: None, tokens: Some(9_000) };
    assert!(ask(vec![model("openai", &listener)], limits, 20.0).by_model());
    assert!(bodies(&listener)[1]["max_tokens"].as_u64().is_some());
}

#[test]
fn what_is_not_the_json_asked_for_is_sent_back_once() {
    let listener = script(vec![|| says("The registry refused, I am afraid."), || chat("whole")]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(told.by_model() && told.notes.is_empty(), "{}", told.notes);
    let second = &bodies(&listener)[1]["messages"];
    assert_eq!(second[2], json!({"role": "assistant", "content": "The registry refused, I am afraid."}));
    assert!(second[3]["content"].as_str().unwrap().contains("not the JSON asked for"));
    assert_eq!(told.asked.usage.len(), 2, "both were paid for");
    let listener = script(vec![|| says("No."), || says("No!"), || chat("whole")]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(!told.by_model() && told.notes.contains("not the JSON asked for"), "{}", told.notes);
    assert_eq!(listener.requests().len(), 2);
}

#[test]
fn an_answer_that_was_cut_off_in_silence_is_not_asked_for_again() {
    let listener = script(vec![|| says(ANSWER.split_once("\"steps\"").unwrap().0)]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(told.by_model() && told.notes.contains("is not whole (it ends in the middle)"), "{}", told.notes);
    assert_eq!(listener.requests().len(), 1);
}

#[test]
fn a_copy_of_the_question_is_no_answer() {
    let listener = script(vec![|| says(r#"{"summary": "the cause in one or two sentences", "kind": "dns"}"#)]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(!told.by_model() && told.notes.contains("it repeats the question"), "{}", told.notes);
}

#[test]
fn a_server_that_counts_unasked_still_gets_the_schema() {
    let listener = Listener::start(|request| {
        if request.text().contains("stream_options") {
            let detail = json!({"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"});
            return Response::json(422, &json!({"object": "error", "message": {"detail": [detail]}}));
        }
        chat("stream")
    });
    assert!(ask(vec![model("mistral", &listener)], Limits::default(), 20.0).by_model());
    let second = &bodies(&listener)[1];
    assert_eq!((&second["stream"], &second["response_format"]["type"]), (&json!(true), &json!("json_schema")));
}

#[test]
fn no_half_of_a_key_is_shown() {
    let long = format!("{}{KEY}", "x".repeat(190));
    let event = format!("data: {}\n\n", json!({"error": {"message": long}}));
    let (whole, spelled) = (json!({"error": {"message": long}}).to_string(), KEY.replace("sk-", "sk\\u002d"));
    let bodies = [
        (200, "text/event-stream", event),
        (401, "application/json", whole),
        (403, "application/json", format!("{{\"message\": \"{spelled} is wrong\"}}")),
    ];
    for (status, media_type, body) in bodies {
        let listener = Listener::start(move |_| Response::new(status, media_type, body.clone()));
        let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
        assert!(!told.notes.contains("sk-simul"), "{}", told.notes);
        assert!(told.notes.contains("(hid") || told.notes.contains("xxx"), "{}", told.notes);
    }
}

#[test]
fn a_lie_is_not_sent_back_for_a_better_one() {
    let listener = script(vec![|| says(r#"{"summary": "It says `a quotation that is nowhere`"}"#)]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(!told.by_model() && told.notes.contains("it quotes what is not in the log"), "{}", told.notes);
    assert_eq!(listener.requests().len(), 1);
}

#[test]
fn the_next_model_is_asked_when_the_first_gives_nothing() {
    let first = script(vec![|| chat("unauthorized")]);
    let file = folder("messages").join("stream.txt");
    let second = Listener::start(move |_| response(&file));
    let told = ask(vec![model("openai", &first), model("anthropic", &second)], Limits::default(), 20.0);
    assert_eq!(
        told.asked.diagnosis.author,
        Author::Llm { provider: "Anthropic".to_owned(), model: "some-model".to_owned() }
    );
    assert!(told.notes.contains("its key is not accepted") && !told.notes.contains("catalogue"), "{}", told.notes);
}

#[test]
fn a_model_that_hangs_leaves_time_for_the_next() {
    let first = script(vec![|| Response::new(200, "application/json", "").manner(Manner::Hang)]);
    let second = script(vec![|| chat("whole")]);
    let told = ask(vec![model("openai", &first), model("openai", &second)], Limits::default(), 12.0);
    assert!(told.by_model() && told.notes.contains("did not answer in time"), "{}", told.notes);
}

#[test]
fn a_passing_trouble_is_tried_again() {
    let soon: fn() -> Response = || Response::json(429, &json!({})).header("Retry-After", "0");
    let listener = script(vec![soon, || chat("trouble"), || chat("stream")]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    assert!(told.by_model() && told.notes.is_empty(), "{}", told.notes);
    assert_eq!(listener.requests().len(), 3);
}

#[test]
fn pages_and_nothing_are_no_answers() {
    let check = |answer: fn() -> Response, expected: &str| {
        let listener = script(vec![answer]);
        let told = ask(vec![model("openai", &listener)], Limits::default(), 9.0);
        assert!(!told.by_model() && told.notes.contains(expected), "{:?} lacks {expected:?}", told.notes);
    };
    let sign_in = || Response::html(200, "<!DOCTYPE html><html><body>Please sign in</body></html>");
    check(sign_in, "does not answer like a model: check the address");
    check(|| Response::html(502, "<html>Bad Gateway</html>"), "status 502");
    check(|| Response::new(200, "application/json", ""), "does not answer like a model");
    check(|| Response::json(200, &json!({"status": "ok"})), "does not answer like a model");
    check(|| Response::new(200, "text/event-stream", ": nothing\n\ndata: [DONE]\n\n"), "does not answer like a model");
    check(|| Response::json(404, &json!({"error": "model 'x' not found"})), "model 'x' not found");
}

#[test]
fn the_limits_of_tokens_and_cost_are_kept() {
    let check = |limits: Limits, change: fn(&mut Model), expected: Result<std::ops::Range<u64>, &str>| {
        let listener = script(vec![|| chat("whole")]);
        let mut model = model("openai", &listener);
        change(&mut model);
        let told = ask(vec![model], limits, 20.0);
        match expected {
            Ok(range) => {
                let sent = bodies(&listener)[0]["max_completion_tokens"].as_u64().unwrap_or_default();
                assert!(range.contains(&sent), "{limits:?}: {sent} is not in {range:?}");
            }
            Err(reason) => {
                assert!(told.notes.contains(reason), "{limits:?}: {}", told.notes);
                assert!(listener.requests().is_empty(), "{limits:?}: nothing is sent");
            }
        }
    };
    let tokens = |tokens| Limits { cost: None, tokens: Some(tokens) };
    let cost = |cost| Limits { cost: Some(cost), tokens: None };
    let as_is = |_: &mut Model| {};
    check(Limits::default(), as_is, Ok(0..1));
    check(tokens(500), as_is, Err("--max-tokens"));
    check(tokens(4_000), as_is, Ok(256..3_500));
    // At ten dollars for a million tokens of an answer, two cents buy less than two thousand.
    check(cost(0.02), as_is, Ok(1_000..2_000));
    check(cost(0.0001), as_is, Err("--max-cost"));
    check(cost(1.0), |model| model.facts = Facts::default(), Err("is not known"));
    check(Limits::default(), |model| model.facts.context = Some(600), Err("lower --budget"));
    check(Limits::default(), |model| model.facts.context = Some(8_192), Ok(2_048..2_049));
}

#[test]
fn a_second_question_counts_what_the_first_one_took() {
    let listener = script(vec![|| {
        let message = json!({"message": {"content": "No."}, "finish_reason": "stop"});
        let usage = json!({"prompt_tokens": 3_000, "completion_tokens": 900});
        Response::json(200, &json!({"choices": [message], "usage": usage}))
    }]);
    let told = ask(vec![model("openai", &listener)], Limits { cost: None, tokens: Some(4_000) }, 20.0);
    assert_eq!(listener.requests().len(), 1, "{}", told.notes);
    assert!(told.notes.contains("--max-tokens"), "{}", told.notes);
}

#[test]
fn what_nobody_counted_counts_as_much_as_it_may_have_been() {
    let hangs: fn() -> Response = || Response::new(200, "application/json", "").manner(Manner::Hang);
    let uncounted: fn() -> Response = || {
        let message = json!({"message": {"content": "No."}, "finish_reason": "stop"});
        Response::json(200, &json!({"choices": [message]}))
    };
    for first in [hangs, uncounted] {
        let (first, second) = (script(vec![first]), script(vec![|| chat("whole")]));
        let models = vec![model("openai", &first), model("openai", &second)];
        let told = ask(models, Limits { cost: None, tokens: Some(3_000) }, 10.0);
        assert_eq!((first.requests().len(), second.requests().len()), (1, 0), "{}", told.notes);
        assert!(told.notes.contains("--max-tokens"), "{}", told.notes);
    }
}

#[test]
fn a_model_on_the_users_own_machine_is_asked_steadily_and_costs_nothing() {
    let listener = script(vec![|| chat("whole")]);
    let mut model = model("ollama", &listener);
    model.facts = Facts::default();
    let told = ask(vec![model], Limits { cost: Some(0.0), tokens: None }, 20.0);
    assert_eq!(told.asked.usage[0].price, Some(0.0));
    assert_eq!(bodies(&listener)[0]["temperature"], 0);
}

#[test]
fn what_is_kept_of_an_exchange_is_the_request_and_the_text_put_together() {
    let listener = script(vec![|| chat("stream")]);
    let told = ask(vec![model("openai", &listener)], Limits::default(), 20.0);
    let exchange = &told.asked.exchanges[0];
    assert_eq!(exchange.request, listener.requests()[0].text());
    assert_eq!(exchange.answer, ANSWER);
    assert_eq!((exchange.status, exchange.provider.as_str()), (Some(200), "OpenAI"));
}
