//! A real browser: headless Chromium, controlled by the `DevTools` protocol.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// Deadline of every operation.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with one page; it ends when this is dropped.
pub struct Browser {
    child: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    last: u64,
    events: VecDeque<Value>,
    /// Errors and warnings of the page.
    pub complaints: Vec<String>,
    /// URLs that the page has requested.
    pub requests: Vec<String>,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder can be made");
        let mut child = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
            .args(["--disable-background-networking", "--no-first-run"])
            .args(["--disable-component-update", "--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("chromium can be started; `make test-browser` installs it");
        let mut lines = BufReader::new(child.stderr.take().expect("it is a pipe")).lines();
        let browser = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("DevTools listening on ")?.1.to_owned()))
            .expect("chromium says where it listens");
        // The pipe must be drained.
        std::thread::spawn(move || lines.map_while(Result::ok).count());
        let socket = connect(&browser);
        let mut browser = Self {
            child,
            socket,
            last: 0,
            events: VecDeque::new(),
            complaints: Vec::new(),
            requests: Vec::new(),
            _profile: profile,
        };
        browser.open_page();
        browser
    }

    fn open_page(&mut self) {
        let target = self.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let id = target["targetId"].as_str().expect("a target has a name").to_owned();
        let MaybeTlsStream::Plain(stream) = self.socket.get_ref() else {
            panic!("the connection is plain")
        };
        let peer = stream.peer_addr().expect("it is connected");
        self.socket = connect(&format!("ws://{peer}/devtools/page/{id}"));
        for domain in ["Page", "Runtime", "Network", "Log"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
    }

    /// Calls a method and waits for its answer.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let id = self.last;
        let text = json!({ "id": id, "method": method, "params": parameters }).to_string();
        self.socket.send(Message::text(text)).expect("the browser is there");
        loop {
            let message = self.read();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.note(message);
        }
    }

    fn read(&mut self) -> Value {
        loop {
            let message = self.socket.read().expect("the browser answers in time");
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).expect("messages are JSON");
            }
        }
    }

    fn note(&mut self, message: Value) {
        let parameters = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push(parameters.to_string()),
            Some("Runtime.consoleAPICalled") if parameters["type"] == "error" => {
                self.complaints.push(parameters["args"].to_string());
            }
            Some("Log.entryAdded") if parameters["entry"]["level"] == "error" => {
                self.complaints.push(parameters["entry"].to_string());
            }
            Some("Network.requestWillBeSent") => {
                let url = parameters["request"]["url"].as_str().unwrap_or_default();
                self.requests.push(url.to_owned());
            }
            _ => self.events.push_back(message),
        }
    }

    /// Opens a URL and waits until it is loaded.
    pub fn go(&mut self, url: &str) {
        self.events.clear();
        let found = self.call("Page.navigate", &json!({ "url": url }));
        assert!(found["errorText"].is_null(), "{url}: {found}");
        self.loaded();
    }

    /// Waits until a page is loaded.
    pub fn loaded(&mut self) {
        loop {
            while let Some(event) = self.events.pop_front() {
                if event["method"] == "Page.loadEventFired" {
                    return;
                }
            }
            let message = self.read();
            self.note(message);
        }
    }

    /// The value of an expression on the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let found = self.call("Runtime.evaluate", &parameters);
        assert!(found["exceptionDetails"].is_null(), "{expression}: {found}");
        found["result"]["value"].clone()
    }

    /// The value of an expression as text.
    pub fn text(&mut self, expression: &str) -> String {
        let value = self.value(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is {value}")).to_owned()
    }

    /// Waits until an expression is true.
    pub fn wait_for(&mut self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.value(&format!("Boolean({expression})")) != true {
            assert!(Instant::now() < deadline, "it does not come to pass: {expression}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        let text = if key.len() == 1 { key } else { "\r" };
        for kind in ["keyDown", "keyUp"] {
            let mut parameters = json!({ "type": kind, "key": key });
            if kind == "keyDown" {
                parameters["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", &parameters);
        }
    }

    /// Moves the pointer to the middle of an element.
    pub fn point_at(&mut self, selector: &str) {
        let place = format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center'}}); \
             const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] }})()",
            json!(selector)
        );
        let at = self.value(&place);
        let parameters = json!({ "type": "mouseMoved", "x": at[0], "y": at[1] });
        self.call("Input.dispatchMouseEvent", &parameters);
    }

    /// Sets the size of the window and whether it is dark.
    pub fn look(&mut self, width: u32, height: u32, dark: bool) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Writes a screenshot to a file.
    pub fn picture(&mut self, path: &Path) {
        let found = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let data = found["data"].as_str().expect("a picture is text");
        let decode = "base64 -d";
        let mut child = Command::new("sh")
            .args(["-c", &format!("{decode} > \"$0\"")])
            .arg(path)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell can be started");
        let mut input = child.stdin.take().expect("it is a pipe");
        std::io::Write::write_all(&mut input, data.as_bytes()).expect("the pipe takes it");
        drop(input);
        assert!(child.wait().expect("it ends").success(), "{} is not written", path.display());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(url: &str) -> WebSocket<MaybeTlsStream<TcpStream>> {
    let (socket, _) = tungstenite::connect(url).expect("the browser takes connections");
    if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes a time-out");
    }
    socket
}
