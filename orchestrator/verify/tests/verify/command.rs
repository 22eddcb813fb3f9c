use std::collections::HashSet;

use retrial_grader::Verdict;
use retrial_verify::Verifiers;
use serde_json::json;

use super::{config, equal, judge, launcher, open, program, reason, reward, submission};

#[tokio::test]
async fn a_program_decides_about_many_in_any_order() {
    // It answers in pairs, the second first.
    let reversed = "def say(s):\n    \
        print(json.dumps({'id': s['id'], 'reward': int(s['answer']) / 100, 'answer': s['answer']}), flush=True)\n\
        while True:\n    a, b = sys.stdin.readline(), sys.stdin.readline()\n    \
        if not b: break\n    say(json.loads(b)); say(json.loads(a))\n";
    let verifiers = open(program(reversed, &json!({"workers": 1, "pass_at": 0.5}))).await;
    let all = (0..100).map(|n| submission(n, "", &format!("<answer>{n}</answer>"))).collect();
    let judgements = verifiers.judge(all).await.unwrap();
    for (n, judgement) in judgements.iter().enumerate() {
        assert_eq!(reward(judgement), Some(n as f64 / 100.0));
        let expected = if n >= 50 { Verdict::Correct } else { Verdict::Wrong };
        assert_eq!(judgement.verdict, expected);
        assert_eq!(judgement.answer.as_ref().unwrap().text, n.to_string());
    }
}

#[tokio::test]
async fn a_program_that_is_killed_or_stopped_is_replaced_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    // Each of these happens once, in whichever program comes to it first.
    let once = |number: usize, what: &str| {
        let path = folder.path().join(number.to_string()).display().to_string();
        format!(
            "    if s['id'].endswith('/{number}') and not os.path.exists({path:?}):\n        \
             open({path:?}, 'w').close(); {what}\n"
        )
    };
    let before = [
        once(11, "os.kill(os.getpid(), signal.SIGKILL)"),
        once(23, "os.kill(os.getpid(), signal.SIGSTOP)"),
        once(37, "sys.exit('no more')"),
        once(41, "print('debugging', flush=True)"),
        once(53, "say('nobody', reward=1)"),
        once(67, "say(s['id'], reward=7); continue"),
    ]
    .concat();
    let keys = program(&equal(&before), &json!({"workers": 2, "timeout_seconds": 0.5}));
    let verifiers = open(keys).await;
    // A first verdict each: what it may take to begin is behind them.
    let all = |count: usize| {
        (0..count)
            .map(|n| submission(n, &(n % 3).to_string(), "<answer>1</answer>"))
            .collect::<Vec<_>>()
    };
    verifiers.judge(all(8)).await.unwrap();
    let judgements = verifiers.judge(all(80)).await.unwrap();
    for (n, judgement) in judgements.iter().enumerate() {
        assert_eq!(reward(judgement), Some(f64::from(u8::from(n % 3 == 1))), "{n}: {judgement:?}");
    }
    let happened: HashSet<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(happened.len(), 6);
}

#[tokio::test]
async fn a_submission_that_breaks_every_program_fails_alone() {
    let before = "    if s['response'] == 'poison': os.kill(os.getpid(), signal.SIGKILL)\n    \
                  if s['response'] == 'lie': say(s['id'], reward=-1); continue\n    \
                  if s['response'] == 'decline': say(s['id'], reward=None, reason='no idea'); continue\n";
    let verifiers = open(program(&equal(before), &json!({"workers": 2}))).await;
    let mut all: Vec<_> = (0..20).map(|n| submission(n, "1", "<answer>1</answer>")).collect();
    for (place, response) in [(3, "poison"), (7, "lie"), (9, "decline")] {
        all[place].response = response.into();
    }
    let judgements = verifiers.judge(all).await.unwrap();
    for (n, judgement) in judgements.iter().enumerate() {
        let expected = match n {
            3 => "3 attempts failed",
            7 => "the reward -1 is not a number from 0 to 1",
            9 => "no idea",
            _ => {
                assert_eq!((judgement.verdict, reward(judgement)), (Verdict::Correct, Some(1.0)));
                assert_eq!(reason(judgement), "compared");
                continue;
            }
        };
        assert_eq!((judgement.verdict, reward(judgement)), (Verdict::Timeout, None), "{n}");
        assert!(reason(judgement).contains(expected), "{judgement:?}");
    }
}

#[tokio::test]
async fn a_program_that_never_works_stops_the_run_with_its_own_words() {
    let verifiers = open(program("import no_such_module", &json!({"workers": 1}))).await;
    let all = (0..20).map(|n| submission(n, "1", "<answer>1</answer>")).collect();
    let error = verifiers.judge(all).await.unwrap_err().to_string();
    assert!(error.contains("no_such_module") && error.contains("\nhint: "), "{error}");
}

#[tokio::test]
async fn the_run_stops_when_most_responses_cannot_be_verified() {
    let decline = equal("    say(s['id'], reward=None, reason='no licence'); continue");
    let verifiers = open(program(&decline, &json!({"workers": 1}))).await;
    let all = (0..20).map(|n| submission(n, "1", "1")).collect();
    let error = verifiers.judge(all).await.unwrap_err().to_string();
    assert!(error.contains("no verdict for 16 of the last 16"), "{error}");
    assert!(error.contains("no licence") && error.contains("hint: "), "{error}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said_with_a_hint() {
    let keys = json!({"kind": "command", "command": ["./no-such-program"]});
    let error = Verifiers::open(&config(keys), &launcher()).await.unwrap_err().to_string();
    assert!(
        error.contains("no-such-program") && error.contains("hint: [reward] command"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_is_left_of_a_program() {
    // The program starts another one, which holds a pipe open for as long as it lives.
    let before = "    import subprocess; subprocess.Popen(['sleep', '1000'], stdout=2, pass_fds=[]); \
                  say(s['id'], reward=1, reason=str(os.getpgrp())); continue\n";
    let verifiers = open(program(&equal(before), &json!({"workers": 1}))).await;
    let judgement = judge(&verifiers, "1", "1").await;
    let group: i32 = reason(&judgement).parse().unwrap();
    drop(verifiers);
    let group = rustix::process::Pid::from_raw(group).unwrap();
    while rustix::process::test_kill_process_group(group).is_ok() {
        tokio::task::yield_now().await;
    }
}
