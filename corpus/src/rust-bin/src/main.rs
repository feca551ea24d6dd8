//! A small program with a real dependency tree: collections, threads, panics, regular expressions, JSON.
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc;
use std::thread;

/// Never called: must go.
#[no_mangle]
pub extern "C" fn unused_export(n: u32) -> u32 {
    format!("{n:?}").len() as u32
}

fn count(text: &str) -> HashMap<String, usize> {
    let word = regex::Regex::new(r"(?i)[a-z]+\d{0,3}").expect("a fixed pattern");
    let mut counts = HashMap::new();
    for found in word.find_iter(text) {
        *counts.entry(found.as_str().to_lowercase()).or_default() += 1;
    }
    counts
}

fn main() {
    let (send, receive) = mpsc::channel();
    let workers: Vec<_> = std::env::args()
        .map(|argument| {
            let send = send.clone();
            thread::spawn(move || send.send(count(&argument)))
        })
        .collect();
    drop(send);
    let mut total = BTreeMap::new();
    for counts in receive {
        for (word, times) in counts {
            *total.entry(word).or_insert(0usize) += times;
        }
    }
    for worker in workers {
        let _ = worker.join();
    }
    println!("{}", serde_json::to_string_pretty(&total).unwrap_or_default());
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
    println!("{:?}", listener.and_then(|listener| listener.local_addr()));
}
