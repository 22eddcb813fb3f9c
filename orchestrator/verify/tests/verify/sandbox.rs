//! What a program must not do, each stopped and called by its name.

use std::os::unix::fs::PermissionsExt as _;

use retrial_grader::Verdict;
use retrial_verify::Verifiers;
use serde_json::json;
use tokio::net::TcpListener;

use super::{judge, open, reason, reward};

const TESTS: &str = r#"{"pairs": [{"stdin": "", "stdout": "done"}]}"#;

/// That a program fails, and that the reason says this.
async fn refused(verifiers: &Verifiers, code: &str, expected: &str) {
    let response = format!("```python\n{code}\nprint('done')\n```");
    let judgement = judge(verifiers, TESTS, &response).await;
    assert_eq!(
        (judgement.verdict, reward(&judgement)),
        (Verdict::Wrong, Some(0.0)),
        "{code}: {judgement:?}"
    );
    assert!(reason(&judgement).contains(expected), "{code}: {judgement:?}");
}

async fn sandbox() -> Verifiers {
    open(json!({"kind": "code", "timeout_seconds": 5, "memory_mb": 256})).await
}

#[tokio::test]
async fn what_is_harmless_is_let_through() {
    let verifiers = sandbox().await;
    for code in [
        "import threading; t = threading.Thread(target=print); t.start(); t.join()",
        "import tempfile; tempfile.NamedTemporaryFile().write(b'x')",
        "import asyncio; asyncio.run(asyncio.sleep(0))",
        "import random, math, collections, itertools, json, re, decimal, fractions, heapq",
        "open('mine', 'w').write('x'); import os; os.rename('mine', 'yours'); os.remove('yours')",
        "import signal; signal.signal(signal.SIGALRM, lambda *_: None); signal.alarm(1)",
    ] {
        let response = format!("```python\n{code}\nprint('done', end='')\n```");
        let tests = TESTS.replace(
            "\"done\"",
            if code.contains("threading") { "\"\\ndone\"" } else { "\"done\"" },
        );
        let judgement = judge(&verifiers, &tests, &response).await;
        assert_eq!(judgement.verdict, Verdict::Correct, "{code}: {judgement:?}");
    }
}

#[tokio::test]
async fn a_fork_bomb_gets_no_process() {
    let verifiers = sandbox().await;
    let processes = "the sandbox has no further processes";
    refused(&verifiers, "import os\nwhile True: os.fork()", processes).await;
    refused(&verifiers, "import subprocess; subprocess.run(['ls'])", processes).await;
    refused(&verifiers, "import multiprocessing as m; m.Process(target=print).start()", processes)
        .await;
    // Threads are allowed, as many as its memory has room for.
    let threads = "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=[9], daemon=True).start()";
    refused(&verifiers, threads, processes).await;
}

#[tokio::test]
async fn output_time_and_memory_end() {
    let verifiers = sandbox().await;
    refused(
        &verifiers,
        "for _ in range(1 << 20): print('x' * 1023)",
        "it wrote more than 1048576 bytes",
    )
    .await;
    refused(&verifiers, "x = 'x' * (1 << 30)", "the sandbox has no more memory").await;
    let fill = "open('f', 'w').write('x' * (1 << 25))";
    refused(&verifiers, fill, "File too large").await;
    let slow = open(json!({"kind": "code", "timeout_seconds": 1})).await;
    refused(&slow, "while True: pass", "it took more than 1 s").await;
    refused(&slow, "import time; time.sleep(100)", "it took more than 1 s").await;
}

#[tokio::test]
async fn files_of_others_are_neither_read_nor_written() {
    let verifiers = sandbox().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("retrial.db");
    std::fs::write(&log, "secret").unwrap();
    let log = log.display().to_string();
    let no = "the sandbox has no access to this";
    let here = env!("CARGO_MANIFEST_DIR");
    for code in [
        "open('/etc/passwd').read()".to_owned(),
        format!("open({log:?}).read()"),
        format!("open({log:?}, 'a')"),
        format!("import os; os.truncate({log:?}, 0)"),
        format!("import os; os.chmod({log:?}, 0o777)"),
        format!("import os; os.chown({log:?}, 1, 1)"),
        format!("import os; os.utime({log:?}, (1, 1))"),
        format!("import os; os.remove({log:?})"),
        format!("import os; os.rename({log:?}, 'mine')"),
        format!("import os; os.listdir({here:?})"),
        format!("open('{here}/Cargo.toml').read()"),
        format!("open('{here}/src/new.rs', 'w')"),
        format!("import os; os.symlink({log:?}, 'link'); open('link').read()"),
        "open('/usr/lib/mine', 'w')".to_owned(),
        "open('/proc/self/environ').read()".to_owned(),
        "import os; os.kill(os.getppid(), 9)".to_owned(),
        "import os; os.kill(os.getpid(), 9)".to_owned(),
        "import fcntl, os; fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())".to_owned(),
        "import os; os.link('/usr/bin/env', 'mine')".to_owned(),
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))".to_owned(),
        "import os; os.mkfifo('fifo') or os.mknod('device', 0o20666, 0x103)".to_owned(),
    ] {
        let expected = match &code {
            code if code.contains("setrlimit") => "not allowed",
            code if code.contains("os.link") => "cross-device link",
            _ => no,
        };
        refused(&verifiers, &code, expected).await;
    }
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "secret");
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o644);
}

#[tokio::test]
async fn there_is_no_network() {
    let verifiers = sandbox().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let no = "the sandbox has no network";
    refused(
        &verifiers,
        &format!("import socket; socket.create_connection(('127.0.0.1', {port}))"),
        no,
    )
    .await;
    refused(&verifiers, "import socket; socket.socket(socket.AF_UNIX)", no).await;
    refused(&verifiers, "import urllib.request as r; r.urlopen('http://127.0.0.1/')", "Errno 101")
        .await;
}
