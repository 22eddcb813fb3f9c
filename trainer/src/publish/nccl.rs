//! Whole weights to vLLM over NCCL, GPU to GPU: for servers that cannot read the trainer's disk, or
//! read it slowly.
//!
//! The tensors come from the version's files, in their order; the files are
//! written anyway, because a run resumes from them. Each server with its workers is a group
//! whose rank 0 is the trainer. A group is kept between pushes and created again after a failure,
//! or after a restart of the server.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use futures::FutureExt;
use futures::future::BoxFuture;
use retrial_native::nccl::{CollectiveError, Group, Nccl, Patience};
use retrial_servers::{CallError, Caller, Channel, Failed};
use serde_json::{Value, json};
use tch::{Device, Kind};
use tokio::task::spawn_blocking;

use crate::model::{Entry, ModelError, StoredTensors};

const CONNECTING: &str = "joining its NCCL group";
const SENDING: &str = "sending the weights over NCCL";

/// Open groups, by the URL of their server.
#[derive(Clone)]
pub struct Channels {
    open: Arc<Mutex<HashMap<String, Group>>>,
    device: Device,
}

impl Channels {
    /// No open groups. They will send from the trainer's GPU, or from the first one if the trainer
    /// computes on the CPU.
    pub fn new(device: Device) -> Self {
        let device = if device.is_cuda() { device } else { Device::cuda_if_available() };
        Self { open: Arc::default(), device }
    }

    fn take(&self, url: &str) -> Option<Group> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(url)
    }

    fn keep(&self, url: &str, group: Group) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned(), group);
    }
}

#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Collective(#[from] CollectiveError),
    #[error(transparent)]
    Files(#[from] ModelError),
}

impl Channel for Channels {
    fn send<'a>(
        &'a self,
        caller: &'a Caller,
        folder: &'a Path,
    ) -> BoxFuture<'a, Result<(), Failed>> {
        async move {
            let open = self.take(caller.url());
            let kept = open.is_some();
            let group = match open {
                Some(group) => group,
                None => connect(caller, self.device).await?,
            };
            let group = match transfer(caller, group, folder).await {
                // The server may have restarted, which loses its group.
                Err(failed) if kept && !failed.is_away() => {
                    tracing::info!(%failed, "joining the server's NCCL group anew");
                    transfer(caller, connect(caller, self.device).await?, folder).await?
                }
                sent => sent?,
            };
            self.keep(caller.url(), group);
            Ok(())
        }
        .boxed()
    }
}

/// A call that failed on this side, or that the server refused.
fn refused(what: &'static str, caller: &Caller, problem: impl Into<String>) -> Failed {
    Failed::new(what, CallError::unusable_for_good(caller.url(), problem))
}

/// Opens a group with the workers of a server.
async fn connect(caller: &Caller, device: Device) -> Result<Group, Failed> {
    let what = "asking for its workers";
    let answer: Value =
        caller.get("/get_world_size").await.map_err(|error| Failed::new(what, error))?;
    let workers = answer["world_size"].as_u64().filter(|&workers| workers > 0);
    let ranks =
        1 + workers.ok_or_else(|| refused(what, caller, format!("it answered {answer}")))?;
    let failed = |error: CollectiveError| refused(CONNECTING, caller, error.to_string());
    let nccl = Arc::new(Nccl::load().map_err(failed)?);
    let id = nccl.unique_id().map_err(failed)?;
    let body = json!({ "init_info": {
        "nccl_unique_id_b64": BASE64_STANDARD.encode(id.0),
        "rank_offset": 1,
        "world_size": ranks,
        "packed": false,
    } });
    let join = move |patience: &Patience| Group::join(nccl, id, ranks as usize, device, patience);
    side_by_side(caller, CONNECTING, "/init_weight_transfer_engine", &body, join).await
}

/// Sends all tensors of a folder to a group.
async fn transfer(caller: &Caller, group: Group, folder: &Path) -> Result<Group, Failed> {
    let failed = |error: ModelError| refused(SENDING, caller, error.to_string());
    let mut tensors = StoredTensors::open(folder).map_err(failed)?;
    let entries = tensors.entries().map_err(failed)?;
    let column = |of: fn(&Entry) -> Value| -> Value { entries.iter().map(of).collect() };
    let body = json!({ "update_info": {
        "names": column(|entry| json!(entry.name)),
        "dtype_names": column(|entry| json!(torch_name(entry.kind))),
        "shapes": column(|entry| json!(entry.shape)),
    } });
    tell(caller, "beginning an update", "/start_weight_update", &json!({})).await?;
    let broadcast = move |patience: &Patience| {
        let mut group = group;
        tensors
            .try_for_each(|tensor| group.broadcast(&tensor, patience).map_err(SendError::from))?;
        Ok::<Group, SendError>(group)
    };
    let group = side_by_side(caller, SENDING, "/update_weights", &body, broadcast).await?;
    tell(caller, "ending the update", "/finish_weight_update", &json!({})).await?;
    Ok(group)
}

async fn tell(
    caller: &Caller,
    what: &'static str,
    route: &str,
    body: &Value,
) -> Result<(), Failed> {
    caller.tell(route, body).await.map(drop).map_err(|error| Failed::new(what, error))
}

/// Runs the two halves of a collective: the server's by a request, this side's on a thread. The
/// one that fails cancels the other.
async fn side_by_side<T, E>(
    caller: &Caller,
    what: &'static str,
    route: &str,
    body: &Value,
    own: impl FnOnce(&Patience) -> Result<T, E> + Send + 'static,
) -> Result<T, Failed>
where
    T: Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let patience = Patience::new(caller.timeout());
    let of_thread = patience.clone();
    let ours = spawn_blocking(move || own(&of_thread));
    let theirs = async {
        let answer = tell(caller, what, route, body).await;
        if answer.is_err() {
            patience.give_up();
        }
        answer
    };
    let ours = async {
        let done = ours.await;
        let done = done.map_err(|error| error.to_string());
        done.and_then(|done| done.map_err(|error| error.to_string())).map_err(|problem| {
            Failed::new(what, CallError::Transport { url: caller.url().into(), problem })
        })
    };
    tokio::pin!(ours, theirs);
    tokio::select! {
        // The server's reason is the better one.
        biased;
        answer = &mut theirs => {
            answer?;
            ours.await
        }
        done = &mut ours => {
            let done = done?;
            theirs.await?;
            Ok(done)
        }
    }
}

/// A kind's name in `torch.dtype`.
fn torch_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Half => "float16",
        Kind::BFloat16 => "bfloat16",
        _ => "float32",
    }
}
